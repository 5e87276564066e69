/** Pieces of GLSL that several passes use. */

import type { Optics } from "./camera";
import type { Raster } from "./drawing";
import type { Pass } from "./gl";

/** Values as a screen shows them, as `render.imaging.displayed`; a legend's colours; what lies behind pictures. */
export const DISPLAY = `
vec3 toScreen(vec3 light) {
  light = clamp(light, 0.0, 1.0);
  vec3 curve = 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055;
  return mix(curve, 12.92 * light, vec3(lessThanEqual(light, vec3(0.0031308))));
}
vec3 toLight(vec3 shown) {
  shown = max(shown, 0.0);
  vec3 curve = pow((shown + 0.055) / 1.055, vec3(2.4));
  return mix(curve, shown / 12.92, vec3(lessThanEqual(shown, vec3(0.04045))));
}
uniform sampler2D legend;
vec3 mapped(float share) {
  float place = clamp(share, 0.0, 1.0) * 255.0;
  int low = int(min(floor(place), 254.0));
  vec3 a = texelFetch(legend, ivec2(low, 0), 0).rgb, b = texelFetch(legend, ivec2(low + 1, 0), 0).rgb;
  return mix(a, b, place - float(low));
}
// The line of a split picture, at a distance from it in pixels.
vec3 divided(vec3 colour, float off) {
  if (abs(off) < 1.0) return vec3(1.0);
  return abs(off) < 2.0 ? mix(colour, vec3(0.0), 0.45) : colour;
}
uniform int backdrop;
vec3 behind(vec2 pixel, vec2 size) {
  if (backdrop == 1) return vec3(1.0);
  if (backdrop == 2) return vec3(0.0);
  if (backdrop == 3) return vec3((int(pixel.x) / 8 + int(pixel.y) / 8) % 2 == 0 ? 0.8 : 0.62);
  vec2 q = pixel / size - vec2(0.5, 0.42);
  return mix(vec3(0.235, 0.25, 0.285), vec3(0.085, 0.092, 0.11), smoothstep(0.0, 0.85, length(q)));
}
`;

export const BACKDROPS = { studio: 0, white: 1, black: 2, checker: 3 } as const;

/** Rays of the pixels of a picture, row 0 on top, and where they are in the box. */
export const RAYS = `
uniform vec3 eye;
uniform mat3 axes;
uniform vec4 lens;
vec3 rayThrough(vec2 pixel) {
  vec2 q = (pixel - lens.zw) / lens.xy;
  return normalize(axes * vec3(q.x, -q.y, -1.0));
}
vec2 within(vec3 low, vec3 high, vec3 direction) {
  vec3 inverse = 1.0 / mix(direction, vec3(1e-30), vec3(equal(direction, vec3(0.0))));
  vec3 a = (low - eye) * inverse, b = (high - eye) * inverse;
  vec3 first = min(a, b), last = max(a, b);
  return vec2(max(max(max(first.x, first.y), first.z), 0.0), min(min(last.x, last.y), last.z));
}
`;

/** Sets what `RAYS` reads, for a picture, of which a raster shows every so many pixels. */
export function setRays(pass: Pass, { eye, axes, focal, centre }: Optics, raster?: Raster): void {
  pass.set("eye", eye);
  pass.set("axes", axes.flat());
  pass.set("lens", [...focal, ...centre]);
  if (raster === undefined) return;
  pass.set("magnified", raster.factor);
  pass.set("shift", raster.shift);
}

/** A canvas's pixel, counted from the top. */
export const PIXEL = `
uniform vec2 canvas;
ivec2 pixelHere() { return ivec2(gl_FragCoord.x, canvas.y - gl_FragCoord.y); }
`;
