/** How each kind of signal is drawn: what is computed per pixel, and what of it is shown. */

import type { MapName, Shown } from "../protocol";
import { type Camera, type Optics, letterbox, opticsOf, surroundings } from "./camera";
import { roundScale } from "./colours";
import type { DrawnField } from "./field";
import { type GL, HEADER, Pass, type Target, bound, textureOf } from "./gl";
import { MEASURE, PLANE_MODES, PLANE_PICTURE, planeSource } from "./image";
import { Overlay } from "./overlay";
import { isScalar, magnification, rasterOf, windowOf } from "./plane";
import { RADIANCE_MEASURE, RADIANCE_MODES, RADIANCE_PICTURE, radianceSource } from "./radiance";
import { DISPLAY, PIXEL } from "./shared";
import { SIDE, logSpectrum, luminance } from "./spectrum";
import { type Stage, truthSample } from "./stage";
import {
  LEAST,
  SHARE,
  STEPS,
  STRIDE,
  SURFACE_MEASURE,
  SURFACE_MODES,
  SURFACE_PICTURE,
  surfaceSource,
} from "./surface";
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

type Size = readonly [number, number];

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
  /** What legends tell of computed values; once they are exact. */
  measure(view: ViewState, targets: readonly Target[]): void;
  /** Shows values that were computed with a shift. */
  present(view: ViewState, targets: readonly Target[], canvas: Size, shift?: Size): void;
  /** Draws onto the canvas what lies over the picture and is no part of it. */
  cover?(view: ViewState, targets: readonly Target[], canvas: Size): void;
  legend(view: ViewState): Legend | null;
  dispose(): void;
}

export function drawingOf(stage: Stage): Drawing {
  const { kind } = stage.shown;
  if (kind === "radiance") return new RadianceDrawing(stage);
  return kind === "shape" ? new SurfaceDrawing(stage) : new PlaneDrawing(stage);
}

/** Whether a view compares with the second field. */
export function wantsOther(view: ViewState): boolean {
  return view.against === "other" && ["split", "error", "spectrum"].includes(view.mode);
}

function fieldOf(stage: Stage, number: number): DrawnField {
  const field = stage.fields[number];
  if (!field) throw new Error(`there is no field number ${number} to be drawn`);
  return field;
}

const SPECTRUM_PICTURE = `${HEADER}${DISPLAY}${PIXEL}
uniform sampler2D spectrum;
uniform float split;
uniform vec2 range;
uniform bool both;
layout(location = 0) out vec4 shown;
void main() {
  vec2 p = vec2(pixelHere()) + 0.5;
  float side = min(canvas.x, canvas.y);
  vec2 q = (p - 0.5 * canvas) / side + 0.5;
  shown = vec4(behind(p, canvas) * 0.92, 1.0);
  if (any(notEqual(q, clamp(q, 0.0, 1.0)))) return;
  vec2 texel = texelFetch(spectrum, ivec2(min(q, 0.99999) * ${SIDE}.0), 0).xy;
  float slider = (q.x - split) * side;
  float value = both && slider > 0.0 ? texel.y : texel.x;
  vec3 colour = mapped((value - range.x) / (range.y - range.x));
  shown.rgb = both ? divided(colour, slider) : colour;
}
`;

/** Logarithms shown below the largest amplitude. */
const DECADES = 5;

class PlaneDrawing implements Drawing {
  readonly attachments = 1;
  readonly blending = 0;
  private readonly shown: Shown;
  private readonly pixels: Size;
  private spectra: WebGLTexture | null = null;
  private peak = 0;
  private values: readonly [number, number] = [0, 1];
  private scale = 1;

  constructor(private readonly stage: Stage) {
    this.shown = stage.shown;
    this.pixels = this.shown.size ?? [1, 1];
  }

  key(view: ViewState): string {
    const { centre, zoom, axis, at, channel, mode } = view;
    const first = this.shown.outputs > 4 ? channel : 0;
    return JSON.stringify(mode === "spectrum" ? [first] : [centre, zoom, axis, at, first]);
  }

  size(view: ViewState, canvas: Size): Size {
    return view.mode === "spectrum" ? [SIDE, SIDE] : canvas;
  }

