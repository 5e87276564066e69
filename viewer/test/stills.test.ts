import { expect, test } from "vitest";

import { defaultView } from "../src/draw/view";
import { chosen } from "../src/stills";
import { field } from "./fields";

const view = defaultView(field("shape"));
const from = (eye: readonly [number, number, number]) => ({ ...view, camera: { ...view.camera, eye } });
const sides = [[0, 0, 4], [4, 0, 0], [0, 4, 0]].map((eye) => ({ mode: "colour", eye }));

test("of the sides of a thing the nearest is shown", () => {
  expect(chosen(sides, from([3, 1, 1]))).toBe(sides[1]);
  expect(chosen(sides, from([0, 9, 8]))).toBe(sides[2]);
  expect(chosen([], view)).toBeNull();
});

test("of the pictures of an image the one in its mode, or any where there is none", () => {
  const pictures = ["fit", "truth"].map((mode) => ({ mode, eye: null }));
  const image = defaultView(field("image"));
  expect(chosen(pictures, { ...image, mode: "truth" })).toBe(pictures[1]);
  expect(chosen(pictures, { ...image, mode: "gradient" })).toBe(pictures[0]);
});
