/** Fields over a plane: images, and planes through fields over space. */

import { HEADER } from "./gl";
import { DISPLAY, PIXEL } from "./shared";

/** Evaluates a field at the places of a raster; `first` is the first of at most four outputs that are kept. */
export function planeSource(field: string, inputs: number, outputs: number): string {
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

export const PLANE_MODES = { fit: 0, truth: 1, split: 2, error: 3, gradient: 4 } as const;

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
export const MEASURE = `${HEADER}${VALUES}
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
export const PLANE_PICTURE = `${HEADER}${DISPLAY}${PIXEL}${VALUES}
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
