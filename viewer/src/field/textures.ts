import type { Learned, Program, Stored } from "../protocol";
import { fours, layoutOf, tableSampler, TABLE_WIDTH, texelOf, WEIGHTS_WIDTH, type Layout } from "./layout";

type Values = Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** A part of a message, which begins at a multiple of 8. */
export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * The arrays of a field as textures: weights and scales in one of RGBA32F, each table in one of 16-bit floats.
 *
 * Tables of int8 are stored as the 16-bit floats of these whole numbers, which is exact; the shader multiplies by the
 * scales. So one shader serves all kinds of snapshots.
 */
export class FieldTextures {
  private readonly layout: Layout;
  private readonly weights: Float32Array<ArrayBuffer>;
  private readonly weightsTexture: Texture;
  private readonly tables: Texture[];
  private readonly grid: Texture | null;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly program: Program,
  ) {
    this.layout = layoutOf(program);
    this.weights = new Float32Array(4 * Math.max(1, this.layout.texels));
    this.weightsTexture = new Texture(gl, WEIGHTS_WIDTH);
    this.tables = this.layout.tables.map(() => new Texture(gl, TABLE_WIDTH));
    this.grid = this.layout.occupied ? new Texture(gl, TABLE_WIDTH) : null;
  }

  /** Takes over a snapshot; arrays that are not in it stay as they are. */
  set(arrays: readonly Stored[], bytes: Bytes): void {
    for (const stored of arrays) {
      const array = this.program.arrays.find(({ name }) => name === stored.name);
      if (!array || String(array.shape) !== String(stored.shape)) {
        throw new Error(`the field has no array ${stored.name} of shape ${stored.shape.join(" x ")}`);
      }
      if (array.name === "occupied") this.grid!.upload(1, "uint8", raw(stored, bytes, Uint8Array, bitBytes(array)));
      else if (array.table) this.setTable(array, stored, bytes);
      else this.setWeights(array, floatsOf(stored, bytes));
    }
    this.weightsTexture.upload(4, "float32", this.weights);
  }

  /** Binds all textures from a unit on, and tells a program in use; gives the next free unit. */
  bind(program: WebGLProgram, firstUnit: number): number {
    const { gl } = this;
    const named: [string, Texture][] = [
      ["nf_weights", this.weightsTexture],
      ...this.tables.map((texture, i): [string, Texture] => [tableSampler(i), texture]),
    ];
    if (this.grid) named.push(["nf_occupied", this.grid]);
    named.forEach(([name, texture], i) => {
      gl.activeTexture(gl.TEXTURE0 + firstUnit + i);
      gl.bindTexture(gl.TEXTURE_2D, texture.texture);
      gl.uniform1i(gl.getUniformLocation(program, name), firstUnit + i);
    });
    return firstUnit + named.length;
  }

  dispose(): void {
    for (const texture of [this.weightsTexture, ...this.tables, this.grid]) texture?.dispose();
  }

  private setTable(array: Learned, stored: Stored, bytes: Bytes): void {
    const [rows = 0, features = 1] = array.shape;
    const values = tableValues(stored, bytes);
    const { channels, texels } = texelOf(features);
    const kind = values instanceof Float32Array ? "float32" : "float16";
    const number = this.layout.tables.indexOf(array);
    this.tables[number]!.upload(channels, kind, padded(values, rows, features, channels * texels));
    const start = this.layout.start.get(array.name)!;
    array.parts.forEach((_, i) => (this.weights[4 * (start + i)] = stored.scales[i] ?? 1));
  }

  private setWeights(array: Learned, values: Float32Array): void {
    const start = 4 * this.layout.start.get(array.name)!;
    const [rows = 1, columns] = array.shape;
    if (columns === undefined) this.weights.set(values, start);
    else inBlocks(values, rows, columns, this.weights, start);
  }
}

/** A matrix, row after row, as blocks of 4 x 4 that lie row of blocks after row of blocks, each column after column. */
export function inBlocks(from: Float32Array, rows: number, columns: number, to: Float32Array, start: number): void {
  const wide = fours(columns);
  for (let row = 0, at = 0; row < rows; row++) {
    const first = start + 16 * (row >> 2) * wide + (row & 3);
    // Of a column: its block, then its place in it; together 4 times its number.
    for (let column = 0; column < columns; column++, at++) to[first + 4 * column] = from[at]!;
  }
}

