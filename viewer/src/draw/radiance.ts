/** Radiance fields: what rays see, as `fields.Marched` renders it. */

import { letterbox, opticsOf, surroundings } from "./camera";
import { type Drawing, type Legend, type Raster, type Size, fieldOf, wantsOther } from "./drawing";
import { type GL, HEADER, type Pass, type Target } from "./gl";
import { BLOCK } from "./occupancy";
import { Overlay } from "./overlay";
import { DISPLAY, PIXEL, RAYS, setRays } from "./shared";
import type { Stage } from "./stage";
import type { ViewState } from "./view";

const FAR = 1e3; // where the rays end that no box bounds, as ops.march
const SPAN = 1 / 32; // of the differences that make normals, as render.outward_slopes

/** The places beside a sample whose densities make its normal. */
const BESIDE = `
vec3 beside(vec3 p, float away, int side) {
  return p + ((side & 1) == 0 ? away : -away) * vec3(side / 2 == 0, side / 2 == 1, side / 2 == 2);
}
`;

// After a sample that counts the loop looks at six places beside it: one call of the field's code compiles sooner.
const SLOPES = `
    if (side < 6) {
      vec3 axis = vec3(side / 2 == 0, side / 2 == 1, side / 2 == 2);
      normal -= counted * ((side & 1) == 0 ? 1.0 : -1.0) * log(1.0 + found) * axis;
      side++;
      continue;
    }`;
const SLOPES_AFTER = `
    if (weight > 0.03) {
      sample_ = p;
      counted = weight;
      away = ${SPAN} * max(max(abs(p.x), max(abs(p.y), abs(p.z))), 1.0);
      side = 0;
    }`;

/** Results: colour (multiplied by the opacity) and opacity; normal (if asked for) and depth. */
function radianceSource(field: string, unbounded: boolean, normals: boolean): string {
  return `${HEADER}${field}${RAYS}
uniform highp usampler3D cells;
uniform vec2 shift;
uniform float magnified;
uniform float count;
uniform float size;
uniform float cone;
uniform float growth;
uniform float near;
uniform float stop;
uniform vec3 cropLow;
uniform vec3 cropHigh;
layout(location = 0) out vec4 light;
layout(location = 1) out vec4 normalDepth;

// Edges of the lattice by their number, and the other way round.
float edge(float s) {
  if (cone == 0.0 || s <= 1.0 / cone) return s * size;
  return size / cone * exp((s - 1.0 / cone) * growth);
}
float number(float t) {
  if (cone == 0.0 || t <= size / cone) return t / size;
  return 1.0 / cone + log(t / (size / cone)) / growth;
}
vec3 inBox(vec3 p) {
  ${unbounded ? "return nf_contract(vec4(p, 0.0)).xyz;" : "return p;"}
}
ivec3 cellOf(vec3 x) { return ivec3(clamp((x + 1.0) * (0.5 * count), 0.0, count - 1.0)); }
uint emptiness(vec3 p) { return texelFetch(cells, cellOf(inBox(p)), 0).r; }
float opaque(float thickness) {
  if (thickness < 0.05) return thickness * (1.0 - thickness / 2.0 * (1.0 - thickness / 3.0 * (1.0 - thickness / 4.0)));
  return 1.0 - exp(-thickness);
}
// How far along the ray nothing can be, from a place in a cell so far from what is occupied.
float reach(vec3 p, vec3 direction, uint empty) {
  vec3 x = inBox(p), block = floor(vec3(cellOf(x)) / ${BLOCK}.0);
  float around = float(empty) - 2.0, side = ${2 * BLOCK}.0 / count;
  vec3 low = (block - around) * side - 1.0, high = (block + around + 1.0) * side - 1.0;
  ${
    unbounded
      ? `vec3 room = min(x - low, high - x);
  float out_ = dot(p, direction), square = dot(p, p);
  float r = sqrt(max(out_ >= 0.0 ? square : square - out_ * out_, 1.0));
  return max(min(min(room.x, room.y), room.z), 0.0) / ((1.0 - 0.5 / r) / r);`
      : `vec3 inverse = 1.0 / mix(direction, vec3(1e-30), vec3(equal(direction, vec3(0.0))));
  vec3 last = max((low - p) * inverse, (high - p) * inverse);
  return min(min(last.x, last.y), last.z);`
  }
}
${normals ? BESIDE : ""}
void main() {
  light = vec4(0.0);
  normalDepth = vec4(0.0);
  vec3 direction = rayThrough((gl_FragCoord.xy + shift) * magnified);
  vec2 ends = ${unbounded ? `vec2(0.0, ${FAR}.0)` : "within(vec3(-1.0), vec3(1.0), direction)"};
  ends.x = max(ends.x, near);
  vec2 cropped = within(cropLow, cropHigh, direction);
  ends = vec2(max(ends.x, cropped.x), min(ends.y, cropped.y));
  if (!(ends.x <= ends.y)) return;
  float through = 1.0, depth = 0.0, i = max(floor(number(ends.x)) - 1.0, 0.0);
  vec3 normal = vec3(0.0);
  ${normals ? "vec3 sample_ = vec3(0.0);\n  float counted = 0.0, away = 0.0;\n  int side = 6;" : ""}
  for (int k = 0; k < 65536; k++) {
    float start = edge(i), end = edge(i + 1.0), middle = (start + end) * 0.5;
    ${normals ? "if (side == 6)" : ""} i += 1.0;
    vec3 p = eye + middle * direction;
    ${normals ? "if (side < 6) p = beside(sample_, away, side);" : ""}
    uint empty = emptiness(p);
    if (${normals ? "side == 6" : "true"}) {
      if (middle < ends.x) continue;
      if (middle > ends.y || through < stop) break;
      if (empty > 0u) {
        if (empty > 1u) i = max(i, floor(number(middle + reach(p, direction, empty)) - 0.01));
        continue;
      }
    }
    ${normals ? "if (empty > 0u) { side++; continue; }" : ""}
    float found = density(p);
    ${normals ? SLOPES : ""}
    float alpha = opaque(found * (end - start)), weight = through * alpha;
    light.rgb += weight * colour(direction);
    depth += weight * middle;
    through *= 1.0 - alpha;
    ${normals ? SLOPES_AFTER : ""}
  }
  light.a = 1.0 - through;
  float steep = length(normal);
  normalDepth = vec4(light.a > 0.5 && steep > 0.0 ? normal / steep : vec3(0.0), depth / max(light.a, 1e-6));
}
`;
}

