/** Surfaces of fields over space: where rays meet them, and how they are lit, as `render.tracing` and `.shading`. */

import { opticsOf } from "./camera";
import { type Drawing, type Legend, type Raster, type Size, fieldOf } from "./drawing";
import { HEADER, type Pass, type Target } from "./gl";
import { DISPLAY, PIXEL, RAYS, setRays } from "./shared";
import type { Stage } from "./stage";
import type { ViewState } from "./view";

/** Steps of a ray, and of a value that is no distance, in box units; as `render.sphere_trace`. */
const STEPS = 512;
const STRIDE = 1e-2;
const LEAST = 1e-3;
const SHARE = 0.9;

/**
 * Traces a surface. Results: normal and depth (0: nothing); openness, what was hit (1 the surface, 2 the clipping plane,
 * 3 the box's wall), the field's level on the clipping plane, and whether that was met.
 */
function surfaceSource(field: string, outputs: number): string {
  return `${HEADER}${field}${RAYS}
uniform vec2 shift;
uniform float magnified;
uniform vec2 level;
uniform vec2 pace;
uniform vec4 clip;
uniform bool metric;
layout(location = 0) out vec4 normalDepth;
layout(location = 1) out vec4 surface;

float levelAt(vec3 p) {
  float x[3], y[${outputs}];
  x[0] = p.x; x[1] = p.y; x[2] = p.z;
  field(x, y);
  return level.y * (y[0] - level.x);
}
bool above(float a) { return a > 0.0; }

// The first crossing of the surface, or -1; the level on the clipping plane and whether it was met.
float traced(vec3 direction, float near, float far, bvec2 byPlane, out bool cut, inout vec2 plane) {
  float t = near, v = 0.0, at = near, low = 0.0, high = 0.0, atLow = 0.0, atHigh = 0.0, enough = 0.0;
  int moved = 0, refined = -1;
  bool inside = false;
  cut = false;
  for (int k = 0; k < ${STEPS + 12}; k++) {
    float value = levelAt(eye + at * direction);
    if (isnan(value)) return -1.0;
    if (refined >= 0) {
      bool before = above(value) == above(atLow);
      if (abs(value) <= enough || ++refined > 10) return at;
      if (before) {
        low = at; atLow = value;
        if (moved < 0) atHigh *= 0.5;
        moved = -1;
      } else {
        high = at; atHigh = value;
        if (moved > 0) atLow *= 0.5;
        moved = 1;
      }
      at = low + (high - low) * atLow / (atLow - atHigh);
      continue;
    }
    if (k == 0) {
      inside = value < 0.0;
      if (byPlane.x) plane = vec2(value, 1.0);
      cut = inside && near > 0.0;
      if (cut) return near;
    } else {
      if (inside ? value > 0.0 : value <= 0.0) {
        if (value == 0.0) return at;
        low = t; atLow = v; high = at; atHigh = value;
        enough = 1e-6 * abs(atHigh - atLow) / (high - low);
        refined = 0;
        at = low + (high - low) * atLow / (atLow - atHigh);
        continue;
      }
      if (at >= far) {
        if (byPlane.y) plane = vec2(value, 1.0);
        return -1.0;
      }
    }
    t = at; v = value;
    at = min(t + max(pace.x * abs(v), pace.y), far);
  }
  return -1.0;
}

void main() {
  normalDepth = vec4(0.0);
  surface = vec4(0.0);
  vec3 direction = rayThrough((gl_FragCoord.xy + shift) * magnified);
  vec2 ends = within(vec3(-1.0), vec3(1.0), direction);
  bvec2 byPlane = bvec2(false);
  if (any(notEqual(clip.xyz, vec3(0.0)))) {
    float slope = dot(clip.xyz, direction), away = (clip.w - dot(clip.xyz, eye)) / slope;
    if (slope == 0.0 && dot(clip.xyz, eye) < clip.w) return;
    if (slope > 0.0 && away > ends.x) { ends.x = away; byPlane.x = true; }
    if (slope < 0.0 && away < ends.y) { ends.y = away; byPlane.y = true; }
  }
  if (!(ends.x < ends.y)) return;
  bool cut;
  vec2 plane = vec2(0.0);
  float depth = traced(direction, ends.x, ends.y, byPlane, cut, plane);
  surface.zw = plane;
  if (depth < 0.0) return;
  vec3 p = eye + depth * direction, normal = vec3(0.0), size = abs(p);
  float most = max(max(size.x, size.y), size.z), lack = 0.0, sum = 0.0, height = 0.012, weight = 1.0;
  bool wall = cut && !byPlane.x;
  if (wall) normal = normalize(sign(p) * vec3(greaterThanEqual(size, vec3(most - 1e-6))));
  if (cut && byPlane.x) normal = -clip.xyz;
  vec3 facing = normal;
  for (int k = cut ? 6 : 0; k < (metric ? 11 : 6); k++) {
    if (k == 6 && !cut) {
      normal = normalize(normal);
    }
    if (k == 6 || (k > 6 && cut)) facing = dot(normal, direction) > 0.0 ? -normal : normal;
    float side = (k & 1) == 0 ? 1.0 : -1.0;
    vec3 axis = vec3(k / 2 == 0, k / 2 == 1, k / 2 == 2);
    vec3 place = k < 6 ? p + side * 5e-4 * axis : p + height * facing;
    float value = levelAt(place);
    if (k < 6) {
      normal += side * value * axis;
    } else {
      lack += weight * clamp(1.0 - value / height, 0.0, 1.0);
      sum += weight;
      height *= 1.9;
      weight *= 0.75;
    }
  }
  normalDepth = vec4(normalize(normal), depth);
  surface.x = metric ? pow(max(1.0 - lack / sum, 0.0), 1.3) : 1.0;
  surface.y = cut ? (byPlane.x ? 2.0 : 3.0) : 1.0;
}
`;
}

