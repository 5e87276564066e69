/** What lies under the pointer, or in the middle of the picture: asked from the server, or computed here. */

import { evaluated } from "./evaluated";
import type { Place } from "./draw/reading";
import type { ViewState } from "./draw/view";
import { post } from "./post";
import type { Probed, Shown } from "./protocol";
import { found } from "./store";

interface Source {
  readonly view: ViewState;
  /** Whether what can be read from the canvas is the field's, not a preview's. */
  readonly state: { readonly exact: boolean };
  readonly canvas: HTMLCanvasElement;
  value(x: number, y: number): Place | null;
}

interface Watched {
  readonly source: Source;
  readonly shown: Shown;
  /** Where on the canvas, as shares of its sides. */
  at: readonly [number, number] | null;
}

let watched: Watched | null = null;
let waiting = false;
let request = 0;
let under = 0;
let next: readonly number[] | null = null;

/** Follows the pointer over a canvas; returns what ends that. */
export function watch(canvas: HTMLCanvasElement, source: Source, shown: Shown): () => void {
  const now: Watched = { source, shown, at: null };
  watched = now;
  found.value = null;
  const moved = (event: PointerEvent): void => {
    if (event.pressure > 0 && event.pointerType === "mouse") return; // it drags
    const { left, top, width, height } = canvas.getBoundingClientRect();
    now.at = [(event.clientX - left) / width, (event.clientY - top) / height];
    again();
  };
  const gone = (event: PointerEvent): void => {
    if (event.pointerType !== "mouse") return; // a finger that is lifted leaves what it has found
    now.at = null;
    found.value = null;
  };
  canvas.addEventListener("pointermove", moved);
  canvas.addEventListener("pointerdown", moved);
  canvas.addEventListener("pointerleave", gone);
  return () => {
    canvas.removeEventListener("pointermove", moved);
    canvas.removeEventListener("pointerdown", moved);
    canvas.removeEventListener("pointerleave", gone);
    if (watched === now) watched = null;
  };
}

export function middle(): void {
  if (watched === null) return;
  watched.at = [0.5, 0.5];
  again();
}

/** Once per picture of the screen at most, because reading pixels waits for the graphics card. */
export function again(): void {
  if (waiting || watched?.at == null) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    if (watched !== null) inspect(watched);
  });
}

function inspect({ source, shown, at }: Watched): void {
  if (at === null) return;
  const { width, height } = source.canvas;
  const place = source.value(at[0] * width, at[1] * height);
  if (place === null) {
    found.value = null;
    return;
  }
  const x = shown.kind === "radiance" ? [...place.x, ...towards(place.x, source.view)] : place.x;
  if (probe(shown, x)) {
    return;
  }
  const whole = source.state.exact && place.values?.length === shown.outputs && source.view.hidden === 0;
  const values = whole ? place.values : evaluated(shown, x);
  if (values === "soon") again();
  else show(place, x, values, false);
}

function show(place: Place, x: readonly number[], values: readonly number[] | null, exact: boolean): void {
  found.value = values === null ? null : { x, value: values, truth: place.truth, exact };
}

/** The direction from the camera to a place, which the colours of a radiance field depend on. */
function towards(x: readonly number[], { camera }: ViewState): number[] {
  const away = x.map((value, k) => value - (camera.eye[k as 0 | 1 | 2] ?? 0));
  const length = Math.hypot(...away);
  return away.map((value) => value / length);
}

/** Asks the server; while it answers, only the newest question waits. Whether there is a server. */
function probe(shown: Shown, x: readonly number[]): boolean {
  if (under > 0 && performance.now() - under < 2000) {
    next = x;
    return true;
  }
  if (!post({ type: "probe", request: ++request, shown: shown.id, x })) return false;
  under = performance.now();
  asked = x;
  return true;
}

let asked: readonly number[] = [];

export function probed(message: Probed): void {
  if (message.request !== request || watched === null) return;
  under = 0;
  if (message.shown === watched.shown.id && watched.at !== null) {
    found.value = { x: asked, value: message.value, truth: message.truth, exact: true };
  }
  const waiting = next;
  next = null;
  if (waiting !== null) probe(watched.shown, waiting);
}
