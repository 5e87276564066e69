/** What all kinds of pictures have in common on the graphics card. */

import type { Bytes } from "../field/textures";
import type { MapName, Shown, Truth } from "../protocol";
import { ENTRIES, colourTable } from "./colours";
import type { DrawnField } from "./field";
import { type GL, Pass, Target, bound, floatFormat, textureOf } from "./gl";
import { BACKDROPS } from "./shared";
import type { ViewState } from "./view";

/** An image signal's values as they arrive. */
export interface TruthPicture {
  readonly told: Pick<Truth, "width" | "height" | "channels" | "dtype">;
  readonly bytes: Bytes;
}

/** Points per axis at which numbers for legends are measured. */
const MEASURED = 48;

export class Stage {
  readonly fields: (DrawnField | null)[] = [null, null];
  readonly photos = new Map<number, WebGLTexture>();
  private images: ReadonlyMap<number, TexImageSource> = new Map();
  /** Where pictures are put; null: on the canvas. */
  output: Target | null = null;
  truth: WebGLTexture | null = null;
  truthPicture: TruthPicture | null = null;
  private readonly legends = new Map<MapName, WebGLTexture>();
  private readonly rasters = new Map<string, WebGLTexture>();
  private readonly passes = new Map<string, Pass>();
  private readonly measured: Target;
  private readonly empty: WebGLTexture;

  constructor(
    readonly gl: GL,
    readonly shown: Shown,
  ) {
    this.measured = new Target(gl, MEASURED, MEASURED, 1, floatFormat(gl));
    this.empty = textureOf(gl);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  /** A pass by its name, made when first wanted. */
  pass(name: string, source: () => string): Pass {
    const known = this.passes.get(name);
    if (known !== undefined) return known;
    const made = new Pass(this.gl, source());
    this.passes.set(name, made);
    return made;
  }

  /** Forget the passes of a field, which has another program now. */
  forget(field: number): void {
    for (const [name, pass] of this.passes) {
      if (!name.startsWith(`field${field} `)) continue;
      pass.dispose();
      this.passes.delete(name);
    }
  }

  setTruth(picture: TruthPicture): void {
    const { gl } = this;
    this.truthPicture = picture;
    this.truth ??= textureOf(gl);
    const { width, height, dtype } = picture.told;
    const half = dtype === "float16";
    bound(gl, this.truth);
    const [internal, type] = half ? [gl.RGBA16F, gl.HALF_FLOAT] : [gl.RGBA8, gl.UNSIGNED_BYTE];
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, gl.RGBA, type, inFours(picture));
  }

  /** All that there are. Returns whether they are others than before. */
  setPhotos(photos: ReadonlyMap<number, TexImageSource>): boolean {
    const gone = [...this.images].filter(([view, image]) => photos.get(view) !== image);
    for (const [view] of gone) {
      this.gl.deleteTexture(this.photos.get(view) ?? null);
      this.photos.delete(view);
    }
    const come = [...photos].filter(([view]) => !this.photos.has(view));
    for (const [view, image] of come) this.photos.set(view, this.photo(image));
    this.images = photos;
    return gone.length + come.length > 0;
  }

  private photo(image: TexImageSource): WebGLTexture {
    const { gl } = this;
    const texture = textureOf(gl, gl.LINEAR);
    bound(gl, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, image);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
    gl.generateMipmap(gl.TEXTURE_2D);
    return texture;
  }

  /** A texture, or one of a single empty pixel. */
  or(texture: WebGLTexture | null | undefined): WebGLTexture {
    return texture ?? this.empty;
  }

  /** Numbers as the two rows of a texture; kept under a name. */
  raster(name: string, values: Float32Array): WebGLTexture {
    const { gl } = this;
    const texture = this.rasters.get(name) ?? textureOf(gl);
    this.rasters.set(name, texture);
    bound(gl, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, values.length / 2, 2, 0, gl.RED, gl.FLOAT, values);
    return texture;
  }

  /** Sets what `shared.DISPLAY` and `shared.PIXEL` read. Returns the next free texture unit. */
  display(pass: Pass, view: ViewState, width: number, height: number): number {
    pass.use();
    pass.set("canvas", [width, height]);
    pass.setInt("backdrop", BACKDROPS[view.backdrop]);
    pass.setTexture("legend", this.legend(view.map), 0);
    return 1;
  }

  /** Draw with the pass in use a picture of this size, bottom up. */
  onCanvas(width: number, height: number): void {
    const { gl, output } = this;
    if (output !== null) return output.draw();
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** The values that the pass in use, which writes them with a weight, finds all over a picture; ascending. */
  measure(pass: Pass, width: number, height: number): number[] {
    pass.set("stride", [width / MEASURED, height / MEASURED]);
    this.measured.draw();
    const texels = this.measured.read(0);
    const values: number[] = [];
    for (let k = 0; k < texels.length; k += 4) {
      const value = texels[k] ?? 0;
      if ((texels[k + 3] ?? 0) > 0 && Number.isFinite(value)) values.push(value);
    }
    return values.sort((a, b) => a - b);
  }

  dispose(): void {
    const { gl } = this;
    this.fields.forEach((field) => field?.dispose());
    this.measured.dispose();
    for (const pass of this.passes.values()) pass.dispose();
    const textures = [this.truth, this.empty, ...this.photos.values(), ...this.legends.values()];
    for (const texture of [...textures, ...this.rasters.values()]) gl.deleteTexture(texture);
  }

  private legend(name: MapName): WebGLTexture {
    const known = this.legends.get(name);
    if (known !== undefined) return known;
    const { gl } = this;
    const texture = textureOf(gl);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, ENTRIES, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, colourTable(name));
    this.legends.set(name, texture);
    return texture;
  }
}

/** Samples [n, channels] as [n, 4], what is not there 0. */
function inFours({ told, bytes }: TruthPicture): Uint8Array | Uint16Array {
  const { channels } = told;
  const given = samplesOf(told, bytes);
  const count = told.width * told.height;
  const texels = told.dtype === "float16" ? new Uint16Array(4 * count) : new Uint8Array(4 * count);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < Math.min(channels, 4); c++) texels[4 * i + c] = given[i * channels + c] ?? 0;
  }
  return texels;
}

function samplesOf({ dtype }: TruthPicture["told"], bytes: Bytes): Uint16Array | Uint8Array {
  return dtype === "float16" ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1) : bytes;
}

/** One sample of a truth. */
export function truthSample({ told, bytes }: TruthPicture, x: number, y: number, channel: number): number {
  const sample = samplesOf(told, bytes)[(y * told.width + x) * told.channels + channel] ?? 0;
  return told.dtype === "float16" ? halfToNumber(sample) : sample / 255;
}

/** The number that 16 bits of IEEE 754 stand for. */
export function halfToNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}
