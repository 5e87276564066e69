/** The canvas, and who draws on it: this page's painter, or the server where the page cannot or should not. */

import { computed, effect, signal, untracked } from "@preact/signals";
import { type Camera, upright } from "./draw/camera";
import { type PaintState, Painter } from "./draw/painter";
import { record, turntable } from "./draw/record";
import { type ViewState, asView, defaultView } from "./draw/view";
import type { Bytes } from "./field/textures";
import { milliseconds, number } from "./format";
import { Frames } from "./frames";
import { Input } from "./input";
import * as inspection from "./inspection";
import { post } from "./post";
import type { Frame, Shown } from "./protocol";
import * as settings from "./settings";
import type { Sheet } from "./sheet";
import { stillSheet } from "./stills";
import {
  type Hand, chosen, connected, kept, legend, link, one, path, picture, say, served, slow, state, view,
} from "./store";
import { type Drawer, drawer, supply } from "./supply";
import { wordsOf } from "./fault";

const SLOW = 4000; // milliseconds for a picture, from which on the server is offered
const TOO_SLOW = 20_000; // without a graphics card: from which on the server draws
const SHARPEST = 2; // canvas pixels per pixel of the page, at most

let frames: Frames | null = null;
/** In pixels of the page. */
export const canvasSize = signal({ width: 0, height: 0 });

/** Puts a canvas into a place of the page and keeps it drawn; returns what ends that. */
export function mount(place: HTMLElement): () => void {
  const watched = new ResizeObserver(() => {
    canvasSize.value = { width: place.clientWidth, height: place.clientHeight };
    const made = drawer.peek();
    if (made !== null) fit(made);
  });
  watched.observe(place);
  const ends = [
    effect(() => {
      const failure = drawable.value === failed.value?.of;
      const [shown, server] = [one.peek(), served.value || failure];
      return shown === null ? undefined : untracked(() => put(place, shown, drawnBy(shown, server)));
    }),
    effect(() => {
      // Of another field nothing is known yet, and what took long beside a fit may not without it.
      if (drawable.value && state.value) slow.value = null;
    }),
    ...supply(),
  ];
  return () => {
    for (const end of ends) end();
    watched.disconnect();
  };
}

/** What of the thing shown a picture depends on: where only the rest changes, as a fit's end does, it stays. */
const drawable = computed(() => JSON.stringify({ ...one.value, summary: "", truth: null }));

/** What a painter of this page could not draw, and why: the server does then. */
const failed = signal<{ readonly of: string; readonly why: string } | null>(null);

/** Whether there is somebody else to draw what this page cannot. */
function gaveUp(why: string): boolean {
  if (link.peek().is === "none") return false;
  failed.value = { of: drawable.peek(), why };
  return true;
}

function drawnBy(shown: Shown, server: boolean): Hand {
  if (shown.program !== null && !server) return "page";
  return link.peek().is === "none" ? "stills" : "server";
}

/** A fresh canvas for what is shown. Returns what takes it away. */
function put(place: HTMLElement, shown: Shown, by: Hand): () => void {
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", `${shown.name}. Drag or arrow keys move, wheel or plus and minus zoom, question mark tells all keys.`);
  const start = begun(shown);
  const hands = { page: painter, server: fromServer, stills: still };
  const made = hands[by](canvas, shown, start);
  drawer.value = made;
  place.replaceChildren(canvas);
  fit(made);
  made.view = start;
  view.value = made.view;
  const input = new Input(made);
  const unwatch = inspection.watch(canvas, made, shown);
  return () => {
    input.dispose();
    unwatch();
    made.dispose();
    if (drawer.peek() === made) drawer.value = null;
  };
}

function painter(canvas: HTMLCanvasElement, shown: Shown, start: ViewState): Drawer {
  try {
    const made = new Painter(canvas, shown);
    path.value = { by: "page", why: "" };
    made.onState((state) => tell(made, state));
    return made;
  } catch (error) {
    const why = wordsOf(error);
    if (gaveUp(why)) return fromServer(canvas, shown, start);
    say(`There is no picture: ${why}.`, "error");
    return still(canvas, shown, start);
  }
}

function fromServer(canvas: HTMLCanvasElement, shown: Shown, start: ViewState): Drawer {
  path.value = { by: "server", why: whyServed(shown) };
  frames = new Frames(canvas, shown, start, post);
  return told(frames.sheet);
}

function whyServed(shown: Shown): string {
  if (shown.program === null) return `The server draws: ${shown.reason ?? "the page cannot"}.`;
  if (failed.peek()?.of === drawable.peek()) return `The server draws: ${failed.peek()?.why ?? ""}.`;
  if (chosen.peek() === "server" || slow.peek() === null) return "As chosen.";
  return "Drawing takes long here.";
}

