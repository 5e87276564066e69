/** The canvas, and who draws on it: this page's painter, or the server where the page cannot or should not. */

import { computed, effect, signal, untracked } from "@preact/signals";
import { photoKey, photos, type Snapshot, snapshots, stills, truths } from "./content";
import { type Camera, upright } from "./draw/camera";
import { type PaintState, Painter } from "./draw/painter";
import { record, turntable } from "./draw/record";
import { type ViewState, asView, defaultView } from "./draw/view";
import { duration, milliseconds, number } from "./format";
import { Frames } from "./frames";
import { Input } from "./input";
import * as inspection from "./inspection";
import { post } from "./post";
import type { Frame, Shown, Watch } from "./protocol";
import * as settings from "./settings";
import { Stills } from "./stills";
import {
  type Hand, chosen, connected, drawn, kept, legend, link, live, one, other, path, picture, rivals, say, served, slow, view,
} from "./store";

const SLOW = 4000; // milliseconds for a picture, from which on the server is offered
const TOO_SLOW = 20_000; // without a graphics card: from which on the server draws
const SHARPEST = 2; // canvas pixels per pixel of the page, at most
const PHOTOS_AT_ONCE = 4;

type Drawer = Painter | Frames;

let drawer: Drawer | null = null;
/** In pixels of the page. */
export const canvasSize = signal({ width: 0, height: 0 });

/** Puts a canvas into a place of the page and keeps it drawn; returns what ends that. */
export function mount(place: HTMLElement): () => void {
  const watched = new ResizeObserver(() => {
    canvasSize.value = { width: place.clientWidth, height: place.clientHeight };
    if (drawer !== null) fit(drawer);
  });
  watched.observe(place);
  const ends = [
    effect(() => {
      const failure = drawable.value === failed.value?.of;
      const [shown, server] = [one.peek(), served.value || failure];
      return shown === null ? undefined : untracked(() => put(place, shown, drawnBy(shown, server)));
    }),
    effect(() => {
      if (one.value !== null) slow.value = null; // of another field nothing is known yet
    }),
    effect(takeWeights),
    effect(takeOther),
    effect(takeTruth),
    effect(takePhotos),
    effect(watch),
    effect(() => {
      if (stills.value.size > 0) drawer?.paint();
    }),
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
  canvas.setAttribute("aria-label", `${shown.name}. Drag or use the arrow keys to move, wheel or plus and minus to zoom, question mark for all keys.`);
  const start = begun(shown);
  const hands = { page: painter, server: frames, stills: still };
  const made = hands[by](canvas, shown, start);
  drawer = made;
  serving.value = made;
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
    if (drawer === made) drawer = null;
  };
}

/** Who draws at the moment, for the effects that hand over what comes. */
const serving = signal<Drawer | null>(null);

function painter(canvas: HTMLCanvasElement, shown: Shown, start: ViewState): Drawer {
  try {
    const made = new Painter(canvas, shown);
    path.value = { by: "page", why: "" };
    made.onState((state) => tell(made, state));
    return made;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (gaveUp(why)) return frames(canvas, shown, start);
    say(`There is no picture: ${why}.`, "error");
    return still(canvas, shown, start);
  }
}

function frames(canvas: HTMLCanvasElement, shown: Shown, start: ViewState): Drawer {
  const beside = live.peek() ? " Beside a fit it draws seldom: pause the fit to look around." : "";
  path.value = { by: "server", why: whyServed(shown) + beside };
  return told(new Frames(canvas, shown, start, post));
}

function whyServed(shown: Shown): string {
  if (shown.program === null) return `The server draws: ${shown.reason ?? "the page cannot"}.`;
  if (failed.peek()?.of === drawable.peek()) return `The server draws: ${failed.peek()?.why ?? ""}.`;
  if (chosen.peek() === "server" || slow.peek() === null) return "As chosen.";
  return `Without a graphics card a picture takes about ${duration((slow.peek()?.milliseconds ?? 0) / 1000)} here.`;
}

function still(canvas: HTMLCanvasElement, shown: Shown, start: ViewState): Drawer {
  path.value = { by: "stills", why: `The page has pictures: ${shown.reason ?? "it cannot draw this"}.` };
  return told(new Stills(canvas, shown, start));
}

function told(made: Frames): Drawer {
  made.onState((text) => {
    picture.value = text;
    legend.value = made.legend && { from: made.legend[0], to: made.legend[1] };
    view.value = made.view;
  });
  return made;
}

/** The view to begin with: as it was for what was shown before, else as the address says. */
function begun(shown: Shown): ViewState {
  settings.since(defaultView(shown));
  if (view.value !== null) return asView(view.value, shown);
  kept.value = settings.keptBefore().map((each) => asView(each, shown));
  return asView(settings.wanted(), shown);
}

function fit(made: Drawer): void {
  const scale = Math.min(window.devicePixelRatio, SHARPEST);
  made.resize(canvasSize.value.width * scale, canvasSize.value.height * scale);
}

function tell(made: Painter, state: PaintState): void {
  if (drawer !== made && drawer !== null) return;
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

const given = new WeakMap<Drawer, Map<number, Snapshot>>();

/** Hands weights to the painter and tells the server when they are on the screen, at the pace of the screen. */
function takeWeights(): void {
  const [made, all] = [serving.value, snapshots.value];
  for (const [id, snapshot] of all) {
    const before = made === null ? undefined : (given.get(made) ?? new Map<number, Snapshot>());
    if (before?.get(id) === snapshot) continue;
    before?.set(id, snapshot);
    if (made !== null && before !== undefined) given.set(made, before);
    if (made instanceof Painter) untracked(() => hand(made, id, snapshot));
    acknowledge(id, snapshot);
  }
}

function hand(made: Painter, id: number, snapshot: Snapshot): void {
  if (id === one.value?.id) {
    made.setWeights(snapshot.arrays, snapshot.bytes);
    drawn.value = { step: snapshot.step, size: snapshot.bytes.byteLength };
  } else if (id === other.value?.id) {
    made.setWeights(snapshot.arrays, snapshot.bytes, 1);
  }
}

const acknowledged = new WeakSet<Snapshot>();

function acknowledge(shown: number, snapshot: Snapshot): void {
  if (acknowledged.has(snapshot)) return;
  acknowledged.add(snapshot);
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      post({ type: "ack", shown, serial: snapshot.serial });
    }),
  );
}

