/** Cameras in box coordinates: they look along their own -z, x is right and y up, as OpenGL's. */

import type { View } from "../protocol";
import {
  type Quaternion,
  type Rows,
  type Vec,
  add,
  clamp,
  cross,
  dot,
  length,
  mix,
  mixed,
  quaternion,
  rotation,
  scaled,
  slerp,
  subtract,
  turned,
  unit,
} from "./vectors";

/** Where one stands and what one looks at. `fov` is from the top of the picture to its bottom, degrees. */
export interface Camera {
  readonly eye: Vec;
  readonly target: Vec;
  readonly up: Vec;
  readonly fov: number;
  /** The number of the signal's view whose camera this is exactly, its lens included. */
  readonly view: number | null;
}

/** A camera for a picture of so many pixels. Axes: what is right, above and behind. */
export interface Optics {
  readonly eye: Vec;
  readonly axes: Rows;
  readonly focal: readonly [number, number];
  readonly centre: readonly [number, number];
}

/** A rectangle of the picture in pixels, y down. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const NEAREST = 1e-3;
const FARTHEST = 1e3;
const POLE = 0.02; // radians that an orbit stays away from it
const RADIANS = Math.PI / 180;

/** What is right, above and behind. */
export function axesOf(camera: Camera): Rows {
  const back = unit(subtract(camera.eye, camera.target));
  const right = unit(cross(camera.up, back));
  return [right, cross(back, right), back];
}

export const distanceOf = (camera: Camera): number => length(subtract(camera.eye, camera.target));

/** On a sphere around the target. Degrees; azimuth 0 is in front: +z where y is up, -y where z is. */
export function orbitAt(
  azimuth: number,
  elevation: number,
  distance: number,
  options: { target?: Vec; up?: "y" | "z"; fov?: number } = {},
): Camera {
  const { target = [0, 0, 0], up = "y", fov = 30 } = options;
  const [a, e] = [azimuth * RADIANS, elevation * RADIANS];
  const [x, y, z] = [Math.sin(a) * Math.cos(e), Math.sin(e), Math.cos(a) * Math.cos(e)];
  const away: Vec = up === "y" ? [x, y, z] : [x, -z, y];
  const above: Vec = up === "y" ? [0, 1, 0] : [0, 0, 1];
  return { eye: add(target, scaled(away, distance)), target, up: above, fov, view: null };
}

/** Turned around the target: to the right and upwards, radians. Never over the poles. */
export function orbited(camera: Camera, right: number, upwards: number): Camera {
  const up = unit(camera.up);
  const level = turned(subtract(camera.eye, camera.target), up, right);
  const inclination = Math.acos(clamp(dot(unit(level), up), -1, 1));
  const goal = clamp(inclination - upwards, POLE, Math.PI - POLE);
  const axis = unit(cross(up, unit(level)));
  const away = turned(level, axis, goal - inclination);
  return { ...camera, eye: add(camera.target, away), view: null };
}

/** Moved to the right and upwards by shares of the picture's height at the target. */
export function panned(camera: Camera, right: number, upwards: number): Camera {
  const span = 2 * Math.tan((camera.fov * RADIANS) / 2) * distanceOf(camera);
  const [x, y] = axesOf(camera);
  const by = add(scaled(x, right * span), scaled(y, upwards * span));
  return { ...camera, eye: add(camera.eye, by), target: add(camera.target, by), view: null };
}

/** At `factor` times the distance from the target. */
export function dollied(camera: Camera, factor: number): Camera {
  const away = subtract(camera.eye, camera.target);
  const distance = clamp(length(away) * factor, NEAREST, FARTHEST);
  return { ...camera, eye: add(camera.target, scaled(unit(away), distance)), view: null };
}

/** Eye and target moved forwards by a share of their distance. */
export function advanced(camera: Camera, share: number): Camera {
  const by = scaled(subtract(camera.target, camera.eye), share);
  return { ...camera, eye: add(camera.eye, by), target: add(camera.target, by), view: null };
}

const column = (pose: readonly number[], k: number): Vec => [pose[k] ?? 0, pose[4 + k] ?? 0, pose[8 + k] ?? 0];

