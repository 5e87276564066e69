import { describe, expect, it } from "vitest";

import {
  type Camera,
  along,
  axesOf,
  cameraOf,
  clipMatrix,
  distanceOf,
  dollied,
  flown,
  letterbox,
  opticsOf,
  orbitAt,
  orbited,
  panned,
  poseOf,
  rayOf,
  surroundings,
  upright,
} from "../../src/draw/camera";
import { turntable } from "../../src/draw/record";
import { type Rows, type Vec, add, cross, dot, length, quaternion, rotation, scaled, subtract, turned } from "../../src/draw/vectors";
import type { View } from "../../src/protocol";

const close = (a: readonly number[], b: readonly number[], digits = 9): void => {
  expect(a.length).toBe(b.length);
  a.forEach((value, k) => expect(value).toBeCloseTo(b[k] ?? Number.NaN, digits));
};

/** Where a camera is, its own axes turned around the last. */
const rolled = (camera: Camera, angle: number): { eye: Vec; axes: Rows } => {
  const [right, up, back] = axesOf(camera);
  return { eye: camera.eye, axes: [turned(right, back, angle), turned(up, back, angle), back] };
};

const viewAt = (azimuth: number, elevation = 15, up: "y" | "z" = "y", roll = 0): View => ({
  name: "photo",
  pose: poseOf(rolled(orbitAt(azimuth, elevation, 3, { target: [0.1, -0.2, 0.3], up }), roll)),
  focal: [120, 110],
  centre: [70, 45],
  size: [160, 90],
  held_out: false,
});

describe("cameras", () => {
  it("stand where azimuth and elevation say", () => {
    close(orbitAt(0, 0, 4).eye, [0, 0, 4]);
    close(orbitAt(90, 0, 4).eye, [4, 0, 0]);
    close(orbitAt(0, 0, 4, { up: "z" }).eye, [0, -4, 0]);
    close(orbitAt(0, 90, 4, { up: "z" }).eye, [0, 0, 4]);
  });

  it("have a right-handed frame of unit axes, and look at their target", () => {
    const camera = orbitAt(33, 21, 2.5, { target: [0.3, 0.1, -0.2] });
    const [right, up, back] = axesOf(camera);
    close(cross(right, up), back);
    close([length(right), length(up), dot(right, up)], [1, 1, 0]);
    close(add(camera.eye, scaled(back, -distanceOf(camera))), camera.target);
  });

  it("keep their distance on an orbit and stop short of the poles", () => {
    let camera = orbitAt(30, 20, 3);
    for (let k = 0; k < 50; k++) camera = orbited(camera, 0.1, 0.2);
    expect(distanceOf(camera)).toBeCloseTo(3, 9);
    expect(axesOf(camera).flat().every(Number.isFinite)).toBe(true);
    expect(camera.eye[1]).toBeGreaterThan(2.99);
    expect(camera.eye[1]).toBeLessThan(3);
  });

  it("orbit as azimuths and elevations do", () => {
    close(orbited(orbitAt(30, 20, 3), Math.PI / 6, Math.PI / 9).eye, orbitAt(60, 40, 3).eye);
  });

  it("pan by shares of the picture's height", () => {
    const camera = orbitAt(0, 0, 2, { fov: 90 });
    close(panned(camera, 0.25, 0).eye, [1, 0, 2]);
    close(panned(camera, 0, 0.5).target, [0, 2, 0]);
  });

  it("come nearer without passing the target", () => {
    expect(distanceOf(dollied(orbitAt(10, 10, 2), 0.5))).toBeCloseTo(1, 9);
    expect(distanceOf(dollied(orbitAt(10, 10, 2), 1e-9))).toBeCloseTo(1e-3, 9);
  });
});

