/** Everything that can be done, whether by a key, a button or the pointer. */

import * as canvas from "./canvas";
import { cameraOf } from "./draw/camera";
import { type PictureMode, type ViewState, defaultView } from "./draw/view";
import { filename } from "./format";
import { modesOf } from "./modes";
import { post } from "./post";
import type { Action, Export } from "./protocol";
import { save } from "./saving";
import { first, kept, one, path, recording, rival, rivals, say, second, shown, view } from "./store";
import { wordsOf } from "./fault";

const MESH_CELLS = 256;

export function change(part: Partial<ViewState>): void {
  const now = view.value;
  if (now !== null) canvas.look({ ...now, ...part });
}

export function show(id: number): void {
  if (second.value === id) second.value = null;
  first.value = id;
}

export function compare(id: number | null): void {
  second.value = id === first.value ? null : id;
  if (second.value !== null && view.value !== null) change({ mode: "split", against: "other" });
}

export function showNext(): void {
  show(after(first.value));
}

/** The next one after the one compared with; after the last, none. */
export function compareNext(): void {
  const others = rivals.value.map((each) => each.id);
  compare(others[second.value === null ? 0 : others.indexOf(second.value) + 1] ?? null);
}

function after(id: number): number {
  const ids = shown.value.map((each) => each.id);
  return ids[(ids.indexOf(id) + 1) % ids.length] ?? id;
}

export function nextMode(by: 1 | -1): void {
  const [each, now] = [one.value, view.value];
  if (each === null || now === null) return;
  const modes = modesOf(each, rival.value, path.value.by);
  const mode: PictureMode | undefined = modes[(modes.indexOf(now.mode) + by + modes.length) % modes.length];
  if (mode !== undefined) change({ mode });
}

/** The place as at the beginning; how the picture is coloured stays. */
export function reset(): void {
  const each = one.value;
  if (each === null) return;
  const { centre, zoom, camera } = defaultView(each);
  change({ centre, zoom, camera });
}

export function jump(number: number): void {
  const camera = cameraOf(one.value?.views ?? [], number);
  if (camera !== null) canvas.fly(camera);
}

export function inspectMiddle(): void {
  canvas.inspectMiddle();
}

export function control(action: Action): void {
  if (!post({ type: "control", action })) say("There is no connection to the fit.", "error");
}

export function exportFile(what: Export["what"]): void {
  const each = one.value;
  if (each === null) return;
  if (post({ type: "export", shown: each.id, what, resolution: MESH_CELLS })) say(`The ${what} is being made.`);
}

export async function savePicture(): Promise<void> {
  await saved("picture", canvas.saved, () => "png");
}

async function saved(what: string, made: () => Promise<Blob | null>, ending: (data: Blob) => string): Promise<void> {
  const each = one.value;
  if (each === null) return;
  try {
    const data = await made();
    if (data !== null) save(`${filename(each.name)}.${ending(data)}`, data);
  } catch (error) {
    say(`No ${what}: ${wordsOf(error)}.`, "error");
  }
}

export function keep(): void {
  if (view.value !== null) kept.value = [...kept.value, view.value];
}

export function visit(k: number): void {
  const one = kept.value[k];
  if (one !== undefined) canvas.look(one);
}

export function forget(k: number): void {
  kept.value = kept.value.filter((_, each) => each !== k);
}

/** A film along the kept views, or once around where there are fewer than two. */
export async function recordFilm(): Promise<void> {
  if (recording.value !== null) return;
  recording.value = 0;
  const filmed = () => canvas.filmed(kept.value.map((view) => view.camera), (share) => (recording.value = share));
  await saved("video", filmed, ({ type }) => (type.startsWith("video/mp4") ? "mp4" : "webm"));
  recording.value = null;
}
