import { expect, test } from "vitest";
import { defaultView } from "../src/draw/view";
import { pixelAt, worldAt } from "../src/places";
import type { Shown } from "../src/protocol";
import { chosen } from "../src/stills";

test.each([
  [[-1, -1], [0, 0]],
  [[0.999, 0.999], [15, 11]],
  [[0, -0.5], [8, 3]],
  [[1, 0], null],
])("the pixel at %j", (x, pixel) => {
  expect(pixelAt(x, [16, 12])).toEqual(pixel);
});

test("a place in the world, of a direction too", () => {
  const world = { matrix: [2, 0, 0, 0, 0, 3, 0, 1, 0], offset: [10, 20, 30], unit: "m" };
  expect(worldAt([0.5, 0.25, -1, 0, 0, 1], world)).toEqual([11, 17, 30.25]);
});

test("of pictures the one in the mode, else the one from where the camera is", () => {
  const shown = { kind: "image", views: [], outputs: 3, channels: [] } as unknown as Shown;
  const flat = ["fit", "error"].map((mode) => ({ mode, eye: null }));
  expect(chosen(flat, { ...defaultView(shown), mode: "error" })).toBe(flat[1]);
  const sides = [[4, 0, 0], [0, 0, 4], [-4, 0, 0]].map((eye) => ({ mode: "colour", eye }));
  const view = defaultView(shown);
  expect(chosen(sides, { ...view, mode: "depth", camera: { ...view.camera, eye: [1, 0, 3] } })).toBe(sides[1]);
  expect(chosen([], view)).toBeNull();
});
