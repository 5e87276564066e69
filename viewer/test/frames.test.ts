import { afterEach, expect, test, vi } from "vitest";

import { defaultView } from "../src/draw/view";
import { Frames } from "../src/frames";
import type { Draw, Frame, Shown } from "../src/protocol";
import { field } from "./fields";

afterEach(() => vi.unstubAllGlobals());

/** A picture of the server; its bytes say how long it takes to be decoded. */
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
  frames.onState((text) => states.push(text));
  frames.paint();
  const taken = [2, 1].map((factor) => frames.take(frame(posted[0]!, factor), new ArrayBuffer(10 - factor)));
  decoders.get(9)!();
  await taken[1];
  decoders.get(8)!();
  await taken[0];
  expect(drawn).toEqual(["9"]);
  expect(states.at(-1)).toMatch(/^all pixels/);
});
