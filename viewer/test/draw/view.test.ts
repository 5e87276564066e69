import { describe, expect, it } from "vitest";

import { colourTable, cssGradient, roundScale } from "../../src/draw/colours";
import { moments } from "../../src/draw/record";
import { halfToNumber, truthSample } from "../../src/draw/stage";
import { asView, defaultView } from "../../src/draw/view";
import { field as shown } from "../fields";

describe("a view", () => {
  it.each(["image", "shape", "radiance", "slices"] as const)("of the kind %s survives a URL", (kind) => {
    const view = defaultView(shown(kind));
    expect(asView(JSON.parse(JSON.stringify(view)), shown(kind))).toEqual(view);
    expect(asView({}, shown(kind))).toEqual(view);
  });

  it("is brought into range, and what makes no sense becomes the default", () => {
    const view = asView(
      {
        mode: "opacity",
        split: 7,
        channel: 9,
        zoom: -1,
        exposure: Number.NaN,
        map: "rainbow",
        scale: "big",
        centre: [3, "x"],
        camera: { eye: [0, 1, 0], target: [0, 0, 0], up: [0, 1, 0], fov: 30 },
        clip: { axis: 5, at: -4 },
        crop: [0, 0, 0, 1, -1, 1],
      },
      shown("image"),
    );
    const base = defaultView(shown("image"));
    expect(view).toEqual({ ...base, split: 1, channel: 2, zoom: 0.1, clip: { axis: 0, at: -1, flipped: false } });
  });

  it("keeps what does make sense", () => {
    const given = { mode: "depth", crop: [-1, -1, -1, 0.5, 1, 1], cameras: true, backdrop: "black", scale: 0.2 };
    expect(asView(given, shown("radiance"))).toMatchObject(given);
  });
});

describe("colours", () => {
  it("go from the lower end to the upper", () => {
    const table = colourTable("viridis");
    expect([...table.subarray(0, 4)]).toEqual([0x44, 0x01, 0x54, 255]);
    expect([...table.subarray(1020)]).toEqual([0xfd, 0xe7, 0x25, 255]);
    expect(cssGradient("grey")).toBe("linear-gradient(to right, #000000, #ffffff)");
  });

  it.each(["viridis", "inferno", "cividis", "grey"] as const)("of %s grow lighter all the way", (name) => {
    const table = colourTable(name);
    const light = Array.from({ length: 256 }, (_, k) => {
      return 0.2126 * table[4 * k]! + 0.7152 * table[4 * k + 1]! + 0.0722 * table[4 * k + 2]!;
    });
    for (let k = 1; k < 256; k++) expect(light[k]).toBeGreaterThan(light[k - 1]! - 0.75);
  });

  it("have scales that are easily read", () => {
    expect([0.0123, 0.5, 0.11, 7, 1].map(roundScale)).toEqual([0.02, 0.5, 0.2, 10, 1]);
    expect(roundScale(0)).toBe(1);
  });
});

describe("truths and films", () => {
  it("read halves", () => {
    expect([0x3c00, 0xc000, 0x3555, 0x0001, 0x7c00].map(halfToNumber)).toEqual([
      1,
      -2,
      0.333251953125,
      2 ** -24,
      Number.POSITIVE_INFINITY,
    ]);
    const told = { width: 2, height: 1, channels: 2, dtype: "uint8" } as const;
    expect(truthSample({ told, bytes: new Uint8Array([0, 51, 102, 255]) }, 1, 0, 0)).toBeCloseTo(0.4, 9);
  });

  it("end with the last key, or a step before the first one again", () => {
    expect(moments({ seconds: 1, rate: 5, loop: false })).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(moments({ seconds: 1, rate: 5, loop: true })).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
  });
});