function still(canvas: HTMLCanvasElement, shown: Shown, start: ViewState): Drawer {
  path.value = { by: "stills", why: `The page has pictures: ${shown.reason ?? "it cannot draw this"}.` };
  return told(stillSheet(canvas, shown, start));
}

function told(made: Sheet): Sheet {
  made.onState((text) => {
    picture.value = text;
    legend.value = made.legend && { from: made.legend[0], to: made.legend[1] };
    view.value = made.view;
  });
  return made;
}

/** The view to begin with: as it was for what was shown before, else as the address says. */
function begun(shown: Shown): ViewState {
  const now = view.value;
  const moved = now !== null && settings.changed(now).camera !== undefined;
  settings.since(defaultView(shown));
  // A scene's cameras may come after its first picture: who has not moved wants to begin at one of them.
  if (now !== null) return asView(moved ? now : { ...now, camera: settings.wanted().camera }, shown);
  kept.value = settings.keptBefore().map((each) => asView(each, shown));
  return asView(settings.wanted(), shown);
}

function fit(made: Drawer): void {
  const scale = Math.min(window.devicePixelRatio, SHARPEST);
  made.resize(canvasSize.value.width * scale, canvasSize.value.height * scale);
}

function tell(made: Painter, state: PaintState): void {
  if (drawer.peek() !== made && drawer.peek() !== null) return;
  picture.value = described(state);
  if (state.problem !== null && !made.lost && gaveUp(state.problem)) return;
  const ends = state.legend;
  legend.value = ends === null ? null : { from: ends.low, to: ends.high };
  if (JSON.stringify(view.peek()) !== JSON.stringify(made.view)) view.value = made.view;
  if (connected.peek() && slow.peek() === null) weigh(state, made.software);
  if (state.exact) inspection.again();
}

/** Notes that pictures take long, when the first coarse one stands or the exact one is on its way. */
function weigh(state: PaintState, software: boolean): void {
  if (state.factor === 1 && state.milliseconds > SLOW) {
    slow.value = { milliseconds: state.milliseconds / Math.max(state.share, 0.01), software: false };
  } else if (software && state.factor > 1 && state.milliseconds > 0 && state.expected > TOO_SLOW) {
    slow.value = { milliseconds: state.expected, software };
  }
}

/** Whether the picture is exact, how large it is, and how long it took, in a line. */
export function described(state: PaintState): string {
  if (state.problem !== null) return state.problem;
  if (state.compiling) return "compiling the shader";
  if (state.milliseconds === 0) return "waiting for the field";
  const quality = state.exact ? "exact" : state.factor > 1 ? `preview 1/${state.factor}` : `${Math.round(100 * state.share)} %`;
  const parts = [quality];
  if (state.magnification !== null) parts.push(`${number(state.magnification, 3)}×`);
  if (state.exact) parts.push(milliseconds(state.milliseconds));
  if (state.deepest) parts.push("as deep as numbers go");
  return parts.join(" · ");
}

// What the page asks of the picture.

export function look(next: ViewState): void {
  const made = drawer.peek();
  if (made === null) return;
  made.view = next;
  view.value = made.view;
}

export function fly(camera: Camera): void {
  drawer.peek()?.flyTo(camera);
}

/** A key that was pressed where nothing has the focus is the picture's. */
export function pressed({ key, shiftKey }: KeyboardEvent): void {
  drawer.peek()?.canvas.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, cancelable: true }));
}

export function inspectMiddle(): void {
  inspection.middle();
}

/** The picture as a file, when it is finished; null where there is none. */
export async function saved(): Promise<Blob | null> {
  const made = drawer.peek();
  if (made?.state.exact === false) say("It is saved once it is exact.");
  return made?.picture() ?? null;
}

const FILM = { rate: 30, perView: 2, around: 6 }; // pictures a second, seconds

/** A film along cameras, or around what is in the middle where there are fewer than two; null if the server draws. */
export async function filmed(cameras: readonly Camera[], onProgress: (share: number) => void): Promise<Blob | null> {
  const made = drawer.peek();
  if (!(made instanceof Painter)) return null;
  const loop = cameras.length < 2;
  const { view, shown } = made;
  const keys = loop ? turntable(view.camera) : cameras.map((camera) => upright(camera, shown.views));
  const seconds = loop ? FILM.around : FILM.perView * (keys.length - 1);
  return record(made, keys, { seconds, rate: FILM.rate, loop, onProgress });
}

export async function frame(message: Frame, bytes: Bytes): Promise<void> {
  await frames?.take(message, bytes);
}
