/** A field's values at a place, computed from the weights that the page has. */

import { snapshots } from "./content";
import { evaluate } from "./field/evaluate";
import type { Shown } from "./protocol";

let context: WebGL2RenderingContext | null = null;

/** Null where there are no weights yet, or no graphics. */
export function evaluated(shown: Shown, x: readonly number[]): readonly number[] | null {
  const snapshot = snapshots.value.get(shown.id);
  if (snapshot === undefined || shown.program === null) return null;
  // A context of its own: the painter's is in the middle of something.
  context ??= document.createElement("canvas").getContext("webgl2");
  if (context === null) return null;
  return [...evaluate(context, shown.program, [...snapshot.arrays], snapshot.bytes, Float32Array.from(x))];
}
