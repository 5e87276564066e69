import { expect, test } from "vitest";
import { columns, extended } from "../src/course";
import { MOST_POINTS, type Point } from "../src/protocol";

const at = (step: number, loss = 1, stays = true): Point => ({
  step, seconds: step / 10, loss, psnr: null, rate: 1, learning_rate: 0.1, left: null, fraction: 0, stays,
});

test("a long course stays bounded and evenly spaced, with its ends", () => {
  let course: readonly Point[] = [];
  let stride = 1;
  for (let step = 0; step <= 20_000; step++) {
    const stays = step % stride === 0;
    course = extended(course, at(step, 1, stays));
    if (stays && step === MOST_POINTS * stride) stride *= 2;
  }
  expect(course.length).toBeLessThanOrEqual(MOST_POINTS + 1);
  expect(course.at(-1)?.step).toBe(20_000);
  expect(new Set(course.slice(1, -1).map((point, k) => point.step - course[k]!.step))).toEqual(new Set([stride]));
});

test("a point that does not stay gives way", () => {
  const told = [at(1), at(2, 1, false), at(3, 1, false), at(4), at(4), at(5)].reduce(extended, []);
  expect(told.map((point) => point.step)).toEqual([1, 4, 5]);
});

test("a fit that begins anew takes the place of what was after it", () => {
  const course = [1, 2, 3].map((step) => at(step));
  expect(extended(course, at(2)).map((point) => point.step)).toEqual([1, 2]);
});

test("losses without a logarithm are gaps", () => {
  expect(columns([at(1, 0), at(2, 0.5)], "step")).toEqual([[1, 2], [null, 0.5], [null, null]]);
});