const seen = signal(!document.hidden);
document.addEventListener("visibilitychange", () => {
  seen.value = !document.hidden;
  if (drawer instanceof Frames) drawer.paint();
});

const lookedAt = computed(() => {
  const made = seen.value ? serving.value : null;
  const drawn = made instanceof Painter ? [one.value, rivals.value.find((each) => each === other.value)] : [];
  const weights = drawn.flatMap((shown) => shown?.id ?? []);
  return JSON.stringify({ type: "watch", weights, pictures: made instanceof Frames } satisfies Watch);
});

/** Tells the server what is looked at, so that it sends nothing else. */
function watch(): void {
  if (connected.value) post(JSON.parse(lookedAt.value) as Watch);
}

function takeOther(): void {
  const [made, another] = [serving.value, other.value];
  if (!(made instanceof Painter)) return;
  untracked(() => {
    const fits = another !== null && rivals.value.includes(another) ? another : null;
    made.setOther(fits);
    const snapshot = fits === null ? undefined : snapshots.value.get(fits.id);
    if (snapshot !== undefined) made.setWeights(snapshot.arrays, snapshot.bytes, 1);
    if (fits === null && made.view.against === "other") look({ ...made.view, against: "truth" });
  });
}

/** When what has not come yet was asked for. */
const asked = new Map<string, number>();
const LOST = 10_000; // milliseconds after which nothing comes any more

const underWay = (): number => [...asked.values()].filter((time) => performance.now() - time < LOST).length;

function ask(shown: number, number: number | null): void {
  const key = photoKey(shown, number);
  if (!asked.has(key) && post({ type: "ask", shown, view: number })) asked.set(key, performance.now());
}

/** It has come: if it is thrown away, it can be asked for again. */
export function answered(shown: number, number: number | null): void {
  asked.delete(photoKey(shown, number));
}

function takeTruth(): void {
  const [made, shown, open] = [serving.value, one.value, connected.value];
  if (!(made instanceof Painter) || shown === null) return;
  const samples = truths.value.get(shown.id);
  if (samples !== undefined) made.setTruth(samples.truth, samples.bytes);
  else if (open && shown.truth && shown.kind === "image") ask(shown.id, null);
}

/** Hands the photos over as they come, and asks for those that are wanted, a few at a time. */
function takePhotos(): void {
  const [made, shown, now, open] = [serving.value, one.value, view.value, connected.value];
  if (shown === null || now === null || !shown.truth) return;
  const have = new Map<number, ImageBitmap>();
  for (const { photo, bitmap } of photos.value.values()) if (photo.shown === shown.id) have.set(photo.view, bitmap);
  const drawn = made instanceof Painter;
  if (drawn) made.setPhotos(have);
  for (const number of open ? wantedPhotos(shown, now, drawn) : []) {
    if (!have.has(number) && underWay() < PHOTOS_AT_ONCE) ask(shown.id, number);
  }
}

const MOST_PHOTOS = 48;

function wantedPhotos(shown: Shown, now: ViewState, inPicture: boolean): number[] {
  const current = now.camera.view === null ? [] : [now.camera.view];
  if (!inPicture || !now.cameras || !now.photos) return current;
  const step = Math.max(1, Math.ceil(shown.views.length / MOST_PHOTOS));
  return [...current, ...shown.views.map((_, k) => k).filter((k) => k % step === 0)];
}

// What the page asks of the picture.

/** A connection has come (back): what was asked for may be lost, and a picture of the server is old. */
export function forget(): void {
  asked.clear();
  if (drawer instanceof Frames) drawer.paint();
}

export function look(next: ViewState): void {
  if (drawer === null) return;
  drawer.view = next;
  view.value = drawer.view;
}

export function fly(camera: Camera): void {
  drawer?.flyTo(camera);
}

/** A key that was pressed where nothing has the focus is the picture's. */
export function pressed({ key, shiftKey }: KeyboardEvent): void {
  drawer?.canvas.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, cancelable: true }));
}

export function inspectMiddle(): void {
  inspection.middle();
}

/** The picture as a file, when it is finished; null where there is none. */
export async function saved(): Promise<Blob | null> {
  return drawer?.picture() ?? null;
}

const FILM = { rate: 30, perView: 2, around: 6 }; // pictures a second, seconds

/** A film along cameras, or around what is in the middle where there are fewer than two; null if the server draws. */
export async function filmed(cameras: readonly Camera[], onProgress: (share: number) => void): Promise<Blob | null> {
  if (!(drawer instanceof Painter)) return null;
  const loop = cameras.length < 2;
  const { view, shown } = drawer;
  const keys = loop ? turntable(view.camera) : cameras.map((camera) => upright(camera, shown.views));
  const seconds = loop ? FILM.around : FILM.perView * (keys.length - 1);
  return record(drawer, keys, { seconds, rate: FILM.rate, loop, onProgress });
}

export async function frame(message: Frame, bytes: ArrayBuffer): Promise<void> {
  if (drawer instanceof Frames) await drawer.take(message, bytes);
}
