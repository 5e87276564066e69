/** A field's values at a place, computed from the weights that the page has. */

import { type Snapshot, snapshots } from "./content";
import { Evaluator } from "./field/evaluate";
import type { Program, Shown } from "./protocol";

interface Known {
  readonly evaluator: Evaluator;
  snapshot: Snapshot | null;
}

let context: WebGL2RenderingContext | null = null;
const known = new WeakMap<Program, Known>();

/** Null where there are no weights yet, or no graphics; "soon" while the shader is being compiled. */
export function evaluated({ id, program }: Shown, x: readonly number[]): readonly number[] | "soon" | null {
  const snapshot = snapshots.value.get(id);
  if (snapshot === undefined || program === null) return null;
  // A context of its own: the painter's is in the middle of something.
  context ??= document.createElement("canvas").getContext("webgl2");
  if (context === null) return null;
  const one = known.get(program) ?? { evaluator: new Evaluator(context, program), snapshot: null };
  known.set(program, one);
  if (one.snapshot !== snapshot) one.evaluator.set(snapshot.arrays, snapshot.bytes);
  one.snapshot = snapshot;
  return one.evaluator.ready ? [...one.evaluator.values(Float32Array.from(x))] : "soon";
}