/** The axes and the place of a pose [3, 4], row by row. */
export function poseParts(pose: readonly number[]): { axes: Rows; eye: Vec } {
  return { axes: [column(pose, 0), column(pose, 1), column(pose, 2)], eye: column(pose, 3) };
}

/** The pose [3, 4] of a camera, row by row. */
export function poseOf({ axes, eye }: Pick<Optics, "axes" | "eye">): number[] {
  return [0, 1, 2].flatMap((k) => [...axes.map((axis) => axis[k as 0 | 1 | 2]), eye[k as 0 | 1 | 2]]);
}

/**
 * The camera of a signal's view, if there is one of this number. Its target is the point of its axis that is nearest to
 * what all look at; upwards is what is so for all, so that turning it leaves the ground below.
 */
export function cameraOf(views: readonly View[], number: number): Camera | null {
  const view = views[number];
  if (view === undefined) return null;
  const { axes, eye } = poseParts(view.pose);
  const { middle, up } = surroundings(views);
  const ahead = Math.max(dot(subtract(eye, middle), axes[2]), 0.1);
  const fov = (2 * Math.atan(view.size[1] / 2 / view.focal[1])) / RADIANS;
  const steep = Math.abs(dot(up, axes[2])) > Math.cos(POLE);
  return { eye, target: subtract(eye, scaled(axes[2], ahead)), up: steep ? axes[1] : up, fov, view: number };
}

/** A camera whose own axis is upwards: where it is a view's, as its photo has it. */
export function upright(camera: Camera, views: readonly View[]): Camera {
  return { ...camera, up: opticsOf(camera, 1, 1, views).axes[1] };
}

/** Where a view's picture lies in a larger one of another shape, in whole. */
export function letterbox(size: readonly [number, number], width: number, height: number): Rectangle {
  const scale = Math.min(width / size[0], height / size[1]);
  const [w, h] = [size[0] * scale, size[1] * scale];
  return { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h };
}

/** What makes rays of pixels: for a signal's view its own lens, in the middle of the picture. */
export function opticsOf(camera: Camera, width: number, height: number, views: readonly View[]): Optics {
  const view = camera.view === null ? undefined : views[camera.view];
  if (view === undefined) {
    const focal = height / 2 / Math.tan((camera.fov * RADIANS) / 2);
    return { eye: camera.eye, axes: axesOf(camera), focal: [focal, focal], centre: [width / 2, height / 2] };
  }
  const { left, top, width: w } = letterbox(view.size, width, height);
  const scale = w / view.size[0];
  return {
    ...poseParts(view.pose),
    focal: [view.focal[0] * scale, view.focal[1] * scale],
    centre: [left + view.centre[0] * scale, top + view.centre[1] * scale],
  };
}

/** The direction of length one through a point of the picture, in pixels, y down. */
export function rayOf({ axes, focal, centre }: Optics, x: number, y: number): Vec {
  const across = scaled(axes[0], (x - centre[0]) / focal[0]);
  const down = scaled(axes[1], (centre[1] - y) / focal[1]);
  return unit(subtract(add(across, down), axes[2]));
}

/** From box coordinates to clip coordinates, column by column as WebGL wants it; depths are not used. */
export function clipMatrix({ eye, axes, focal, centre }: Optics, width: number, height: number): Float32Array {
  const row = (axis: Vec): number[] => [...axis, -dot(axis, eye)];
  const [right, above, back] = axes.map(row) as [number[], number[], number[]];
  const [sx, sy] = [(2 * focal[0]) / width, (2 * focal[1]) / height];
  const [ox, oy] = [(2 * centre[0]) / width - 1, 1 - (2 * centre[1]) / height];
  const matrix = new Float32Array(16);
  for (let k = 0; k < 4; k++) {
    const ahead = -(back[k] ?? 0);
    matrix.set([sx * (right[k] ?? 0) + ox * ahead, sy * (above[k] ?? 0) + oy * ahead, 0, ahead], 4 * k);
  }
  return matrix;
}

const quaternionOf = (camera: Camera): Quaternion => quaternion(axesOf(camera));

