import { describe, expect, it } from "vitest";

import { clampedPlane, deepest, magnification, movedBy, placeAt, rasterOf, windowOf, zoomedAt } from "../../src/draw/plane";

const whole = { centre: [0, 0], zoom: 1 } as const;
const size = [96, 64] as const;

describe("the plane", () => {
  it("shows all of the box pixel by pixel where canvas and picture are of one size", () => {
    expect(windowOf(whole, size, 96, 64)).toEqual({ left: -1, top: -1, dx: 2 / 96, dy: 2 / 64 });
    const raster = rasterOf(windowOf(whole, size, 96, 64), 96, 64);
    expect(raster[0]).toBe(Math.fround(-1 + 1 / 96));
    expect(raster[95]).toBe(Math.fround(1 - 1 / 96));
    expect(raster[96]).toBe(Math.fround(-1 + 1 / 64));
  });

  it("keeps the shape of pixels on a canvas of another shape", () => {
    const { dx, dy, left } = windowOf(whole, size, 300, 128);
    expect(dx * 96).toBeCloseTo(dy * 64, 12);
    expect(left).toBeLessThan(-1);
    expect(magnification(whole, size, 300, 128)).toBe(2);
  });

  it("zooms around what is under the pointer", () => {
    const at = [70, 20] as const;
    const before = placeAt(windowOf(whole, size, 192, 128), ...at);
    const view = zoomedAt(whole, 37, at, size, 192, 128);
    const after = placeAt(windowOf(view, size, 192, 128), ...at);
    expect(view.zoom).toBe(37);
    expect(after[0]).toBeCloseTo(before[0], 12);
    expect(after[1]).toBeCloseTo(before[1], 12);
  });

  it("moves with the pointer", () => {
    const window = windowOf(whole, size, 192, 128);
    const moved = windowOf(movedBy(whole, window, 10, -6), size, 192, 128);
    expect(placeAt(moved, 10, -6)[0]).toBeCloseTo(placeAt(window, 0, 0)[0], 12);
    expect(placeAt(moved, 10, -6)[1]).toBeCloseTo(placeAt(window, 0, 0)[1], 12);
  });

  it("ends where neighbouring pixels have one coordinate", () => {
    for (const centre of [
      [0.7, -0.9],
      [0.01, 0.3],
    ] as const) {
      const zoom = deepest(centre, size, 192, 128);
      const apart = (factor: number): number => {
        const raster = rasterOf(windowOf({ centre, zoom: zoom * factor }, size, 192, 128), 192, 128);
        return new Set([...raster.subarray(0, 192)]).size + new Set([...raster.subarray(192, 320)]).size;
      };
      expect(apart(0.999)).toBe(320);
      expect(apart(4)).toBeLessThan(320);
      expect(clampedPlane({ centre, zoom: 1e12 }, size, 192, 128).zoom).toBe(zoom);
    }
  });

  it("keeps its centre in the box", () => {
    expect(clampedPlane({ centre: [3, -7], zoom: 2 }, size, 192, 128)).toEqual({ centre: [1, -1], zoom: 2 });
  });
});
