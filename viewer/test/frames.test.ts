import { afterEach, expect, test, vi } from "vitest";

import { orbitAt, poseOf, poseParts } from "../src/draw/camera";
import { defaultView } from "../src/draw/view";
import { Frames, drawOf } from "../src/frames";
import type { Draw, Frame, Shown } from "../src/protocol";
import { field } from "./fields";

afterEach(() => vi.unstubAllGlobals());

/** A picture of the server. */
const frame = (draw: Draw, factor: number): Frame => ({
  type: "frame", request: draw.request, shown: 0, factor, last: factor === 1, milliseconds: 1, legend: null,
});

test("a coarse picture that is decoded late does not take the place of a fine one", async () => {
  const [drawn, posted, decoders]: [string[], Draw[], Map<number, () => void>] = [[], [], new Map()];
  vi.stubGlobal("requestAnimationFrame", (call: () => void) => call());
  vi.stubGlobal("createImageBitmap", (blob: Blob) =>
    new Promise((resolve) => decoders.set(blob.size, () => resolve({ name: String(blob.size), close: () => undefined }))),
  );
  const context = { drawImage: (picture: { name: string }) => drawn.push(picture.name) };
  const canvas = { width: 64, height: 48, getContext: () => context } as unknown as HTMLCanvasElement;
  const shown: Shown = field("image");
  const frames = new Frames(canvas, shown, defaultView(shown), (draw) => posted.push(draw as Draw) > 0);
  const states: string[] = [];
  frames.sheet.onState((text) => states.push(text));
  frames.sheet.paint();
  const taken = [2, 1].map((factor) => frames.take(frame(posted[0]!, factor), new Uint8Array(10 - factor)));
  decoders.get(9)!();
  await taken[1];
  decoders.get(8)!();
  await taken[0];
  expect(drawn).toEqual(["9"]);
  expect(states.at(-1)).toMatch(/^all pixels/);
});

test("a plane is asked for by its window, with how it is to look", () => {
  const shown = field("slices");
  const view = { ...defaultView(shown), mode: "gradient", zoom: 2, centre: [0.5, 0] as const, axis: 1, at: 0.25, scale: 3 } as const;
  const draw = drawOf(view, shown, 100, 50);
  expect(draw).toMatchObject({ shown: 0, width: 100, height: 50, mode: "gradient", axis: 1, at: 0.25, pose: null });
  expect(draw.window).toEqual([-0.5, -0.5, 1.5, 0.5]);
  expect(draw.look).toEqual({ channel: null, exposure: 0, map: "viridis", scale: 3, backdrop: "studio" });
  expect(drawOf(view, shown, 100, 50).request).toBe(draw.request + 1);
});

test("a view in space is asked for as its photo was taken, in modes that the server has", () => {
  const { eye, axes } = poseParts(poseOf({ eye: [0, 0, 3], axes: [[0, 1, 0], [-1, 0, 0], [0, 0, 1]] }));
  const pose = poseOf({ eye, axes });
  const photo = { name: "photo", pose, focal: [90, 80], centre: [70, 45], size: [160, 90], held_out: false } as const;
  const shown = field("radiance", { views: [photo, { ...photo, pose: poseOf({ eye: [3, 0, 0], axes: [[0, 0, -1], [0, 1, 0], [1, 0, 0]] }) }] });
  const view = defaultView(shown);
  const draw = drawOf({ ...view, mode: "error" }, shown, 320, 180);
  expect(draw).toMatchObject({ mode: "fit", window: null, focal: 160 / 180 });
  draw.pose!.forEach((value, k) => expect(value).toBeCloseTo(pose[k]!, 9));
  expect(drawOf({ ...view, mode: "opacity" }, shown, 320, 180).mode).toBe("opacity");
  const free = drawOf({ ...view, camera: orbitAt(0, 0, 2, { fov: 90 }) }, shown, 320, 180);
  expect(free.focal).toBeCloseTo(0.5, 9);
});
