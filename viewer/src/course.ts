import type { Point } from "./protocol";

const MOST = 1200;

/**
 * The course of a fit with at most `MOST` points: when there are more, every second of the older ones is left out, so
 * that the memory and the time of a plot do not grow with the fit.
 */
export function extended(course: readonly Point[], point: Point): readonly Point[] {
  const last = course.at(-1);
  // A fit that was resumed or begun anew goes back.
  const kept = last !== undefined && point.step <= last.step ? course.filter((p) => p.step < point.step) : course;
  const thinned = kept.length >= MOST ? kept.filter((_, k) => k % 2 === 0) : kept;
  return [...thinned, point];
}

export type Axis = "seconds" | "step";

/** Columns for a plot: the axis, the loss, the PSNR. A loss that has no logarithm is left out. */
export function columns(course: readonly Point[], axis: Axis): [number[], (number | null)[], (number | null)[]] {
  return [
    course.map((p) => p[axis]),
    course.map((p) => (p.loss > 0 ? p.loss : null)),
    course.map((p) => p.psnr),
  ];
}
