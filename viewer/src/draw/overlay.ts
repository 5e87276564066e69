/** A signal's cameras as frusta, with their photos in them; drawn over a picture. */

import type { View } from "../protocol";
import { type Optics, clipMatrix, poseParts } from "./camera";
import { type GL, HEADER, Pass } from "./gl";
import { type Vec, add, scaled } from "./vectors";

const LINE_VERTEX = `#version 300 es
precision highp float;
uniform mat4 toClip;
uniform vec2 canvas;
uniform float width;
layout(location = 0) in vec3 from;
layout(location = 1) in vec3 to;
layout(location = 2) in vec3 tint;
out vec3 place;
out vec3 colour;
out float across;
void main() {
  vec4 a = toClip * vec4(from, 1.0), b = toClip * vec4(to, 1.0);
  // Cut off what lies behind the eye.
  const float NEAR = 1e-3;
  float cutA = 0.0, cutB = 1.0;
  if (a.w < NEAR && b.w < NEAR) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  if (a.w < NEAR) cutA = (NEAR - a.w) / (b.w - a.w);
  if (b.w < NEAR) cutB = (NEAR - a.w) / (b.w - a.w);
  vec4 start = mix(a, b, cutA), end = mix(a, b, cutB);
  bool atEnd = (gl_VertexID & 1) == 1;
  float side = (gl_VertexID & 2) == 0 ? -1.0 : 1.0;
  vec2 along = (end.xy / end.w - start.xy / start.w) * canvas;
  vec2 normal = length(along) > 0.0 ? normalize(vec2(-along.y, along.x)) : vec2(0.0);
  vec4 here = atEnd ? end : start;
  gl_Position = vec4((here.xy / here.w + side * normal * (width + 1.5) / canvas), 0.0, 1.0);
  place = mix(from, to, atEnd ? cutB : cutA);
  colour = tint;
  across = side * (width + 1.5) * 0.5;
}
`;

// What lies behind the scene shines through faintly.
const HIDDEN = `
uniform sampler2D depths;
uniform vec3 eye;
uniform vec2 canvas;
float shining(vec3 place) {
  float depth = texelFetch(depths, ivec2(gl_FragCoord.x, canvas.y - gl_FragCoord.y), 0).w;
  return depth > 0.0 && distance(place, eye) > depth * 1.002 ? 0.12 : 1.0;
}
`;

const LINE_FRAGMENT = `${HEADER}${HIDDEN}
uniform float width;
in vec3 place;
in vec3 colour;
in float across;
out vec4 shown;
void main() {
  float cover = clamp(width * 0.5 + 0.5 - abs(across), 0.0, 1.0);
  shown = vec4(colour, cover * shining(place) * 0.9);
}
`;

const PHOTO_VERTEX = `#version 300 es
precision highp float;
uniform mat4 toClip;
uniform vec3 corner;
uniform vec3 right;
uniform vec3 down;
out vec2 at;
out vec3 place;
void main() {
  at = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  place = corner + at.x * right + at.y * down;
  gl_Position = toClip * vec4(place, 1.0);
  gl_Position.z = 0.0;
}
`;

const PHOTO_FRAGMENT = `${HEADER}${HIDDEN}
uniform sampler2D photo;
in vec2 at;
in vec3 place;
out vec4 shown;
void main() { shown = vec4(texture(photo, at).rgb, 0.85 * shining(place)); }
`;

const TRAINED: Vec = [0.98, 0.55, 0.12];
const HELD_OUT: Vec = [0.2, 0.65, 0.95];

/** The corners of a view's picture at a distance from it: upper left, upper right, lower right, lower left. */
export function cornersOf(view: View, distance: number): [Vec, Vec, Vec, Vec] {
  const { axes, eye } = poseParts(view.pose);
  const corner = (x: number, y: number): Vec => {
    const across = ((x - view.centre[0]) / view.focal[0]) * distance;
    const down = ((view.centre[1] - y) / view.focal[1]) * distance;
    return add(add(add(eye, scaled(axes[0], across)), scaled(axes[1], down)), scaled(axes[2], -distance));
  };
  const [w, h] = view.size;
  return [corner(0, 0), corner(w, 0), corner(w, h), corner(0, h)];
}