describe("poses", () => {
  it("make the camera that they come from", () => {
    const view = viewAt(40);
    const views = [viewAt(0), view, viewAt(200)];
    const camera = cameraOf(views, 1)!;
    close(poseOf(opticsOf(camera, 320, 400, views)), view.pose);
    close(camera.target, [0.1, -0.2, 0.3], 5);
    expect(cameraOf(views, 3)).toBeNull();
  });

  it.each([
    ["all around", [0, 60, 120, 180, 240, 300]],
    ["from one side", [0, 10, 20, 30, 40, 50, 60, 70, 80]],
  ])("of views %s are turned around what is upwards for all", (_, azimuths) => {
    const views = azimuths.map((azimuth, k) => viewAt(azimuth, 35, "z", 0.03 * (-1) ** k));
    const camera = cameraOf(views, 0)!;
    for (const turn of turntable(camera, 8)) expect(Math.abs(turn.eye[2] - camera.eye[2])).toBeLessThan(0.2);
  });

  it("that look straight down keep what is above in their own picture", () => {
    const views = [0, 90, 180, 270].map((azimuth) => viewAt(azimuth, 0));
    const down = [...views, { ...viewAt(0), pose: [1, 0, 0, 0, 0, 0, 1, 4, 0, -1, 0, 0] }];
    const camera = cameraOf(down, 4)!;
    close(camera.up, [0, 0, -1]);
    expect(axesOf(camera).flat().every(Number.isFinite)).toBe(true);
  });

  it("are those of the photo, where they are a view's", () => {
    const views = [viewAt(0, 35, "z", 0.2), viewAt(90, 35, "z"), viewAt(180, 35, "z")];
    close(poseOf({ eye: cameraOf(views, 0)!.eye, axes: axesOf(upright(cameraOf(views, 0)!, views)) }), views[0]!.pose);
  });

  it("keep a view's lens, in the middle of a picture of another shape", () => {
    const view = viewAt(40);
    const optics = opticsOf(cameraOf([view], 0)!, 320, 400, [view]);
    expect(letterbox(view.size, 320, 400)).toEqual({ left: 0, top: 110, width: 320, height: 180 });
    close(optics.focal, [240, 220]);
    close(optics.centre, [140, 200]);
  });

  it("turn into quaternions and back, whichever component is largest", () => {
    for (const azimuth of [0, 100, 170, 190, 260]) {
      for (const elevation of [-70, 5, 80]) {
        const axes = axesOf(orbitAt(azimuth, elevation, 1));
        close(rotation(quaternion(axes)).flat(), axes.flat());
      }
    }
  });

  it("find what all look at", () => {
    const { middle, up } = surroundings([0, 90, 200].map((azimuth) => viewAt(azimuth, azimuth / 10)));
    close(middle, [0.1, -0.2, 0.3], 4);
    expect(dot(up, [0, 1, 0])).toBeGreaterThan(0.9);
  });
});

describe("rays", () => {
  const optics = opticsOf(orbitAt(35, 25, 3), 64, 48, []);

  it("go through the middle towards the target", () => {
    close(rayOf(optics, 32, 24), scaled(optics.axes[2], -1));
  });

  it("meet the points that the matrix of clip coordinates shows at their pixel", () => {
    const matrix = clipMatrix(optics, 64, 48);
    for (const [x, y] of [
      [3.5, 40.5],
      [60, 2],
    ] as const) {
      const point = add(optics.eye, scaled(rayOf(optics, x, y), 2.7));
      const clip = [0, 1, 3].map((row) =>
        [...point, 1].reduce((sum, value, k) => sum + value * (matrix[4 * k + row] ?? 0), 0),
      ) as [number, number, number];
      close([(clip[0] / clip[2] + 1) * 32, (1 - clip[1] / clip[2]) * 24], [x, y], 4);
    }
  });
});

describe("ways", () => {
  const keys = [0, 60, 120].map((azimuth) => orbitAt(azimuth, 20, 3));

  it("begin and end at their cameras", () => {
    expect(flown(keys[0]!, keys[1]!, 1)).toBe(keys[1]);
    close(flown(keys[0]!, keys[1]!, 0).eye, keys[0]!.eye);
    close(along(keys, 0).eye, keys[0]!.eye);
    close(along(keys, 0.5).eye, keys[1]!.eye);
    close(along(keys, 1).eye, keys[2]!.eye);
    close(along(keys, 1, true).eye, keys[0]!.eye);
  });

  it("fly around a target without coming nearer", () => {
    expect(distanceOf(flown(keys[0]!, keys[2]!, 0.5))).toBeCloseTo(3, 9);
    close(flown(keys[0]!, keys[2]!, 0.5).target, [0, 0, 0]);
  });

  it("pass keys without a jump", () => {
    const before = along(keys, 0.5 - 1e-6).eye;
    const after = along(keys, 0.5 + 1e-6).eye;
    expect(length(subtract(after, before) as Vec)).toBeLessThan(1e-4);
  });
});
