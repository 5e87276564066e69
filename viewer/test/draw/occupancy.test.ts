import { describe, expect, it } from "vitest";

import { BLOCK, skips } from "../../src/draw/occupancy";

const bitsOf = (occupied: (cell: number) => boolean, cells: number): Uint8Array => {
  const bits = new Uint8Array(cells ** 3 / 8);
  for (let cell = 0; cell < cells ** 3; cell++) if (occupied(cell)) bits[cell >> 3]! |= 1 << (cell & 7);
  return bits;
};

describe("skips", () => {
  it("are 0 in occupied cells and tell how many blocks away the nearest one is", () => {
    const cells = 24;
    const chosen = new Set([5 + 24 * (3 + 24 * 2), 20 + 24 * (20 + 24 * 22)]);
    const found = skips(bitsOf((cell) => chosen.has(cell), cells), cells);
    const block = (cell: number): number[] =>
      [cell % cells, Math.floor(cell / cells) % cells, Math.floor(cell / cells ** 2)].map((x) => Math.floor(x / BLOCK));
    const full = [...chosen].map(block);
    for (let cell = 0; cell < cells ** 3; cell += 7) {
      const here = block(cell);
      const away = full.map((there) => Math.max(...there.map((x, k) => Math.abs(x - here[k]!))));
      expect(found[cell]).toBe(chosen.has(cell) ? 0 : 1 + Math.min(...away));
    }
    for (const cell of chosen) expect(found[cell]).toBe(0);
  });

  it("are as far as can be where nothing is", () => {
    expect(skips(new Uint8Array(64), 8).every((skip) => skip === 255)).toBe(true);
  });
});