  pass(_view: ViewState, number: number): Pass {
    const field = fieldOf(this.stage, number);
    const { inputs, outputs } = field.shown;
    return this.stage.pass(`field${number} plane`, () => planeSource(field.code.source, inputs, outputs));
  }

  compute(view: ViewState, number: number, raster: Raster, whole: Size): void {
    const pass = this.pass(view, number);
    pass.use();
    const unit = fieldOf(this.stage, number).bind(pass, 0);
    pass.setTexture("raster", this.raster("computed", view, raster, whole), unit);
    pass.setInt("first", this.shown.outputs > 4 ? (view.channel ?? 0) : 0);
    pass.setInt("axis", view.axis);
    pass.set("at", view.at);
  }

  smoothed(view: ViewState, canvas: Size): boolean {
    return (view.mode === "fit" || view.mode === "truth") && magnification(view, this.pixels, ...canvas) < 1;
  }

  measure(view: ViewState, targets: readonly Target[]): void {
    if (view.mode === "spectrum") return this.transform(view, targets);
    const target = targets[0] as Target;
    const pass = this.stage.pass("measure plane", () => MEASURE);
    pass.use();
    this.setValues(pass, view, targets, 0, [0, 0]);
    const found = this.stage.measure(pass, target.width, target.height);
    const high = found[Math.floor(0.99 * (found.length - 1))] ?? 1;
    this.scale = roundScale(high);
    this.values = [found[0] ?? 0, Math.max(found[found.length - 1] ?? 1, (found[0] ?? 0) + 1e-9)];
  }

  present(view: ViewState, targets: readonly Target[], canvas: Size, shift: Size = [0, 0]): void {
    if (view.mode === "spectrum") return this.presentSpectrum(view, canvas);
    const { stage } = this;
    const pass = stage.pass("plane picture", () => PLANE_PICTURE);
    this.setValues(pass, view, targets, stage.display(pass, view, ...canvas), shift);
    pass.set("split", view.split);
    pass.set("scale", view.scale ?? this.scale);
    pass.set("range", this.range);
    pass.set("gain", 2 ** view.exposure);
    pass.setInt("linearLight", Number(this.shown.linear));
    pass.setInt("scalar", Number(isScalar(this.shown)));
    stage.onCanvas(...canvas);
  }

  legend(view: ViewState): Legend | null {
    const { map, mode } = view;
    if (mode === "error" || mode === "gradient") return { map, low: 0, high: view.scale ?? this.scale, what: mode };
    if (mode === "spectrum") {
      const high = 10 ** this.peak;
      return { map, low: high / 10 ** DECADES, high, what: "amplitude" };
    }
    if (!isScalar(this.shown)) return null;
    const [low, high] = this.range;
    return { map, low, high, what: "value" };
  }

  dispose(): void {
    this.stage.gl.deleteTexture(this.spectra);
  }

  private get range(): readonly [number, number] {
    return isScalar(this.shown) ? this.values : [0, 1];
  }

  private raster(name: string, view: ViewState, raster: Raster, whole: Size): WebGLTexture {
    const { width, height, factor, shift } = raster;
    const all = { left: -1, top: -1, dx: 2 / SIDE, dy: 2 / SIDE };
    const window = view.mode === "spectrum" ? all : windowOf(view, this.pixels, ...whole);
    const [dx, dy] = [window.dx * factor, window.dy * factor];
    const [left, top] = [window.left + shift[0] * dx, window.top + shift[1] * dy];
    return this.stage.raster(name, rasterOf({ left, top, dx, dy }, width, height));
  }

  private setValues(pass: Pass, view: ViewState, targets: readonly Target[], unit: number, shift: Size): void {
    const { stage } = this;
    const [fit, other] = targets;
    const [width, height] = [fit?.width ?? 1, fit?.height ?? 1];
    const raster = this.raster("shown", view, { width, height, factor: 1, shift }, [width, height]);
    pass.setTexture("fitted", stage.or(fit?.textures[0]), unit);
    pass.setTexture("other", stage.or(other?.textures[0]), unit + 1);
    pass.setTexture("truth", stage.or(stage.truth), unit + 2);
    pass.setTexture("raster", raster, unit + 3);
    pass.setInt("mode", PLANE_MODES[view.mode as keyof typeof PLANE_MODES]);
    pass.setInt("againstOther", Number(wantsOther(view) && other !== undefined));
    const apart = this.shown.outputs > 4;
    pass.setInt("channels", apart ? 1 : this.shown.outputs);
    pass.setInt("channel", apart ? 0 : (view.channel ?? -1));
    pass.set("pixels", this.pixels);
    pass.set("zoom", magnification(view, this.pixels, width, height));
  }

