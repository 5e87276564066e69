/** Hands what has come to whoever draws, asks for what is missing, and tells the server what is looked at. */

import { computed, effect, signal, untracked } from "@preact/signals";
import { type Snapshot, keepSnapshot, photoKey, photos, snapshots, stills, truths } from "./content";
import { Painter } from "./draw/painter";
import type { ViewState } from "./draw/view";
import { post } from "./post";
import type { Shown, Watch } from "./protocol";
import { Sheet } from "./sheet";
import { connected, drawn, hello, one, path, rival, view } from "./store";

export type Drawer = Painter | Sheet;

/** Who draws at the moment. */
export const drawer = signal<Drawer | null>(null);

/** From now on; returns what ends that. */
export function supply(): (() => void)[] {
  return [takeWeights, takeOther, takeTruth, takePhotos, takePictures, watch].map((take) => effect(take));
}

const newest = computed(() => snapshots.value.get(one.value?.id ?? -1));
const newestOfOther = computed(() => snapshots.value.get(rival.value?.id ?? -1));

function takeWeights(): void {
  const [made, snapshot] = [drawer.value, newest.value];
  if (snapshot === undefined || !(made instanceof Painter)) return;
  untracked(() => made.setWeights(snapshot.arrays, snapshot.bytes));
  drawn.value = { step: snapshot.step, size: snapshot.bytes.byteLength };
}

function takeOther(): void {
  const [made, shown, snapshot] = [drawer.value, rival.value, newestOfOther.value];
  if (!(made instanceof Painter)) return;
  untracked(() => {
    made.setOther(shown);
    if (snapshot !== undefined) made.setWeights(snapshot.arrays, snapshot.bytes, 1);
    if (shown !== null || made.view.against !== "other") return;
    made.view = { ...made.view, against: "truth" };
    view.value = made.view;
  });
}

/** Keeps weights that have come, and tells the server when they are on the screen, at the pace of the screen. */
export function arrived(shown: number, snapshot: Snapshot): void {
  keepSnapshot(shown, snapshot);
  requestAnimationFrame(() => requestAnimationFrame(() => post({ type: "ack", shown, serial: snapshot.serial })));
}

/** Whether there is somebody to ask; whoever reads this asks again after each greeting. */
const isOpen = (): boolean => hello.value !== null && connected.value;

function takeTruth(): void {
  const [made, shown, open] = [drawer.value, one.value, isOpen()];
  if (!(made instanceof Painter) || shown === null) return;
  const samples = truths.value.get(shown.id);
  if (samples !== undefined) made.setTruth(samples.truth, samples.bytes);
  else if (open && shown.truth && shown.kind === "image") ask(shown.id, null);
}

const PHOTOS_AT_ONCE = 4;
const MOST_PHOTOS = 48;

/** Hands the photos over as they come, and asks for those that are wanted, a few at a time. */
function takePhotos(): void {
  const [made, shown, now, open] = [drawer.value, one.value, view.value, isOpen()];
  if (shown === null || now === null || !shown.truth) return;
  const have = new Map<number, ImageBitmap>();
  for (const { photo, bitmap } of photos.value.values()) if (photo.shown === shown.id) have.set(photo.view, bitmap);
  const inPicture = made instanceof Painter;
  if (inPicture) made.setPhotos(have);
  for (const number of open ? wantedPhotos(shown, now, inPicture) : []) {
    if (!have.has(number) && underWay() < PHOTOS_AT_ONCE) ask(shown.id, number);
  }
}

function wantedPhotos(shown: Shown, now: ViewState, inPicture: boolean): number[] {
  const current = now.camera.view === null ? [] : [now.camera.view];
  if (!inPicture || !now.cameras || !now.photos) return current;
  const step = Math.max(1, Math.ceil(shown.views.length / MOST_PHOTOS));
  return [...current, ...shown.views.map((_, k) => k).filter((k) => k % step === 0)];
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

const seen = signal(!document.hidden);
document.addEventListener("visibilitychange", () => (seen.value = !document.hidden));

/** Pictures made elsewhere are shown anew when they have come, somebody looks again, or the server has greeted. */
function takePictures(): void {
  const [made, looking] = [drawer.value, seen.value, stills.value, hello.value];
  if (looking && made instanceof Sheet) made.paint();
}

const lookedAt = computed(() => {
  const by = seen.value ? path.value.by : null;
  const weights = by === "page" ? [one.value, rival.value].flatMap((shown) => shown?.id ?? []) : [];
  return JSON.stringify({ type: "watch", weights, pictures: by === "server" } satisfies Watch);
});

/** Tells the server what is looked at, so that it sends nothing else. */
function watch(): void {
  if (connected.value) post(JSON.parse(lookedAt.value) as Watch);
}

/** A connection has come (back): what was asked for may be lost. */
export const forget = (): void => asked.clear();
