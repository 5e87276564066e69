import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { keepOnly, keepPhoto, keepSnapshot, keepStill, keepTruth, photos, snapshots, stills, truths } from "../src/content";
import type { Photo, Truth } from "../src/protocol";

const NONE = new Uint8Array();
const closed: string[] = [];

const photo = (shown: number, view: number): Photo => ({ type: "photo", shown, view, width: 4, height: 3 });

const truth = (shown: number): Truth => ({
  type: "truth", shown, width: 1, height: 1, channels: 3, factor: 1, dtype: "uint8",
});

beforeEach(() => {
  keepOnly(new Set());
  closed.length = 0;
  vi.stubGlobal("createImageBitmap", () => Promise.resolve({ close: () => closed.push("bitmap") }));
});

afterEach(() => vi.unstubAllGlobals());

test("what belongs to others than are shown now is forgotten", async () => {
  for (const id of [3, 4]) {
    keepSnapshot(id, { serial: 0, step: 0, arrays: [], bytes: NONE });
    keepTruth(truth(id), NONE);
    await keepStill(id, { mode: "fit", eye: null }, NONE);
    await keepPhoto(photo(id, 0), NONE);
  }
  keepOnly(new Set([4, 5]));
  for (const kept of [snapshots, truths, stills]) expect([...kept.value.keys()]).toEqual([4]);
  expect([...photos.value.keys()]).toEqual(["4/0"]);
  expect(closed).toHaveLength(1);
});

test("only so many photos are kept, the newest", async () => {
  for (let view = 0; view < 70; view++) await keepPhoto(photo(0, view), NONE);
  expect(photos.value.size).toBe(64);
  expect(photos.value.has("0/5")).toBe(false);
  expect(photos.value.has("0/6")).toBe(true);
  expect(closed).toHaveLength(6);
});