  /** The spectra of the computed values, beside the reference's. */
  private transform(view: ViewState, targets: readonly Target[]): void {
    const { gl, truthPicture } = this.stage;
    const channels = Math.min(this.shown.outputs, 4);
    const channel = this.shown.outputs > 4 ? 0 : view.channel;
    const fit = logSpectrum(luminance((targets[0] as Target).read(0), channels, channel), SIDE);
    let reference = fit;
    const other = wantsOther(view) ? targets[1] : undefined;
    if (other !== undefined) reference = logSpectrum(luminance(other.read(0), channels, channel), SIDE);
    else if (truthPicture !== null) {
      const { width, height } = truthPicture.told;
      const texels = new Float32Array(4 * SIDE * SIDE);
      for (let k = 0; k < SIDE * SIDE; k++) {
        const [i, j] = [k % SIDE, Math.floor(k / SIDE)];
        const [x, y] = [Math.floor(((i + 0.5) / SIDE) * width), Math.floor(((j + 0.5) / SIDE) * height)];
        for (let c = 0; c < channels; c++) texels[4 * k + c] = truthSample(truthPicture, x, y, c);
      }
      reference = logSpectrum(luminance(texels, channels, channel), SIDE);
    }
    const texels = new Float32Array(2 * SIDE * SIDE);
    fit.forEach((value, k) => texels.set([value, reference[k] ?? 0], 2 * k));
    this.peak = Math.ceil(texels.reduce((most, value) => Math.max(most, value), -12));
    this.spectra ??= textureOf(gl);
    bound(gl, this.spectra);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG32F, SIDE, SIDE, 0, gl.RG, gl.FLOAT, texels);
  }

  private presentSpectrum(view: ViewState, canvas: Size): void {
    const { stage } = this;
    const pass = stage.pass("spectrum picture", () => SPECTRUM_PICTURE);
    const unit = stage.display(pass, view, ...canvas);
    pass.setTexture("spectrum", stage.or(this.spectra), unit);
    pass.set("split", view.split);
    pass.set("range", [this.peak - DECADES, this.peak]);
    pass.setInt("both", Number(stage.truth !== null || wantsOther(view)));
    stage.onCanvas(...canvas);
  }
}

/** Sets what `shared.RAYS` reads, for a picture of which a raster shows every so many pixels. */
function setRays(pass: Pass, { eye, axes, focal, centre }: Optics): void {
  pass.set("eye", eye);
  pass.set("axes", axes.flat());
  pass.set("lens", [...focal, ...centre]);
}

/** Depths between which nearly all is that is seen: specks in the air do not count. */
function reachOf(depths: readonly number[]): readonly [number, number] | null {
  const speck = Math.floor(0.01 * (depths.length - 1));
  const [near, far] = [depths[speck], depths[depths.length - 1 - speck]];
  return near === undefined || far === undefined ? null : [near, far];
}

class SurfaceDrawing implements Drawing {
  readonly attachments = 2;
  readonly blending = 1;
  private depths: readonly [number, number] = [0, 1];

  constructor(private readonly stage: Stage) {}

  key(view: ViewState): string {
    return JSON.stringify([view.camera, view.clip]);
  }

  size(_view: ViewState, canvas: Size): Size {
    return canvas;
  }

  pass(_view: ViewState, number: number): Pass {
    const field = fieldOf(this.stage, number);
    return this.stage.pass(`field${number} surface`, () => surfaceSource(field.code.source, field.shown.outputs));
  }

