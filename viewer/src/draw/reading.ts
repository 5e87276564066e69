/** What lies under a pixel of a picture. */

import type { Shown } from "../protocol";
import { opticsOf, rayOf } from "./camera";
import type { Target } from "./gl";
import { centred, isFlat, magnification, placeAt, windowOf } from "./plane";
import { type TruthPicture, truthSample } from "./stage";
import { add, scaled } from "./vectors";
import { type ViewState, inSpace, isCentred } from "./view";

export interface Place {
  /** Box coordinates; of a surface and a radiance field where the ray meets something. */
  readonly x: readonly number[];
  readonly values: readonly number[] | null;
  readonly truth: readonly number[] | null;
}

/** A picture of this size; its values and its signal's, where there are any to be read. */
export interface Readable {
  readonly shown: Shown;
  readonly view: ViewState;
  readonly width: number;
  readonly height: number;
  readonly target?: Target | null;
  readonly truth?: TruthPicture | null;
}

/** Of a pixel, y down; null where nothing is, or where telling takes a surface that cannot be read. */
export function placeUnder(picture: Readable, x: number, y: number): Place | null {
  const [i, j] = [Math.floor(x), Math.floor(y)];
  return isFlat(picture.shown) ? onPlane(picture, i, j) : alongRay(picture, i, j);
}

const LARGE = 4; // canvas pixels per pixel of an image, from which on there is something to be told within one

function onPlane({ shown, view, width, height, target, truth }: Readable, i: number, j: number): Place | null {
  const size = shown.size ?? ([1, 1] as const);
  const window = windowOf(view, size, width, height);
  const centres = isCentred(view, shown);
  const whole = shown.kind === "image" && shown.truth && magnification(view, size, width, height) < LARGE;
  const pixels = !(centres || whole) ? null : truth ? [truth.told.width, truth.told.height] : size;
  const here = placeAt(window, i + 0.5, j + 0.5);
  const place = here.map((value, axis) =>
    Math.fround(pixels === null ? value : centred(value, pixels[axis] ?? 1)),
  ) as [number, number];
  const isHere = here.every((value, axis) => Math.abs(value - (place[axis] ?? 0)) < 1e-6);
  if (view.mode === "spectrum" || place.some((value) => Math.abs(value) > 1)) return null;
  const drawn = target && target.width === width && target.height === height && i < width && j < height;
  const read = drawn && (centres || isHere) ? [...target.read(0, i, j, 1, 1)].slice(0, Math.min(shown.outputs, 4)) : null;
  return { x: inSpace(place, view, shown), values: read, truth: truth ? truthAt(truth, place) : null };
}

function truthAt(truth: TruthPicture, place: readonly [number, number]): number[] {
  const { width, height, channels } = truth.told;
  const [i, j] = [width, height].map((count, k) => {
    return Math.min(Math.floor((((place[k] ?? 0) + 1) / 2) * count), count - 1);
  }) as [number, number];
  return Array.from({ length: channels }, (_, c) => truthSample(truth, i, j, c));
}

function alongRay({ shown, view, width, height, target }: Readable, i: number, j: number): Place | null {
  if (!target || i < 0 || j < 0 || i >= target.width || j >= target.height) return null;
  const depth = target.read(shown.kind === "radiance" ? 1 : 0, i, j, 1, 1)[3] ?? 0;
  if (!(depth > 0)) return null;
  const optics = opticsOf(view.camera, width, height, shown.views);
  return { x: add(optics.eye, scaled(rayOf(optics, i + 0.5, j + 0.5), depth)), values: null, truth: null };
}
