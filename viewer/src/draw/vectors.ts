/** Vectors, rotations and quaternions as plain arrays. Matrices are lists of rows. */

export type Vec = readonly [number, number, number];
export type Rows = readonly [Vec, Vec, Vec];
/** x, y, z, w. */
export type Quaternion = readonly [number, number, number, number];

export const add = (a: Vec, b: Vec): Vec => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const subtract = (a: Vec, b: Vec): Vec => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const scaled = (a: Vec, by: number): Vec => [a[0] * by, a[1] * by, a[2] * by];
export const dot = (a: Vec, b: Vec): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const length = (a: Vec): number => Math.hypot(a[0], a[1], a[2]);
export const cross = (a: Vec, b: Vec): Vec => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const mix = (a: number, b: number, share: number): number => a + (b - a) * share;
export const mixed = (a: Vec, b: Vec, share: number): Vec => [
  mix(a[0], b[0], share),
  mix(a[1], b[1], share),
  mix(a[2], b[2], share),
];
export const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** At length one; a vector of length 0 stays. */
export function unit(a: Vec): Vec {
  const size = length(a);
  return size > 0 ? scaled(a, 1 / size) : a;
}

/** `a` turned around an axis of length one, counter-clockwise as seen from its tip (Rodrigues). */
export function turned(a: Vec, axis: Vec, angle: number): Vec {
  const sine = Math.sin(angle);
  const cosine = Math.cos(angle);
  const along = scaled(axis, dot(axis, a) * (1 - cosine));
  return add(add(scaled(a, cosine), scaled(cross(axis, a), sine)), along);
}

/** The quaternion of a rotation whose columns are `x`, `y`, `z` (Shepperd's method: by the largest component). */
export function quaternion([x, y, z]: Rows): Quaternion {
  const trace = x[0] + y[1] + z[2];
  const squares = [1 + 2 * x[0] - trace, 1 + 2 * y[1] - trace, 1 + 2 * z[2] - trace, 1 + trace];
  const largest = squares.indexOf(Math.max(...squares));
  const root = Math.sqrt(squares[largest] ?? 1);
  const part = 0.5 / root;
  const sums = [x[1] + y[0], y[2] + z[1], z[0] + x[2]];
  const twists = [y[2] - z[1], z[0] - x[2], x[1] - y[0]];
  const [xy, yz, zx] = sums as [number, number, number];
  const [a, b, c] = twists as [number, number, number];
  const choices: Quaternion[] = [
    [root / 2, xy * part, zx * part, a * part],
    [xy * part, root / 2, yz * part, b * part],
    [zx * part, yz * part, root / 2, c * part],
    [a * part, b * part, c * part, root / 2],
  ];
  return choices[largest] as Quaternion;
}

/** The columns of a quaternion's rotation. */
export function rotation([x, y, z, w]: Quaternion): Rows {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
    [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
    [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
  ];
}

/** Steadily along the shorter way from one rotation to another (Shoemake, SIGGRAPH 1985). */
export function slerp(from: Quaternion, to: Quaternion, share: number): Quaternion {
  const alike = from[0] * to[0] + from[1] * to[1] + from[2] * to[2] + from[3] * to[3];
  const sign = alike < 0 ? -1 : 1;
  const angle = Math.acos(clamp(Math.abs(alike), 0, 1));
  const close = angle < 1e-6;
  const a = close ? 1 - share : Math.sin((1 - share) * angle) / Math.sin(angle);
  const b = sign * (close ? share : Math.sin(share * angle) / Math.sin(angle));
  const sum = from.map((value, k) => a * value + b * (to[k] ?? 0));
  const size = Math.hypot(...sum);
  return sum.map((value) => value / size) as unknown as Quaternion;
}
