import { MOST_POINTS, type Point } from "./protocol";

/** The course of a fit with one more point: as the server keeps it, evenly spaced and bounded. */
export function extended(course: readonly Point[], point: Point): readonly Point[] {
  const last = course.at(-1);
  const before =
    last === undefined || point.step <= last.step ? course.filter(({ step }) => step < point.step) // told once more
    : last.stays ? course : course.slice(0, -1);
  const all = [...before, point];
  return point.stays && all.length > MOST_POINTS ? all.filter((_, k) => k % 2 === 0) : all;
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
