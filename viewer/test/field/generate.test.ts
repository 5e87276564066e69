import { describe, expect, it } from "vitest";
import { generate } from "../../src/field/generate";
import { float } from "../../src/field/glsl";
import { layoutOf } from "../../src/field/layout";
import { inBlocks } from "../../src/field/textures";
import type { Program } from "../../src/protocol";

const linear: Program = {
  nodes: [
    { kind: "input", size: 5 },
    { kind: "linear", of: 0, weight: "w", bias: "b", function: null, size: 6 },
    { kind: "affine", of: 1, scale: 30, offset: 0, size: 6 },
    { kind: "apply", of: 2, function: "sine", size: 6 },
  ],
  arrays: [
    { name: "w", shape: [6, 5], table: false, parts: [] },
    { name: "b", shape: [6], table: false, parts: [] },
  ],
  density: null,
};

describe("weights in textures", () => {
  it("have a block of four texels for each 4 x 4 of a matrix, one for each 4 of a vector", () => {
    const layout = layoutOf(linear);
    expect(layout.start.get("b")).toBe(2 * 2 * 4);
    expect(layout.texels).toBe(2 * 2 * 4 + 2);
  });

  it("lie column after column in their block, blocks row after row", () => {
    const values = Float32Array.from({ length: 30 }, (_, i) => i + 1);
    const found = new Float32Array(4 * 16 + 8);
    inBlocks(values, 6, 5, found, 8);
    const at = (row: number, column: number): number =>
      found[8 + 16 * (2 * Math.floor(row / 4) + Math.floor(column / 4)) + 4 * (column % 4) + (row % 4)]!;
    for (let row = 0; row < 6; row++) {
      for (let column = 0; column < 5; column++) expect(at(row, column)).toBe(5 * row + column + 1);
    }
    expect(found.filter((value) => value === 0).length).toBe(found.length - 30);
  });
});

describe("the generator", () => {
  it("computes a layer in one loop", () => {
    const { source, samplers } = generate(linear);
    expect(samplers).toEqual(["nf_weights"]);
    expect(source.match(/for \(int i = zero; i < 2; i\+\+\) \{/g)).toHaveLength(1);
    expect(source).toContain("nf_sine(");
    expect(source).not.toContain("nf_exp");
  });

  it("writes numbers that GLSL takes for floats", () => {
    expect([1, -2, 0.5, 1e-7, 1e21].map(float)).toEqual(["1.0", "-2.0", "0.5", "1.0e-7", "1.0e+21"]);
  });

  it("asks every sampler to be precise", () => {
    for (const line of generate(linear).source.split("\n").filter((text) => text.includes("sampler2D "))) {
      expect(line).toMatch(/^uniform highp /);
    }
  });
});
