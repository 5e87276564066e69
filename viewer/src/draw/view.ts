/** What a picture is to show: plain data with defaults and limits, so that it can travel in a URL. */

import type { Backdrop, MapName, Shown } from "../protocol";
import { type Camera, cameraOf, orbitAt } from "./camera";
import { MAPS } from "./colours";
import type { PlaneView } from "./plane";
import { type Vec, clamp, cross, length, subtract } from "./vectors";

export const MODES = {
  image: ["fit", "truth", "split", "error", "gradient", "spectrum"],
  slices: ["fit", "split", "error", "gradient"],
  shape: ["colour", "normal", "depth", "split"],
  radiance: ["colour", "depth", "normal", "opacity", "split", "error"],
} as const;

export type PictureMode = (typeof MODES)[keyof typeof MODES][number];
const BACKDROPS: readonly Backdrop[] = ["studio", "white", "black", "checker"];

/** Half of the box: where the coordinate on `axis` is below `at`, or above it if `flipped`, is cut away. */
export interface Clip {
  readonly axis: 0 | 1 | 2;
  readonly at: number;
  readonly flipped: boolean;
}

export interface ViewState extends PlaneView {
  readonly mode: PictureMode;
  /** What `split` and `error` compare with: the signal, or the second field. */
  readonly against: "truth" | "other";
  /** The share of the picture to the left of the slider. */
  readonly split: number;
  /** A single channel as grey; null for all as colours. */
  readonly channel: number | null;
  /** The value of errors and gradients at the upper end of the colours; null: found from the picture. */
  readonly scale: number | null;
  readonly map: MapName;
  /** Stops by which values are brightened. */
  readonly exposure: number;
  readonly centre: readonly [number, number];
  readonly zoom: number;
  /** The plane of a 3-D field that `slices` show: the axis across it and the place on it. */
  readonly axis: 0 | 1 | 2;
  readonly at: number;
  /** How many of a grid's finest levels are left out. */
  readonly hidden: number;
  readonly camera: Camera;
  readonly clip: Clip | null;
  /** The part of a radiance field that is drawn: least, then largest coordinates. */
  readonly crop: readonly number[] | null;
  readonly backdrop: Backdrop;
  /** Whether the signal's cameras are drawn, and their photos in them. */
  readonly cameras: boolean;
  readonly photos: boolean;
}

/** Whether only the centres of an image's pixels are shown, because errors are known there. */
export const isCentred = ({ mode, against }: ViewState, { kind }: Shown): boolean =>
  kind === "image" && mode === "error" && against === "truth";

/** The view that a picture begins with. */
export function defaultView(shown: Shown): ViewState {
  const mode: PictureMode = MODES[shown.kind][0];
  return {
    mode,
    against: shown.kind === "shape" ? "other" : "truth", // shapes have no signal that could be drawn
    split: 0.5,
    channel: null,
    scale: null,
    map: shown.kind === "slices" ? "viridis" : "inferno",
    exposure: 0,
    centre: [0, 0],
    zoom: 1,
    axis: 2,
    at: 0,
    hidden: 0,
    camera: defaultCamera(shown),
    clip: null,
    crop: null,
    backdrop: shown.kind === "radiance" ? "white" : "studio",
    cameras: false,
    photos: true,
  };
}

/** How many levels the field's grid has, the largest of several; 1 where there is none. */
export function gridLevels({ program }: Shown): number {
  return Math.max(1, ...(program?.nodes ?? []).map((node) => (node.kind === "grid" ? node.levels.length : 1)));
}

/** Where one begins: at a signal's first view, or where all of the box is seen from the upper right. */
export function defaultCamera(shown: Shown): Camera {
  return cameraOf(shown.views, 0) ?? orbitAt(30, 20, 4.4);
}

type Loose = { readonly [key in keyof ViewState]?: unknown };

