import { describe, expect, it } from "vitest";

import { BUDGET, Pace, SLOW_BUDGET, type Tile, Tiles, halves } from "../../src/draw/tiles";

const covered = (tiles: readonly Tile[], width: number, height: number): number[] => {
  const count = new Array<number>(width * height).fill(0);
  for (const { left, top, width: w, height: h } of tiles) {
    for (let y = top; y < top + h; y++) for (let x = left; x < left + w; x++) count[y * width + x]! += 1;
  }
  return count;
};

const rest = (tiles: Tiles, pixels: number): Tile[] => {
  const found: Tile[] = [];
  for (let tile = tiles.next(pixels); tile !== null; tile = tiles.next(pixels)) found.push(tile);
  return found;
};

describe("tiles", () => {
  it.each([10, 100, 1000, 1e9])("cover each pixel once, %d pixels at a time", (pixels) => {
    const tiles = new Tiles(131, 77);
    const found = rest(tiles, pixels);
    expect(covered(found, 131, 77).every((count) => count === 1)).toBe(true);
    expect(Math.max(...found.map(({ width, height }) => width * height))).toBeLessThanOrEqual(Math.max(pixels, 64));
    expect(tiles.finished).toBe(true);
    expect(tiles.share).toBe(1);
  });

  it("begin in the middle", () => {
    const { left, top, width, height } = new Tiles(300, 300).next(64)!;
    expect(Math.hypot(left + width / 2 - 150, top + height / 2 - 150)).toBeLessThan(60);
  });

  it("are all drawn again after a change, those that wait first", () => {
    const tiles = new Tiles(256, 64);
    const first = tiles.next(1e9)!;
    tiles.again();
    const after = rest(tiles, 1e9);
    expect(after.at(-1)).toEqual(first);
    expect(covered(after, 256, 64).every((count) => count === 1)).toBe(true);
  });

  it("are halved across their longer side", () => {
    expect(halves({ left: 4, top: 2, width: 9, height: 5 })).toEqual([
      { left: 4, top: 2, width: 4, height: 5 },
      { left: 8, top: 2, width: 5, height: 5 },
    ]);
  });
});

describe("the pace", () => {
  it("is coarse by as much as is needed to keep to the budget", () => {
    const pace = new Pace();
    pace.observe(1000, 1);
    expect(pace.factor(10_000)).toBe(1);
    expect(pace.factor(100_000)).toBe(4);
    expect(pace.predicted(100_000 / 16)).toBeLessThanOrEqual(BUDGET);
  });

  it("gives more time where pictures take a second", () => {
    const pace = new Pace();
    pace.observe(1000, 100);
    expect(pace.budget(1000)).toBe(BUDGET);
    expect(pace.budget(100_000)).toBe(SLOW_BUDGET);
  });

  it("believes in slowness sooner than in speed", () => {
    const pace = new Pace();
    pace.observe(100, 1);
    pace.observe(100, 10);
    expect(pace.predicted(100)).toBeGreaterThan(8);
    pace.observe(100, 1);
    expect(pace.predicted(100)).toBeGreaterThan(5);
  });
});

describe("what waiting costs", () => {
  it("does not count as drawing", () => {
    const pace = new Pace();
    pace.overhead = 2;
    pace.observe(1000, 3);
    expect(pace.perPixel).toBeCloseTo(1e-3, 12);
    pace.observe(1000, 1);
    expect(pace.perPixel).toBeGreaterThan(0);
  });

  it("is paid less often where tiles are large", () => {
    const count = (pixels: number): number => rest(new Tiles(1000, 500, pixels), 1e9).length;
    expect(count(0)).toBe(128);
    expect(count(1e9)).toBe(1);
  });
});