  compute(view: ViewState, number: number, raster: Raster, whole: Size): void {
    const field = fieldOf(this.stage, number);
    const shape = field.shown.shape ?? { level: 0, inside_below: true, metric: true, steepness: 1 };
    const pass = this.pass(view, number);
    pass.use();
    field.bind(pass, 0);
    setRays(pass, this.optics(view.camera, whole));
    pass.set("magnified", raster.factor);
    pass.set("shift", raster.shift);
    pass.set("level", [shape.level, shape.inside_below ? 1 : -1]);
    const stride = Math.max(STRIDE, (2 * Math.sqrt(3)) / STEPS);
    pass.set("pace", shape.metric ? [SHARE / Math.max(shape.steepness, 1), LEAST] : [0, stride]);
    pass.setInt("metric", Number(shape.metric));
    pass.set("clip", planeOf(view));
  }

  smoothed(): boolean {
    return true;
  }

  measure(view: ViewState, targets: readonly Target[]): void {
    if (view.mode !== "depth") return;
    const target = targets[0] as Target;
    const pass = this.stage.pass("measure surface", () => SURFACE_MEASURE);
    pass.use();
    pass.setTexture("first", this.stage.or(target.textures[0]), 0);
    const found = this.stage.measure(pass, target.width, target.height);
    this.depths = [found[0] ?? 0, found[found.length - 1] ?? 1];
  }

  present(view: ViewState, targets: readonly Target[], canvas: Size): void {
    const { stage } = this;
    const target = targets[0] as Target;
    const pass = stage.pass("surface picture", () => SURFACE_PICTURE);
    const unit = stage.display(pass, view, ...canvas);
    pass.setTexture("first", stage.or(target.textures[0]), unit);
    pass.setTexture("second", stage.or(target.textures[1]), unit + 1);
    const other = targets[1] ?? target;
    pass.setTexture("otherFirst", stage.or(other.textures[0]), unit + 2);
    pass.setTexture("otherSecond", stage.or(other.textures[1]), unit + 3);
    pass.set("split", view.split);
    setRays(pass, this.optics(view.camera, canvas));
    pass.setInt("mode", SURFACE_MODES[view.mode as keyof typeof SURFACE_MODES]);
    pass.set("depths", this.depths);
    pass.set("spacing", stage.shown.shape?.metric === false ? 1 : 0.05);
    stage.onCanvas(...canvas);
  }

  legend(view: ViewState): Legend | null {
    if (view.mode !== "depth") return null;
    return { map: view.map, low: this.depths[1], high: this.depths[0], what: "depth" };
  }

  dispose(): void {}

  private optics(camera: Camera, [width, height]: Size): Optics {
    return opticsOf(camera, width, height, this.stage.shown.views);
  }
}

/** The plane that cuts the box: what is kept has at least the distance w along xyz. */
function planeOf({ clip }: ViewState): readonly number[] {
  if (clip === null) return [0, 0, 0, 0];
  const sign = clip.flipped ? -1 : 1;
  return [...[0, 1, 2].map((axis) => (axis === clip.axis ? sign : 0)), sign * clip.at];
}

/** A photo's error at the upper end of the colours where nothing else is asked for. */
const PHOTO_SCALE = 0.25;
/** Depths are shown by their inverse where the farthest is this many times the nearest. */
const WIDE = 4;
const ENDLESS = 1e9;

class RadianceDrawing implements Drawing {
  readonly attachments = 2;
  readonly blending = 2;
  private readonly gl: GL;
  private readonly frustum: number;
  private overlay: Overlay | null = null;
  private depths: readonly [number, number] = [0, 1];

  constructor(private readonly stage: Stage) {
    this.gl = stage.gl;
    const { middle } = surroundings(stage.shown.views);
    const away = stage.shown.views.map(({ pose }) =>
      Math.hypot(...[0, 1, 2].map((k) => (pose[4 * k + 3] ?? 0) - (middle[k as 0] ?? 0))),
    );
    const ordered = away.sort((a, b) => a - b);
    this.frustum = 0.12 * (ordered[ordered.length >> 1] ?? 1);
  }

  key(view: ViewState): string {
    return JSON.stringify([view.camera, view.crop, view.mode === "normal"]);
  }

  size(_view: ViewState, canvas: Size): Size {
    return canvas;
  }

  pass(view: ViewState, number: number): Pass {
    const field = fieldOf(this.stage, number);
    const normals = view.mode === "normal";
    const unbounded = field.shown.march?.unbounded ?? false;
    const name = `field${number} radiance${normals ? " normals" : ""}`;
    return this.stage.pass(name, () => radianceSource(field.code.source, unbounded, normals));
  }

