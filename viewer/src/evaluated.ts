/** A field's values at a place, computed from the weights that the page has. */

import { type Snapshot, snapshots } from "./content";
import { Evaluator } from "./field/evaluate";
import type { Program, Shown } from "./protocol";

interface Known {
  readonly program: Program;
  readonly context: WebGL2RenderingContext;
  readonly evaluator: Evaluator;
  snapshot: Snapshot | null;
}

let known: Known | null = null;

/** Null where there are no weights yet, or no graphics; "soon" while the shader is being compiled. */
export function evaluated({ id, program }: Shown, x: readonly number[]): readonly number[] | "soon" | null {
  const snapshot = snapshots.value.get(id);
  if (snapshot === undefined || program === null) return null;
  if (known?.program !== program || known.context.isContextLost()) known = made(program);
  if (known === null) return null;
  if (known.snapshot !== snapshot) known.evaluator.set(snapshot.arrays, snapshot.bytes);
  known.snapshot = snapshot;
  return known.evaluator.ready ? [...known.evaluator.values(Float32Array.from(x))] : "soon";
}

/** In a context of its own, the one of before if there is one: the painter's is in the middle of something. */
function made(program: Program): Known | null {
  known?.evaluator.dispose();
  const before = known?.context.isContextLost() === false ? known.context : null;
  const context = before ?? document.createElement("canvas").getContext("webgl2");
  return context && { program, context, evaluator: new Evaluator(context, program), snapshot: null };
}