/** Lines of views' frusta: from, to and colour of each, nine numbers. */
export function frustumLines(views: readonly View[], distance: number): Float32Array {
  const lines: number[] = [];
  views.forEach((view) => {
    const colour = view.held_out ? HELD_OUT : TRAINED;
    const { eye } = poseParts(view.pose);
    const corners = cornersOf(view, distance);
    corners.forEach((corner, k) => {
      lines.push(...eye, ...corner, ...colour, ...corner, ...(corners[(k + 1) % 4] ?? corner), ...colour);
    });
  });
  return new Float32Array(lines);
}

export class Overlay {
  private readonly lines: Pass;
  private readonly picture: Pass;
  private readonly buffer: WebGLBuffer;
  private readonly array: WebGLVertexArrayObject;

  constructor(private readonly gl: GL) {
    this.lines = new Pass(gl, LINE_FRAGMENT, LINE_VERTEX);
    this.picture = new Pass(gl, PHOTO_FRAGMENT, PHOTO_VERTEX);
    this.buffer = gl.createBuffer();
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (let k = 0; k < 3; k++) {
      gl.enableVertexAttribArray(k);
      gl.vertexAttribPointer(k, 3, gl.FLOAT, false, 36, 12 * k);
      gl.vertexAttribDivisor(k, 1);
    }
    gl.bindVertexArray(null);
  }

  /**
   * Onto the canvas of this size, on top of what is there. `depths` has the distances of what is seen in w; `distance`
   * is from cameras to their pictures. The camera in which one stands is left out.
   */
  draw(
    views: readonly View[],
    photos: ReadonlyMap<number, WebGLTexture>,
    optics: Optics,
    depths: WebGLTexture,
    size: readonly [number, number],
    distance: number,
    standing: number | null,
  ): void {
    const { gl } = this;
    const matrix = clipMatrix(optics, size[0], size[1]);
    const others = views.map((_, k) => k).filter((k) => k !== standing);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    const begin = (pass: Pass): void => {
      pass.use();
      pass.set("toClip", matrix);
      pass.set("eye", optics.eye);
      pass.set("canvas", size);
      pass.setTexture("depths", depths, 0);
    };
    begin(this.picture);
    for (const k of farthestFirst(others, views, optics.eye)) {
      const [photo, view] = [photos.get(k), views[k]];
      if (photo !== undefined && view !== undefined) this.drawPhoto(photo, cornersOf(view, distance));
    }
    begin(this.lines);
    this.lines.set("width", Math.max(1, size[1] / 700));
    this.drawLines(frustumLines(others.map((k) => views[k] as View), distance));
    gl.disable(gl.BLEND);
  }

  dispose(): void {
    this.lines.dispose();
    this.picture.dispose();
    this.gl.deleteBuffer(this.buffer);
    this.gl.deleteVertexArray(this.array);
  }

  private drawPhoto(photo: WebGLTexture, [corner, right, , down]: [Vec, Vec, Vec, Vec]): void {
    const { gl, picture } = this;
    picture.set("corner", corner);
    picture.set("right", add(right, scaled(corner, -1)));
    picture.set("down", add(down, scaled(corner, -1)));
    picture.setTexture("photo", photo, 1);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  private drawLines(lines: Float32Array): void {
    const { gl } = this;
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, lines, gl.STREAM_DRAW);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, lines.length / 9);
    gl.bindVertexArray(null);
  }
}

function farthestFirst(numbers: readonly number[], views: readonly View[], eye: Vec): number[] {
  const away = (k: number): number => {
    const pose = views[k]?.pose ?? [];
    return Math.hypot(...[0, 1, 2].map((axis) => (pose[4 * axis + 3] ?? 0) - (eye[axis as 0] ?? 0)));
  };
  return [...numbers].sort((a, b) => away(b) - away(a));
}