/** On the way from a camera to another, at a share of it: target, distance and direction change steadily. */
export function flown(from: Camera, to: Camera, share: number): Camera {
  if (share >= 1) return to;
  const [, up, back] = rotation(slerp(quaternionOf(from), quaternionOf(to), share));
  const target = mixed(from.target, to.target, share);
  const distance = distanceOf(from) ** (1 - share) * distanceOf(to) ** share;
  return { eye: add(target, scaled(back, distance)), target, up, fov: mix(from.fov, to.fov, share), view: null };
}

/** Slow at both ends. */
export const eased = (share: number): number => share * share * (3 - 2 * share);

/**
 * On the way through key cameras, at a share of it from 0 to 1.
 *
 * Places follow a cubic through the keys (Catmull and Rom, 1974), rotations turn steadily from key to key.
 */
export function along(keys: readonly Camera[], share: number, loop = false): Camera {
  const first = keys[0];
  if (first === undefined) throw new RangeError("a camera path has one camera or more");
  if (keys.length === 1) return first;
  const parts = loop ? keys.length : keys.length - 1;
  const place = clamp(share, 0, 1) * parts;
  const number = Math.min(Math.floor(place), parts - 1);
  const u = place - number;
  const key = (k: number): Camera =>
    keys[loop ? (k + keys.length) % keys.length : clamp(k, 0, keys.length - 1)] ?? first;
  const [before, from, to, after] = [key(number - 1), key(number), key(number + 1), key(number + 2)];
  const eye = [0, 1, 2].map((k) => {
    const of = (camera: Camera): number => camera.eye[k as 0 | 1 | 2];
    return cubic(of(before), of(from), of(to), of(after), u);
  }) as unknown as Vec;
  const [, up, back] = rotation(slerp(quaternionOf(from), quaternionOf(to), u));
  const distance = mix(distanceOf(from), distanceOf(to), u);
  return { eye, up, target: subtract(eye, scaled(back, distance)), fov: mix(from.fov, to.fov, u), view: null };
}

function cubic(before: number, from: number, to: number, after: number, u: number): number {
  const [start, end] = [(to - before) / 2, (after - from) / 2];
  const bend = u * u * (3 - 2 * u);
  return from + (to - from) * bend + start * u * (1 - u) ** 2 - end * u * u * (1 - u);
}

/** What all views look at, and what is upwards for them. */
export function surroundings(views: readonly View[]): { middle: Vec; up: Vec } {
  const parts = views.map((view) => poseParts(view.pose));
  if (parts.length === 0) return { middle: [0, 0, 0], up: [0, 1, 0] };
  const up = unit(upOf(parts));
  return { middle: nearestToAxes(parts), up: length(up) > 0.5 ? up : [0, 1, 0] };
}

type Part = ReturnType<typeof poseParts>;

/** The point with the least squared distance to all axes: (sum of (1 - b b^T)) p = sum of (1 - b b^T) e. */
function nearestToAxes(parts: readonly Part[]): Vec {
  const right = parts.reduce<Vec>((sum, { axes: [, , b], eye }) => add(sum, subtract(eye, scaled(b, dot(b, eye)))), [0, 0, 0]);
  const diagonal = parts.length + 1e-6; // parallel axes: the origin
  return solved(diagonal, -1, parts.map(({ axes }) => axes[2]), right);
}

/** Across what is right for each, whose horizon is level; where all look the same way, the mean of what is above. */
function upOf(parts: readonly Part[]): Vec {
  const mean = parts.reduce<Vec>((sum, { axes }) => add(sum, axes[1]), [0, 0, 0]);
  return solved(0.01 * parts.length, 1, parts.map(({ axes }) => axes[0]), mean);
}

/** The solution p of (diagonal + sign * sum of v v^T) p = right. */
function solved(diagonal: number, sign: 1 | -1, vectors: readonly Vec[], right: Vec): Vec {
  const [a, b, c] = [0, 1, 2].map((i) =>
    vectors.reduce<Vec>((row, v) => add(row, scaled(v, sign * v[i as 0])), [0, 1, 2].map((j) => (i === j ? diagonal : 0)) as unknown as Vec),
  ) as unknown as Rows;
  const point = add(add(scaled(cross(b, c), right[0]), scaled(cross(c, a), right[1])), scaled(cross(a, b), right[2]));
  return scaled(point, 1 / dot(a, cross(b, c)));
}
