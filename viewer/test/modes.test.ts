import { expect, test } from "vitest";

import { modesOf } from "../src/modes";
import { field } from "./fields";

test("an image that is computed here has all modes, without its signal none that compare", () => {
  expect(modesOf(field("image"), null, "page")).toEqual(["fit", "truth", "split", "error", "gradient", "spectrum"]);
  const alone = field("image", { truth: false });
  expect(modesOf(alone, null, "page")).toEqual(["fit", "gradient", "spectrum"]);
  expect(modesOf(alone, field("image", { id: 1 }), "page")).toEqual(["fit", "split", "error", "gradient", "spectrum"]);
});

test("scenes are compared with photos, shapes with each other", () => {
  expect(modesOf(field("radiance", { truth: true }), null, "page")).toEqual(["colour", "depth", "normal", "opacity", "split", "error"]);
  expect(modesOf(field("shape", { truth: true }), null, "page")).toEqual(["colour", "normal", "depth"]);
  expect(modesOf(field("shape"), field("shape", { id: 1 }), "page")).toEqual(["colour", "normal", "depth", "split"]);
});

test("where the server draws there is what it draws", () => {
  expect(modesOf(field("image"), null, "server")).toEqual(["fit", "truth", "error", "gradient"]);
  expect(modesOf(field("slices"), null, "server")).toEqual(["fit", "gradient"]);
  expect(modesOf(field("radiance", { truth: true }), null, "server")).toEqual(["colour", "depth", "normal", "opacity"]);
  expect(modesOf(field("shape"), field("shape", { id: 1 }), "server")).toEqual(["colour", "normal", "depth"]);
});

test("where there are only pictures there is what they show", () => {
  expect(modesOf(field("image"), null, "stills")).toEqual(["fit", "truth", "error"]);
  expect(modesOf(field("radiance", { truth: true }), null, "stills")).toEqual(["colour"]);
});
