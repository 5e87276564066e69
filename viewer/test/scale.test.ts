import { expect, test } from "vitest";
import { clockTicks, line, nearest, rangeOf, ticks } from "../src/scale";

test("ranges leave out what is missing and are never empty", () => {
  expect(rangeOf([3, null, -1])).toEqual({ low: -1, high: 3 });
  expect(rangeOf([2, 2])).toEqual({ low: 1.5, high: 2.5 });
  expect(rangeOf([null])).toBeNull();
  expect(rangeOf([30, 30 + 4e-15])).toEqual({ low: 29.5, high: 30.5 + 4e-15 });
  expect(rangeOf([-1e20])!.high).toBeGreaterThan(rangeOf([-1e20])!.low);
});

test("ticks are round and inside", () => {
  expect(ticks({ low: 0, high: 10 }, 4)).toEqual([0, 5, 10]);
  expect(ticks({ low: -3.2, high: -0.9 }, 3)).toEqual([-3, -2, -1]);
  expect(ticks({ low: 21, high: 39.9 }, 3)).toEqual([30]);
  expect(ticks({ low: -30, high: -10 * (1 + 1e-14) }, 4)).toEqual([-30, -25, -20, -15, -10]);
  expect(ticks({ low: 30, high: 30 + 4e-15 }, 4).length).toBeLessThan(10);
});

test("clocks count by seconds, minutes and hours", () => {
  expect(clockTicks({ low: 0, high: 33 }, 4)).toEqual([0, 10, 20, 30]);
  expect(clockTicks({ low: 0, high: 400 }, 4)).toEqual([0, 120, 240, 360]);
  expect(clockTicks({ low: 0, high: 9 * 3600 }, 4)).toEqual([0, 5 * 3600]);
  expect(clockTicks({ low: 0, high: 2 }, 4)).toEqual([0, 1, 2]);
});

test("lines are broken at gaps", () => {
  const same = (value: number): number => value;
  expect(line([0, 1, 2, 3], [5, null, 6, 7], same, same)).toBe("M0.0 5.0M2.0 6.0L3.0 7.0");
});

test("the nearest of ascending numbers", () => {
  expect([-5, 0.4, 0.6, 2.9, 9].map((x) => nearest([0, 1, 3], x))).toEqual([0, 0, 1, 2, 2]);
});
