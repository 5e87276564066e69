/** What has come for each of the fields: the newest weights, truths, photos. It outlives whoever draws. */

import { type Signal, signal } from "@preact/signals";
import type { Bytes } from "./field/textures";
import type { Photo, Stored, Truth } from "./protocol";

export interface Snapshot {
  readonly serial: number;
  readonly step: number;
  readonly arrays: readonly Stored[];
  readonly bytes: Bytes;
}

export interface Samples {
  readonly truth: Truth;
  readonly bytes: Bytes;
}

export interface Picture {
  readonly photo: Photo;
  readonly url: string;
  readonly bitmap: ImageBitmap;
}

/** A picture that a page has in place of a field; in space from where `eye` is. */
export interface Still {
  readonly mode: string;
  readonly eye: readonly number[] | null;
  readonly bitmap: ImageBitmap;
}

export const stills = signal<ReadonlyMap<number, readonly Still[]>>(new Map());
export const snapshots = signal<ReadonlyMap<number, Snapshot>>(new Map());
export const truths = signal<ReadonlyMap<number, Samples>>(new Map());
export const photos = signal<ReadonlyMap<string, Picture>>(new Map());

const MOST_PHOTOS = 64;

export const photoKey = (shown: number, view: number | null): string => `${shown}/${view}`;

export function keepSnapshot(shown: number, snapshot: Snapshot): void {
  snapshots.value = new Map(snapshots.value).set(shown, snapshot);
}

export function keepTruth(truth: Truth, bytes: Bytes): void {
  truths.value = new Map(truths.value).set(truth.shown, { truth, bytes });
}

/** Forgets all of what is shown no more: another field may have the same number one day. */
export function keepOnly(ids: ReadonlySet<number>): void {
  for (const all of [stills, snapshots, truths] as Signal<ReadonlyMap<number, unknown>>[]) {
    all.value = new Map([...all.value].filter(([id]) => ids.has(id)));
  }
  forgetPhotos((photo) => !ids.has(photo.shown));
}

export async function keepStill(shown: number, still: Omit<Still, "bitmap">, bytes: Bytes): Promise<void> {
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  stills.value = new Map(stills.value).set(shown, [...(stills.value.get(shown) ?? []), { ...still, bitmap }]);
}

export async function keepPhoto(photo: Photo, bytes: Bytes): Promise<void> {
  const blob = new Blob([bytes], { type: "image/jpeg" });
  const picture = { photo, url: URL.createObjectURL(blob), bitmap: await createImageBitmap(blob) };
  photos.value = new Map(photos.value).set(photoKey(photo.shown, photo.view), picture);
  let over = photos.value.size - MOST_PHOTOS;
  forgetPhotos(() => over-- > 0);
}

/** Those, from the oldest on. */
function forgetPhotos(those: (photo: Photo) => boolean): void {
  const all = new Map(photos.value);
  for (const [key, { photo, url, bitmap }] of all) {
    if (!those(photo)) continue;
    URL.revokeObjectURL(url);
    bitmap.close();
    all.delete(key);
  }
  if (all.size < photos.value.size) photos.value = all;
}
