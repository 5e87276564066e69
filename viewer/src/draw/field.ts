/** A field on the graphics card: its code, its weights, and the cells that may hold something. */

import { type FieldCode, generate } from "../field/generate";
import { type Bytes, FieldTextures } from "../field/textures";
import type { Program, Shown, Stored } from "../protocol";
import { type GL, type Pass, bound, textureOf } from "./gl";
import { skips } from "./occupancy";

const OCCUPIED = "occupied";

export class DrawnField {
  readonly code: FieldCode;
  private readonly textures: FieldTextures;
  private cells: WebGLTexture | null = null;
  private bits = new Uint8Array();
  private filled = false;

  constructor(
    private readonly gl: GL,
    readonly shown: Shown,
    readonly program: Program,
  ) {
    this.code = generate(program);
    this.textures = new FieldTextures(gl, program);
  }

  /** Whether its weights are there. */
  get ready(): boolean {
    return this.filled;
  }

  set(arrays: readonly Stored[], bytes: Bytes): void {
    this.textures.set(arrays.filter(({ name }) => name !== OCCUPIED), bytes); // drawing reads `cells` in its place
    const { march } = this.shown;
    if (march !== null) this.setCells(arrays, bytes, march.cells);
    this.filled = true;
  }

  /** For a pass in use. Returns the next free texture unit. */
  bind(pass: Pass, unit: number): number {
    const next = this.textures.bind(pass.program, unit);
    if (this.cells === null) return next;
    pass.setTexture("cells", this.cells, next, this.gl.TEXTURE_3D);
    return next + 1;
  }

  dispose(): void {
    this.textures.dispose();
    if (this.cells !== null) this.gl.deleteTexture(this.cells);
  }

  private setCells(arrays: readonly Stored[], bytes: Bytes, side: number): void {
    const stored = arrays.find(({ name }) => name === OCCUPIED);
    if (stored === undefined) throw new Error("a radiance field lacks its cells");
    const { gl } = this;
    const bits = bytes.slice(stored.offset, stored.offset + side ** 3 / 8);
    if (bits.every((byte, k) => byte === this.bits[k])) return;
    this.bits = bits;
    const found = skips(bits, side);
    this.cells ??= textureOf(gl, gl.NEAREST, gl.TEXTURE_3D);
    bound(gl, this.cells, gl.TEXTURE_3D);
    const [format, type] = [gl.RED_INTEGER, gl.UNSIGNED_BYTE];
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8UI, side, side, side, 0, format, type, found);
  }
}