const RADIANCE_MODES = { colour: 0, depth: 1, normal: 2, opacity: 3, split: 4, error: 5 } as const;

/** The picture on the canvas; \`frame\` is where the photo of the camera is: left, top, width, height. */
const RADIANCE_PICTURE = `${HEADER}${DISPLAY}${PIXEL}
uniform sampler2D first;
uniform sampler2D second;
uniform sampler2D other;
uniform sampler2D photo;
uniform bool againstOther;
uniform vec4 frame;
uniform int mode;
uniform float split;
uniform float scale;
uniform vec2 depths;
uniform bool inverse;
uniform float gain;
layout(location = 0) out vec4 shown;

vec3 seen(vec4 light, ivec2 p) {
  vec3 colour = light.rgb + (1.0 - light.a) * behind(vec2(p), canvas);
  return clamp(gain == 1.0 ? colour : toScreen(toLight(colour) * gain), 0.0, 1.0);
}
float nearness(float depth) {
  vec3 told = vec3(depth, depths);
  if (inverse) told = -1.0 / max(told, depths.x);
  return 1.0 - 0.9 * clamp((told.x - told.y) / max(told.z - told.y, 1e-6), 0.0, 1.0);
}
void main() {
  ivec2 p = pixelHere();
  vec4 light = texelFetch(first, p, 0), around = texelFetch(second, p, 0);
  vec3 back = behind(vec2(p), canvas), colour = seen(light, p);
  vec2 q = (vec2(p) + 0.5 - frame.xy) / frame.zw;
  bool framed = againstOther || (frame.z > 0.0 && all(equal(q, clamp(q, 0.0, 1.0))));
  vec3 reference = againstOther ? seen(texelFetch(other, p, 0), p) : texture(photo, q).rgb;
  float slider = split * canvas.x;
  if (mode == 1) colour = mix(back, light.a > 0.5 ? mapped(nearness(around.w)) : vec3(0.0), light.a);
  if (mode == 2) colour = mix(back, any(notEqual(around.xyz, vec3(0.0))) ? around.xyz * 0.5 + 0.5 : vec3(0.5), light.a);
  if (mode == 3) colour = vec3(light.a);
  if (mode == 4 && framed && float(p.x) + 0.5 > slider) colour = reference;
  if (mode == 4 && framed) colour = divided(colour, float(p.x) + 0.5 - slider);
  if (mode == 5 && framed) {
    vec3 off = abs(colour - reference);
    colour = mapped(max(max(off.r, off.g), off.b) / scale);
  }
  shown = vec4(colour, 1.0);
}
`;

/** Depths of what is seen at some pixels; w tells whether there is something. */
const RADIANCE_MEASURE = `${HEADER}
uniform sampler2D first;
uniform sampler2D second;
uniform vec2 stride;
layout(location = 0) out vec4 found;
void main() {
  ivec2 p = ivec2(gl_FragCoord.xy * stride);
  found = vec4(texelFetch(second, p, 0).w, 0.0, 0.0, texelFetch(first, p, 0).a > 0.5 ? 1.0 : 0.0);
}
`;

/** Depths between which nearly all is that is seen: specks in the air do not count. */
function reachOf(depths: readonly number[]): readonly [number, number] | null {
  const speck = Math.floor(0.01 * (depths.length - 1));
  const [near, far] = [depths[speck], depths[depths.length - 1 - speck]];
  return near === undefined || far === undefined ? null : [near, far];
}

/** A photo's error at the upper end of the colours where nothing else is asked for. */
const PHOTO_SCALE = 0.25;
/** Depths are shown by their inverse where the farthest is this many times the nearest. */
const WIDE = 4;
const ENDLESS = 1e9;

export class RadianceDrawing implements Drawing {
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
    if (march === null) throw new Error("a radiance field lacks its cells");
    const pass = this.pass(view, number);
    pass.use();
    field.bind(pass, 0);
    setRays(pass, opticsOf(view.camera, ...whole, this.stage.shown.views), raster);
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
    if (view.mode === "error" && (view.camera.view !== null || wantsOther(view))) return { map: view.map, low: 0, high: view.scale ?? PHOTO_SCALE, what: "error" };
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
    const optics = opticsOf(view.camera, ...canvas, stage.shown.views);
    this.overlay.draw(stage.shown.views, photos, optics, depths, canvas, this.frustum, view.camera.view);
  }

  private frameOf(view: number, [width, height]: Size): readonly number[] {
    const { left, top, width: w, height: h } = letterbox(this.stage.shown.views[view]?.size ?? [1, 1], width, height);
    return [left, top, w, h];
  }
}
