/** Looking at the box of a 2-D field: what part of it a picture shows. y goes down. */

import type { Shown } from "../protocol";
import { clamp } from "./vectors";

/** Whether it is looked at on a plane, not in space. */
export const isFlat = ({ kind }: Pick<Shown, "kind">): boolean => kind === "image" || kind === "slices";

/** Whether values are shown by a map of colours, because they are none. */
export const isScalar = ({ kind, outputs }: Shown): boolean => kind === "slices" && outputs === 1;

export interface PlaneView {
  /** The box coordinates in the middle. */
  readonly centre: readonly [number, number];
  /** 1 shows all of the box. */
  readonly zoom: number;
}

/** The part of the box that a picture shows: its upper left corner and the steps from pixel to pixel. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly dx: number;
  readonly dy: number;
}

const LEAST_ZOOM = 0.1;
const FINEST = 1e-3; // below this coordinates are not told apart more finely: a field has no more detail there

/** Canvas pixels per pixel of the signal. */
export function magnification(view: PlaneView, size: Size, width: number, height: number): number {
  return Math.min(width / size[0], height / size[1]) * view.zoom;
}

type Size = readonly [number, number];

/** What a canvas of this width and height shows of a picture with `size` pixels over the box [-1, 1]^2. */
export function windowOf(view: PlaneView, size: Size, width: number, height: number): Window {
  const scale = magnification(view, size, width, height);
  const [dx, dy] = [2 / (size[0] * scale), 2 / (size[1] * scale)];
  return { left: view.centre[0] - (dx * width) / 2, top: view.centre[1] - (dy * height) / 2, dx, dy };
}

/** Between neighbouring numbers of float32 at a coordinate. */
export const spacing = (x: number): number => 2 ** (Math.floor(Math.log2(Math.max(Math.abs(x), FINEST))) - 23);

/** The zoom at which neighbouring pixels have one coordinate in float32. */
export function deepest(centre: readonly [number, number], size: Size, width: number, height: number): number {
  const one = windowOf({ centre, zoom: 1 }, size, width, height);
  return Math.min(one.dx / spacing(centre[0]), one.dy / spacing(centre[1]));
}

/** Within what can be drawn: the centre in the box, the zoom up to the deepest. */
export function clampedPlane(view: PlaneView, size: Size, width: number, height: number): PlaneView {
  const centre: [number, number] = [clamp(view.centre[0], -1, 1), clamp(view.centre[1], -1, 1)];
  return { centre, zoom: clamp(view.zoom, LEAST_ZOOM, deepest(centre, size, width, height)) };
}

/** Box coordinates of a place on the canvas, in pixels. */
export function placeAt(window: Window, x: number, y: number): [number, number] {
  return [window.left + x * window.dx, window.top + y * window.dy];
}

/** The centre of the pixel that a coordinate of the box lies in, along an axis with so many. */
export const centred = (x: number, pixels: number): number =>
  Math.abs(x) < 1 ? (2 * Math.floor(((x + 1) / 2) * pixels) + 1) / pixels - 1 : x;

/** Moved by pixels: what was at (0, 0) is then at (x, y). */
export function movedBy(view: PlaneView, window: Window, x: number, y: number): PlaneView {
  return { ...view, centre: [view.centre[0] - x * window.dx, view.centre[1] - y * window.dy] };
}

/** Zoomed by a factor, so that what is at the pixel (x, y) of a canvas stays there. */
export function zoomedAt(
  view: PlaneView,
  factor: number,
  at: readonly [number, number],
  size: Size,
  width: number,
  height: number,
): PlaneView {
  const before = windowOf(view, size, width, height);
  const [x, y] = placeAt(before, at[0], at[1]);
  const most = deepest([clamp(x, -1, 1), clamp(y, -1, 1)], size, width, height);
  const zoom = clamp(view.zoom * factor, LEAST_ZOOM, most);
  const share = view.zoom / zoom;
  return { zoom, centre: [x + (view.centre[0] - x) * share, y + (view.centre[1] - y) * share] };
}

/**
 * The coordinates of all columns, then those of all rows, at the pixels' centres.
 *
 * Computed in float64 and then rounded, as `render.image_values` does: products in a shader would differ.
 */
export function rasterOf(window: Window, width: number, height: number): Float32Array {
  const count = Math.max(width, height);
  const raster = new Float32Array(2 * count);
  for (let i = 0; i < width; i++) raster[i] = window.left + (i + 0.5) * window.dx;
  for (let j = 0; j < height; j++) raster[count + j] = window.top + (j + 0.5) * window.dy;
  return raster;
}
