/** Fields over a plane: images, and planes through fields over space. */

import type { Shown } from "../protocol";
import { roundScale } from "./colours";
import { type Drawing, type Legend, type Raster, type Size, fieldOf, wantsOther } from "./drawing";
import { HEADER, type Pass, type Target, bound, textureOf } from "./gl";
import { centred, isScalar, magnification, rasterOf, windowOf } from "./plane";
import { DISPLAY, PIXEL } from "./shared";
import { SIDE, logSpectrum, luminance } from "./spectrum";
import { type Stage, truthSample } from "./stage";
import { type ViewState, isCentred } from "./view";

/** Evaluates a field at the places of a raster; `first` is the first of at most four outputs that are kept. */
function planeSource(field: string, inputs: number, outputs: number): string {
  const kept = [0, 1, 2, 3].map((k) => {
    if (outputs > 4) return `y[min(first + ${k}, ${outputs - 1})]`;
    return k < outputs ? `y[${k}]` : "0.0";
  });
  const place =
    inputs === 2
      ? "x[0] = here.x; x[1] = here.y;"
      : "x[0] = axis == 0 ? at : here.x; x[1] = axis == 0 ? here.x : axis == 1 ? at : here.y;\n" +
        "  x[2] = axis == 2 ? at : here.y;";
  return `${HEADER}${field}
uniform sampler2D raster;
uniform int first;
uniform int axis;
uniform float at;
layout(location = 0) out vec4 values;
void main() {
  ivec2 pixel = ivec2(gl_FragCoord.xy);
  vec2 here = vec2(texelFetch(raster, ivec2(pixel.x, 0), 0).x, texelFetch(raster, ivec2(pixel.y, 1), 0).x);
  values = vec4(0.0);
  if (any(greaterThan(abs(here), vec2(1.0)))) return;
  float x[${inputs}];
  float y[${outputs}];
  ${place}
  field(x, y);
  values = vec4(${kept.join(", ")});
}
`;
}

const PLANE_MODES = { fit: 0, truth: 1, split: 2, error: 3, gradient: 4 } as const;

/** What one sees of evaluated values: the same piece makes a picture and measures errors. */
const VALUES = `
uniform sampler2D fitted;
uniform sampler2D other;
uniform sampler2D truth;
uniform sampler2D raster;
uniform int mode;
uniform bool againstOther;
uniform int channels;
uniform int channel;
uniform vec2 pixels;
uniform float zoom;

vec2 placeOf(ivec2 p) {
  return vec2(texelFetch(raster, ivec2(p.x, 0), 0).x, texelFetch(raster, ivec2(p.y, 1), 0).x);
}
vec4 truthAt(vec2 here) {
  vec2 size = vec2(textureSize(truth, 0));
  return texelFetch(truth, ivec2(clamp(floor((here * 0.5 + 0.5) * size), vec2(0.0), size - 1.0)), 0);
}
vec4 reference(ivec2 p) {
  return againstOther ? texelFetch(other, p, 0) : truthAt(placeOf(p));
}
float largest(vec4 v) {
  if (channel >= 0) return v[channel];
  float found = v.x;
  for (int c = 1; c < channels; c++) found = max(found, v[c]);
  return found;
}
float errorAt(ivec2 p) { return largest(abs(texelFetch(fitted, p, 0) - reference(p))); }
// A pixel's neighbour; the pixel itself where there is none in the box.
ivec2 beside(ivec2 p, ivec2 by) {
  ivec2 next = p + by;
  bool there = all(equal(next, clamp(next, ivec2(0), textureSize(fitted, 0) - 1)));
  return there && all(lessThanEqual(abs(placeOf(next)), vec2(1.0))) ? next : p;
}
vec4 difference(ivec2 p, ivec2 by) {
  ivec2 after = beside(p, by), before = beside(p, -by), span = after - before;
  return (texelFetch(fitted, after, 0) - texelFetch(fitted, before, 0)) / float(max(span.x + span.y, 1));
}
float slopeAt(ivec2 p) {
  vec4 across = difference(p, ivec2(1, 0)), down = difference(p, ivec2(0, 1));
  vec4 square = across * across + down * down;
  float sum = 0.0;
  for (int c = 0; c < channels; c++) sum += channel < 0 || c == channel ? square[c] : 0.0;
  return sqrt(sum) * zoom;
}
`;