/** A view made of whatever came: what is missing or wrong becomes the default, numbers are brought into range. */
export function asView(given: Loose, shown: Shown): ViewState {
  const base = defaultView(shown);
  const modes: readonly PictureMode[] = MODES[shown.kind];
  const channels = Math.max(shown.channels.length, shown.outputs);
  const channel = given.channel === null ? null : number(given.channel, -1, channels - 1, -1);
  const scale = given.scale === null ? null : number(given.scale, 1e-12, 1e12, -1);
  const centre = numbers(given.centre, 2);
  return {
    mode: one(modes, given.mode, base.mode),
    against: shown.kind === "shape" ? "other" : one(["truth", "other"], given.against, base.against),
    split: number(given.split, 0, 1, base.split),
    channel: channel === null || channel < 0 ? null : Math.round(channel),
    scale: scale === null || scale < 0 ? null : scale,
    map: one(MAPS, given.map, base.map),
    exposure: number(given.exposure, -20, 20, base.exposure),
    centre: centre === null ? base.centre : [clamp(centre[0] ?? 0, -1, 1), clamp(centre[1] ?? 0, -1, 1)],
    zoom: number(given.zoom, 0.1, 2 ** 24, base.zoom),
    axis: one([0, 1, 2], given.axis, base.axis),
    at: number(given.at, -1, 1, base.at),
    hidden: Math.round(number(given.hidden, 0, gridLevels(shown) - 1, 0)),
    camera: asCamera(given.camera, shown) ?? base.camera,
    clip: asClip(given.clip),
    crop: asCrop(given.crop),
    backdrop: one(BACKDROPS, given.backdrop, base.backdrop),
    cameras: typeof given.cameras === "boolean" ? given.cameras : base.cameras,
    photos: typeof given.photos === "boolean" ? given.photos : base.photos,
  };
}

const record = (given: unknown): Record<string, unknown> | null =>
  typeof given === "object" && given !== null ? (given as Record<string, unknown>) : null;

function one<T>(known: readonly T[], given: unknown, otherwise: T): T {
  return known.find((value) => value === given) ?? otherwise;
}

function number(given: unknown, low: number, high: number, otherwise: number): number {
  return typeof given === "number" && Number.isFinite(given) ? clamp(given, low, high) : otherwise;
}

function numbers(given: unknown, count: number): number[] | null {
  if (!Array.isArray(given) || given.length !== count) return null;
  const values = given as unknown[];
  return values.every((value) => typeof value === "number" && Number.isFinite(value)) ? (values as number[]) : null;
}

function asCamera(given: unknown, shown: Shown): Camera | null {
  const camera = record(given);
  if (camera === null) return null;
  const known = typeof camera.view === "number" ? cameraOf(shown.views, camera.view) : null;
  if (known !== null) return known;
  const [eye, target, up] = ["eye", "target", "up"].map((name) => numbers(camera[name], 3) as Vec | null);
  if (!eye || !target || !up) return null;
  if (!(length(cross(up, subtract(eye, target))) > 1e-9)) return null; // no picture: all on one line
  return { eye, target, up, fov: number(camera.fov, 1, 150, 30), view: null };
}

function asClip(given: unknown): Clip | null {
  const clip = record(given);
  if (clip === null) return null;
  return { axis: one([0, 1, 2], clip.axis, 0), at: number(clip.at, -1, 1, 0), flipped: clip.flipped === true };
}

function asCrop(given: unknown): readonly number[] | null {
  const crop = numbers(given, 6);
  const sound = crop?.slice(0, 3).every((low, k) => low < (crop[k + 3] ?? low));
  return crop !== null && sound === true ? crop : null;
}

/** A place of the plane that is shown, in the field's coordinates. */
export function inSpace(place: readonly number[], { axis, at }: ViewState, { inputs }: Shown): readonly number[] {
  return inputs === 2 ? place : [...place.slice(0, axis), at, ...place.slice(axis)];
}
