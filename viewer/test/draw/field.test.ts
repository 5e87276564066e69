import { beforeEach, expect, test, vi } from "vitest";

import { DrawnField } from "../../src/draw/field";
import * as occupancy from "../../src/draw/occupancy";
import type { Learned, Program, Stored } from "../../src/protocol";
import { field } from "../fields";
import { context } from "../gl";

const CELLS = 8;
const occupied: Learned = { name: "occupied", shape: [CELLS, CELLS, CELLS], table: false, parts: [] };
const program: Program = {
  nodes: [
    { kind: "input", size: 6 },
    { kind: "slice", of: 0, start: 0, size: 1 },
    { kind: "slice", of: 0, start: 0, size: 4 },
  ],
  arrays: [occupied],
  density: 1,
};
const march = { cells: CELLS, step: 0.1, cone: 0, near: 0, stop: 1e-3, unbounded: false };
const stored: Stored = { name: "occupied", dtype: "uint8", shape: occupied.shape, offset: 0, scales: [] };
const skips = vi.spyOn(occupancy, "skips");

beforeEach(() => void skips.mockClear());

test("distances to what is occupied are found anew only where that has changed", () => {
  const { gl, uploads } = context();
  const drawn = new DrawnField(gl, field("radiance", { march, program }), program);
  const bits = new Uint8Array(CELLS ** 3 / 8).fill(3);
  drawn.set([stored], bits.slice());
  drawn.set([stored], bits.slice());
  expect(skips).toHaveBeenCalledTimes(1);
  bits[5] = 7;
  drawn.set([stored], bits);
  expect(skips).toHaveBeenCalledTimes(2);
  expect(uploads.every(({ type }) => type === "FLOAT")).toBe(true); // the bits themselves are not drawn from
  expect(() => drawn.set([], bits)).toThrow("lacks its cells");
});
