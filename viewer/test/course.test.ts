import { expect, test } from "vitest";
import { columns, extended } from "../src/course";
import type { Point } from "../src/protocol";

const at = (step: number, loss = 1): Point => ({
  step, seconds: step / 10, loss, psnr: null, rate: 1, learning_rate: 0.1, left: null, fraction: 0,
});

test("a long course stays bounded, in order, with its ends", () => {
  let course: readonly Point[] = [];
  for (let step = 1; step <= 20_000; step++) course = extended(course, at(step));
  expect(course.length).toBeLessThanOrEqual(1201);
  expect(course[0]?.step).toBe(1);
  expect(course.at(-1)?.step).toBe(20_000);
  expect(course.every((point, k) => k === 0 || point.step > course[k - 1]!.step)).toBe(true);
});

test("a fit that begins anew takes the place of what was after it", () => {
  const course = [1, 2, 3].map((step) => at(step));
  expect(extended(course, at(2)).map((point) => point.step)).toEqual([1, 2]);
});

test("losses without a logarithm are gaps", () => {
  expect(columns([at(1, 0), at(2, 0.5)], "step")).toEqual([[1, 2], [null, 0.5], [null, null]]);
});