  compute(view: ViewState, number: number, raster: Raster, whole: Size): void {
    const field = fieldOf(this.stage, number);
    const { march } = field.shown;
    if (march === null) throw new Error("a radiance field that is drawn by the browser needs its cells");
    const pass = this.pass(view, number);
    pass.use();
    field.bind(pass, 0);
    setRays(pass, this.optics(view.camera, whole));
    pass.set("magnified", raster.factor);
    pass.set("shift", raster.shift);
    pass.set("count", march.cells);
    pass.set("size", march.step);
    pass.set("cone", march.cone);
    pass.set("growth", Math.log1p(march.cone));
    pass.set("near", march.near);
    pass.set("stop", march.stop);
    pass.set("cropLow", view.crop?.slice(0, 3) ?? [-ENDLESS, -ENDLESS, -ENDLESS]);
    pass.set("cropHigh", view.crop?.slice(3) ?? [ENDLESS, ENDLESS, ENDLESS]);
  }

  smoothed(view: ViewState): boolean {
    return view.mode !== "error";
  }

  measure(view: ViewState, targets: readonly Target[]): void {
    if (view.mode !== "depth") return;
    const target = targets[0] as Target;
    const pass = this.stage.pass("measure radiance", () => RADIANCE_MEASURE);
    pass.use();
    pass.setTexture("first", this.stage.or(target.textures[0]), 0);
    pass.setTexture("second", this.stage.or(target.textures[1]), 1);
    this.depths = reachOf(this.stage.measure(pass, target.width, target.height)) ?? [0, 1];
  }

  present(view: ViewState, targets: readonly Target[], canvas: Size): void {
    const { stage, depths } = this;
    const [target, other] = targets;
    const pass = stage.pass("radiance picture", () => RADIANCE_PICTURE);
    const unit = stage.display(pass, view, ...canvas);
    pass.setTexture("first", stage.or(target?.textures[0]), unit);
    pass.setTexture("second", stage.or(target?.textures[1]), unit + 1);
    pass.setTexture("other", stage.or(other?.textures[0]), unit + 2);
    const chosen = view.camera.view;
    const photo = chosen === null ? undefined : stage.photos.get(chosen);
    pass.setTexture("photo", stage.or(photo), unit + 3);
    pass.setInt("againstOther", Number(wantsOther(view) && other !== undefined));
    pass.set("frame", photo === undefined ? [0, 0, 0, 0] : this.frameOf(chosen ?? 0, canvas));
    pass.setInt("mode", RADIANCE_MODES[view.mode as keyof typeof RADIANCE_MODES]);
    pass.set("split", view.split);
    pass.set("scale", view.scale ?? PHOTO_SCALE);
    pass.set("depths", depths);
    pass.setInt("inverse", Number(depths[0] > 0 && depths[1] > WIDE * depths[0]));
    pass.set("gain", 2 ** view.exposure);
    stage.onCanvas(...canvas);
  }

  legend(view: ViewState): Legend | null {
    if (view.mode === "error") return { map: view.map, low: 0, high: view.scale ?? PHOTO_SCALE, what: "error" };
    if (view.mode !== "depth") return null;
    return { map: view.map, low: this.depths[1], high: this.depths[0], what: "depth" };
  }

  dispose(): void {
    this.overlay?.dispose();
  }

  cover(view: ViewState, [target]: readonly Target[], canvas: Size): void {
    const { stage } = this;
    if (!view.cameras || target === undefined) return;
    this.overlay ??= new Overlay(this.gl);
    const depths = stage.or(target.textures[1]);
    const photos = view.photos ? stage.photos : new Map<number, WebGLTexture>();
    const optics = this.optics(view.camera, canvas);
    this.overlay.draw(stage.shown.views, photos, optics, depths, canvas, this.frustum, view.camera.view);
  }

  private frameOf(view: number, [width, height]: Size): readonly number[] {
    const { left, top, width: w, height: h } = letterbox(this.stage.shown.views[view]?.size ?? [1, 1], width, height);
    return [left, top, w, h];
  }

  private optics(camera: Camera, [width, height]: Size): Optics {
    return opticsOf(camera, width, height, this.stage.shown.views);
  }
}