/** Rows of so many values as rows of more, with zeros. */
function padded(values: Values, rows: number, features: number, to: number): Values {
  if (features === to) return values;
  const found = values instanceof Float32Array ? new Float32Array(rows * to) : new Uint16Array(rows * to);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < features; k++) found[row * to + k] = values[row * features + k]!;
  }
  return found;
}

/** As 16-bit floats, or 32-bit ones where they are stored so. */
function tableValues(stored: Stored, bytes: Bytes): Values {
  switch (stored.dtype) {
    case "float16":
      return raw(stored, bytes, Uint16Array);
    case "float32":
      return raw(stored, bytes, Float32Array);
    case "int8": {
      const whole = raw(stored, bytes, Uint8Array);
      const found = new Uint16Array(whole.length);
      for (let i = 0; i < whole.length; i++) found[i] = HALVES[whole[i]!]!;
      return found;
    }
    default:
      throw new Error(`${stored.name} is a table of ${stored.dtype}`);
  }
}

function floatsOf(stored: Stored, bytes: Bytes): Float32Array {
  if (stored.dtype !== "float32") throw new Error(`${stored.name} are weights of ${stored.dtype}`);
  return raw(stored, bytes, Float32Array);
}

type ArrayOf<T> = { new (buffer: ArrayBuffer, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number };

function raw<T>(stored: Stored, bytes: Bytes, kind: ArrayOf<T>, length = count(stored.shape)): T {
  if (stored.offset + length * kind.BYTES_PER_ELEMENT > bytes.byteLength) {
    throw new Error(`the snapshot ends before the end of ${stored.name}`);
  }
  return new kind(bytes.buffer, bytes.byteOffset + stored.offset, length);
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function bitBytes(array: Learned): number {
  return Math.ceil(count(array.shape) / 8);
}

/** The 16-bit floats of the whole numbers -128 to 127, by their two's complement. */
const HALVES = Uint16Array.from({ length: 256 }, (_, bits) => {
  const value = bits < 128 ? bits : bits - 256;
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
});

/** A texture of so many values, in rows of a fixed width, of which the last need not be full. */
class Texture {
  readonly texture: WebGLTexture;
  private format = 0;
  private height = 0;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly width: number,
  ) {
    this.texture = gl.createTexture();
  }

  upload(channels: 1 | 2 | 4, kind: "float16" | "float32" | "uint8", values: Values | Uint8Array<ArrayBuffer>): void {
    const { gl, width } = this;
    const [internal, format, type] = this.formats(channels, kind);
    const texels = values.length / channels;
    const whole = Math.floor(texels / width);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    this.allocate(Math.ceil(texels / width), internal, format, type);
    if (whole) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, whole, format, type, values);
    const rest = texels - whole * width;
    const from = whole * width * channels;
    if (rest) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, whole, rest, 1, format, type, values, from);
  }

  dispose(): void {
    this.gl.deleteTexture(this.texture);
  }

  private allocate(height: number, internal: GLenum, format: GLenum, type: GLenum): void {
    const { gl } = this;
    if (this.format === internal && this.height === height) return;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    if (height > most) throw new Error(`the field needs a texture ${height} high, this device has at most ${most}`);
    [this.format, this.height] = [internal, height];
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, this.width, height, 0, format, type, null);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
  }

  private formats(channels: 1 | 2 | 4, kind: "float16" | "float32" | "uint8"): [GLenum, GLenum, GLenum] {
    const { gl } = this;
    if (kind === "uint8") return [gl.R8UI, gl.RED_INTEGER, gl.UNSIGNED_BYTE];
    const format = { 1: gl.RED, 2: gl.RG, 4: gl.RGBA }[channels];
    return kind === "float16"
      ? [{ 1: gl.R16F, 2: gl.RG16F, 4: gl.RGBA16F }[channels], format, gl.HALF_FLOAT]
      : [{ 1: gl.R32F, 2: gl.RG32F, 4: gl.RGBA32F }[channels], format, gl.FLOAT];
  }
}
