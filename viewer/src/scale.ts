/** The arithmetic of plots: ticks at round numbers, and lines through what is there. */

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Of the numbers that are there; never empty. */
export function rangeOf(values: readonly (number | null)[]): Range | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return null;
  const size = Math.max(Math.abs(low), Math.abs(high));
  const room = high - low > 1e-9 * size ? 0 : 0.5 * Math.max(1, 1e-6 * size); // else ticks would be one number
  return { low: low - room, high: high + room };
}

/** Multiples of 1, 2 or 5 times a power of ten within a range, about as many as asked for. */
export function ticks({ low, high }: Range, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  return multiples(step, { low, high });
}

function multiples(step: number, { low, high }: Range): number[] {
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, k) => (first + k) * step);
}

/** As `ticks`, of seconds: at multiples of what clocks count by. */
export function clockTicks(range: Range, count: number): number[] {
  const rough = (range.high - range.low) / count;
  if (rough < 1) return ticks(range, count).filter(Number.isInteger);
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].find((each) => each >= rough);
  if (step === undefined) return ticks({ low: range.low / 3600, high: range.high / 3600 }, count).map((t) => t * 3600);
  return multiples(step, range);
}

/** A line for `path`, broken where values are missing. */
export function line(xs: readonly number[], ys: readonly (number | null)[], x: (v: number) => number, y: (v: number) => number): string {
  let text = "";
  let pen = "M";
  ys.forEach((value, k) => {
    if (value === null) {
      pen = "M";
      return;
    }
    text += `${pen}${x(xs[k] ?? 0).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return text;
}

/** The place of the number nearest to `x` in ascending ones. */
export function nearest(xs: readonly number[], x: number): number {
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((xs[middle] ?? 0) <= x) low = middle;
    else high = middle;
  }
  return x - (xs[low] ?? 0) <= (xs[high] ?? 0) - x ? low : high;
}
