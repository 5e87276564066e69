import { expect, test } from "vitest";

import { halfToNumber } from "../../src/draw/stage";
import { TABLE_WIDTH } from "../../src/field/layout";
import { FieldTextures, inBlocks } from "../../src/field/textures";
import type { Learned, Program, Stored } from "../../src/protocol";
import { type Upload, context } from "../gl";

const programOf = (...arrays: Learned[]): Program => ({ nodes: [], arrays, density: null });
const table = (rows: number, features: number, parts: number[] = [rows]): Learned => ({ name: "t", shape: [rows, features], table: true, parts });
const stored = (learned: Learned, dtype: Stored["dtype"], more: Partial<Stored> = {}): Stored => ({
  name: learned.name, shape: learned.shape, dtype, offset: 0, scales: [], ...more,
});

test("tables of int8 become the 16-bit floats of these whole numbers, rows of three with a zero", () => {
  const { gl, uploads } = context();
  const learned = table(85, 3, [40, 85]);
  const numbers = Int8Array.from({ length: 255 }, (_, k) => k - 127);
  new FieldTextures(gl, programOf(learned)).set([stored(learned, "int8", { scales: [0.5, 2] })], new Uint8Array(numbers.buffer));
  const [found] = uploads as [Upload];
  expect([found.format, found.type, found.rows]).toEqual(["RGBA", "HALF_FLOAT", [0, 85, 1]]);
  const values = [...found.values].map(halfToNumber);
  expect(values.filter((_, k) => k % 4 < 3)).toEqual([...numbers].map((value) => value + 0));
  expect(values.filter((_, k) => k % 4 === 3).every((value) => value === 0)).toBe(true);
  const scales = uploads.at(-1)!;
  expect(scales.type).toBe("FLOAT");
  expect([scales.values[0], scales.values[4]]).toEqual([0.5, 2]);
});

test("a table of more rows than a texture is wide goes on in the next row", () => {
  const { gl, uploads } = context();
  const learned = table(TABLE_WIDTH + 5, 2);
  const bytes = new Uint16Array(2 * (TABLE_WIDTH + 5)).map((_, k) => k & 1023);
  new FieldTextures(gl, programOf(learned)).set([stored(learned, "float16")], new Uint8Array(bytes.buffer));
  expect(uploads.slice(0, 2).map(({ rows, from }) => [...rows, from])).toEqual([
    [0, TABLE_WIDTH, 1, 0],
    [1, 5, 1, 2 * TABLE_WIDTH],
  ]);
});

test("snapshots that are not the field's are refused", () => {
  const learned = table(4, 2);
  const { gl } = context();
  const set = (array: Stored, bytes: number) => () => new FieldTextures(gl, programOf(learned)).set([array], new Uint8Array(bytes));
  expect(set(stored(learned, "float32"), 32)).not.toThrow();
  expect(set(stored(learned, "float32"), 31)).toThrow("the snapshot ends before the end of t");
  expect(set(stored(learned, "float32", { shape: [2, 4] }), 32)).toThrow("the field has no array t of shape 2 x 4");
  expect(set(stored(learned, "uint8"), 32)).toThrow("t is a table of uint8");
  expect(set(stored(learned, "float16", { name: "u" }), 32)).toThrow("the field has no array u");
});

test("a matrix lies in blocks of four by four, each column after column", () => {
  const [rows, columns] = [5, 6];
  const from = Float32Array.from({ length: rows * columns }, (_, k) => k + 1);
  const to = new Float32Array(2 * 2 * 16);
  inBlocks(from, rows, columns, to, 0);
  for (let row = 0; row < 8; row++) {
    for (let column = 0; column < 8; column++) {
      const block = 2 * (row >> 2) + (column >> 2);
      const at = 16 * block + 4 * (column & 3) + (row & 3);
      expect(to[at]).toBe(row < rows && column < columns ? from[row * columns + column] : 0);
    }
  }
});
