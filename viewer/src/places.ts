/** Where a place of the box is in the signal. */

import type { World } from "./protocol";

/** Which pixel of the signal holds a place of the box, from 0; null outside. */
export function pixelAt(x: readonly number[], size: readonly [number, number]): [number, number] | null {
  const pixel = size.map((count, k) => Math.floor((((x[k] ?? 0) + 1) / 2) * count)) as [number, number];
  return pixel.every((place, k) => place >= 0 && place < (size[k] ?? 0)) ? pixel : null;
}

/** The place of a box's coordinates, of which there may be more behind, in a signal's own units. */
export function worldAt(x: readonly number[], { matrix, offset }: World): number[] {
  const n = offset.length;
  return offset.map((start, i) => offset.reduce((sum, _, k) => sum + (matrix[n * i + k] ?? 0) * (x[k] ?? 0), start));
}