const SURFACE_MODES = { colour: 0, normal: 1, depth: 2, split: 3 } as const;

/** The picture on the canvas: a matt material under a key light, a fill light and the sky, which turn with the camera. */
const SURFACE_PICTURE = `${HEADER}${DISPLAY}${PIXEL}${RAYS}
uniform sampler2D first;
uniform sampler2D second;
uniform sampler2D otherFirst;
uniform sampler2D otherSecond;
uniform int mode;
uniform float split;
uniform vec2 depths;
uniform float spacing;
layout(location = 0) out vec4 shown;

vec3 lamp(vec3 normal, vec3 towards, vec3 colour, float wrap, float open_) {
  return max((dot(normal, normalize(towards)) + wrap) / (1.0 + wrap), 0.0) * colour * (0.35 + 0.65 * open_);
}
vec3 lit(vec3 normal, vec3 view, float open_, vec3 albedo) {
  const vec3 KEY = vec3(-0.55, 0.75, 0.55);
  float above = (1.0 + normal.y) / 2.0;
  vec3 light = open_ * mix(vec3(0.15, 0.13, 0.12), vec3(0.30, 0.32, 0.36), above);
  light += lamp(normal, KEY, vec3(1.05, 1.0, 0.92), 0.15, open_);
  light += lamp(normal, vec3(0.8, 0.1, 0.5), vec3(0.16, 0.19, 0.24), 0.5, open_);
  float gleam = pow(max(dot(normal, normalize(view + normalize(KEY))), 0.0), 28.0);
  float grazing = pow(1.0 - clamp(dot(normal, view), 0.0, 1.0), 3.5);
  vec3 rim = grazing * (0.4 + 0.6 * above) * open_ * vec3(0.30, 0.32, 0.36);
  return clamp(light * albedo + gleam * 0.07 * open_ + rim, 0.0, 1.0);
}
float line(float value, float every, float width, float thick) {
  float off = abs(value / every - round(value / every)) * every;
  return (1.0 - smoothstep(thick * 0.5 * width, (thick * 0.5 + 1.0) * width, off)) * (1.0 - smoothstep(0.2, 0.5, width / every));
}
bool after(ivec2 p) { return mode == 3 && float(p.x) + 0.5 > split * canvas.x; }
vec4 beyond(ivec2 p) { return after(p) ? texelFetch(otherSecond, p, 0) : texelFetch(second, p, 0); }
vec3 contoured(vec3 colour, ivec2 p, vec4 s) {
  if (s.w < 0.5) return colour;
  float width = 1e-9, share = s.z / (10.0 * spacing);
  for (int k = 0; k < 4; k++) {
    ivec2 beside = p + ivec2(k < 2 ? 2 * k - 1 : 0, k < 2 ? 0 : 2 * k - 5);
    vec4 next = beyond(clamp(beside, ivec2(0), textureSize(second, 0) - 1));
    if (next.w < 0.5) return mix(colour, vec3(0.5, 0.65, 0.85), 0.7); // the end of the box
    width = max(width, abs(next.z - s.z) * 1.3);
  }
  bool solid = s.y > 1.5 && s.y < 2.5;
  if (solid) colour = mix(vec3(0.94, 0.62, 0.36), vec3(0.45, 0.14, 0.16), clamp(-share, 0.0, 1.0));
  vec3 ink = solid ? vec3(0.25, 0.05, 0.05) : mix(vec3(0.55, 0.8, 1.0), vec3(0.25, 0.42, 0.75), clamp(share, 0.0, 1.0));
  colour = mix(colour, ink, 0.45 * line(s.z, spacing, width, 0.5));
  colour = mix(colour, ink, 0.55 * line(s.z, 5.0 * spacing, width, 1.0));
  return mix(colour, vec3(1.0), 1.0 - smoothstep(0.8 * width, 1.8 * width, abs(s.z)));
}
void main() {
  ivec2 p = pixelHere();
  vec4 g = after(p) ? texelFetch(otherFirst, p, 0) : texelFetch(first, p, 0), s = beyond(p);
  vec3 direction = rayThrough(vec2(p) + 0.5), colour = behind(vec2(p), canvas);
  if (g.w > 0.0) {
    vec3 facing = (dot(g.xyz, direction) > 0.0 ? -g.xyz : g.xyz) * axes;
    if (mode == 0 || mode == 3) colour = toScreen(lit(facing, -direction * axes, s.x, vec3(0.66, 0.63, 0.60)));
    if (mode == 1) colour = (g.xyz + 1.0) / 2.0;
    if (mode == 2) colour = mapped(1.0 - 0.9 * clamp((g.w - depths.x) / max(depths.y - depths.x, 1e-6), 0.0, 1.0));
  }
  if (mode == 0 || mode == 3) colour = contoured(colour, p, s);
  if (mode == 3) colour = divided(colour, float(p.x) + 0.5 - split * canvas.x);
  shown = vec4(colour, 1.0);
}
`;

/** Depths of what is seen at some pixels; w tells whether there is something. */
const SURFACE_MEASURE = `${HEADER}
uniform sampler2D first;
uniform vec2 stride;
layout(location = 0) out vec4 found;
void main() {
  float depth = texelFetch(first, ivec2(gl_FragCoord.xy * stride), 0).w;
  found = vec4(depth, 0.0, 0.0, depth > 0.0 ? 1.0 : 0.0);
}
`;

export class SurfaceDrawing implements Drawing {
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
    setRays(pass, opticsOf(view.camera, ...whole, this.stage.shown.views), raster);
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
    setRays(pass, opticsOf(view.camera, ...canvas, stage.shown.views));
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
}

/** The plane that cuts the box: what is kept has at least the distance w along xyz. */
function planeOf({ clip }: ViewState): readonly number[] {
  if (clip === null) return [0, 0, 0, 0];
  const sign = clip.flipped ? -1 : 1;
  return [...[0, 1, 2].map((axis) => (axis === clip.axis ? sign : 0)), sign * clip.at];
}