/** Numbers that legends want: at some pixels the error, the slope, or a channel; w tells whether it is in the box. */
const MEASURE = `${HEADER}${VALUES}
uniform vec2 stride;
layout(location = 0) out vec4 found;
void main() {
  ivec2 p = ivec2(gl_FragCoord.xy * stride);
  bool inside = all(lessThanEqual(abs(placeOf(p)), vec2(1.0)));
  float value = mode == 3 ? errorAt(p) : mode == 4 ? slopeAt(p) : texelFetch(fitted, p, 0)[max(channel, 0)];
  found = vec4(value, 0.0, 0.0, inside ? 1.0 : 0.0);
}
`;

/** The picture on the canvas. */
const PLANE_PICTURE = `${HEADER}${DISPLAY}${PIXEL}${VALUES}
uniform float split;
uniform float scale;
uniform vec2 range;
uniform float gain;
uniform bool linearLight;
uniform bool scalar;
layout(location = 0) out vec4 shown;

vec3 exposed(vec3 v) {
  v = (v - range.x) / (range.y - range.x);
  if (linearLight) return toScreen(v * gain);
  return clamp(gain == 1.0 ? v : toScreen(toLight(v) * gain), 0.0, 1.0);
}
vec3 pictureOf(vec4 v, ivec2 p) {
  if (scalar) return mapped((v[max(channel, 0)] - range.x) / (range.y - range.x));
  if (channel >= 0) return exposed(vec3(v[channel]));
  bool alpha = channels == 2 || channels == 4;
  vec3 colour = exposed(channels < 3 ? v.xxx : v.xyz);
  if (!alpha) return colour;
  return mix(behind(vec2(p), canvas), colour, clamp(channels == 2 ? v.y : v.w, 0.0, 1.0));
}
vec3 lined(vec3 colour, vec2 here) {
  if (zoom < 16.0) return colour;
  vec2 q = (here * 0.5 + 0.5) * pixels, off = abs(q - round(q));
  float line = 1.0 - smoothstep(0.5 / zoom, 1.0 / zoom, min(off.x, off.y));
  float dark = dot(colour, vec3(0.3, 0.6, 0.1)) > 0.45 ? -1.0 : 1.0;
  return colour + dark * 0.16 * line * smoothstep(16.0, 32.0, zoom);
}
void main() {
  ivec2 p = pixelHere();
  vec2 here = placeOf(p);
  if (any(greaterThan(abs(here), vec2(1.0)))) {
    shown = vec4(behind(vec2(p), canvas) * 0.92, 1.0);
    return;
  }
  float slider = split * canvas.x;
  bool after = mode == 1 || (mode == 2 && float(p.x) + 0.5 > slider);
  vec3 colour;
  if (mode == 3) colour = mapped(errorAt(p) / scale);
  else if (mode == 4) colour = mapped(slopeAt(p) / scale);
  else colour = pictureOf(after ? reference(p) : texelFetch(fitted, p, 0), p);
  if (mode < 3) colour = lined(colour, here);
  if (mode == 2) colour = divided(colour, float(p.x) + 0.5 - slider);
  shown = vec4(colour, 1.0);
}
`;

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

export class PlaneDrawing implements Drawing {
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
    return JSON.stringify(mode === "spectrum" ? [first] : [centre, zoom, axis, at, first, this.centres(view)]);
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

  /** The pixels of the signal as it has come, where only their centres are shown. */
  private centres(view: ViewState): Size | null {
    const { truthPicture } = this.stage;
    return truthPicture && isCentred(view, this.shown) ? [truthPicture.told.width, truthPicture.told.height] : null;
  }

  private raster(name: string, view: ViewState, raster: Raster, whole: Size): WebGLTexture {
    const { width, height, factor, shift } = raster;
    const all = { left: -1, top: -1, dx: 2 / SIDE, dy: 2 / SIDE };
    const window = view.mode === "spectrum" ? all : windowOf(view, this.pixels, ...whole);
    const [dx, dy] = [window.dx * factor, window.dy * factor];
    const [left, top] = [window.left + shift[0] * dx, window.top + shift[1] * dy];
    const places = rasterOf({ left, top, dx, dy }, width, height);
    const pixels = this.centres(view);
    if (pixels !== null) places.forEach((x, k) => (places[k] = centred(x, pixels[2 * k < places.length ? 0 : 1])));
    return this.stage.raster(name, places);
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
