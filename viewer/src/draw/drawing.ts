/** How something is drawn: what is computed per pixel, and what of it is shown. */

import type { MapName } from "../protocol";
import type { DrawnField } from "./field";
import type { Pass, Target } from "./gl";
import type { Stage } from "./stage";
import type { ViewState } from "./view";

/** What the colours of a picture mean: the numbers at both ends of a colour map. */
export interface Legend {
  readonly map: MapName;
  readonly low: number;
  readonly high: number;
  readonly what: "error" | "gradient" | "depth" | "value" | "amplitude";
}

/** A raster to be computed: its size, how many pixels of the whole picture one of its is, and a shift in its pixels. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly factor: number;
  readonly shift: readonly [number, number];
}

export type Size = readonly [number, number];

export interface Drawing {
  /** Textures that a computation writes. */
  readonly attachments: number;
  /** How coarse values are made finer: 0 all are mixed, 1 where there is something, 2 the first are mixed. */
  readonly blending: 0 | 1 | 2;
  /** All that computed values depend on beside the weights. */
  key(view: ViewState): string;
  /** The size of what is computed for a canvas. */
  size(view: ViewState, canvas: Size): Size;
  /** The pass that computes a field's values, which may still be compiling. */
  pass(view: ViewState, field: number): Pass;
  /** Puts a field's pass in use, ready to draw a raster of a picture of this size. */
  compute(view: ViewState, field: number, raster: Raster, whole: Size): void;
  /** Whether pictures gain by the mean of several values in each pixel. */
  smoothed(view: ViewState, canvas: Size): boolean;
  /** What legends tell of computed values: roughly of coarse ones, and again once they are exact. */
  measure(view: ViewState, targets: readonly Target[]): void;
  /** Shows values that were computed with a shift. */
  present(view: ViewState, targets: readonly Target[], canvas: Size, shift?: Size): void;
  /** Draws onto the canvas what lies over the picture and is no part of it. */
  cover?(view: ViewState, targets: readonly Target[], canvas: Size): void;
  legend(view: ViewState): Legend | null;
  dispose(): void;
}

/** Whether a view compares with the second field. */
export function wantsOther(view: ViewState): boolean {
  return view.against === "other" && ["split", "error", "spectrum"].includes(view.mode);
}

export function fieldOf(stage: Stage, number: number): DrawnField {
  const field = stage.fields[number];
  if (!field) throw new Error(`there is no field number ${number} to be drawn`);
  return field;
}
