import { describe, expect, it } from "vitest";

import { logSpectrum, luminance, transform } from "../../src/draw/spectrum";

const noise = (count: number): Float64Array => {
  let state = 7;
  return Float64Array.from({ length: count }, () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5);
};

describe("the Fourier transform", () => {
  it("is its definition", () => {
    const [re, im] = [noise(16), noise(16).reverse()];
    const [x, y] = [Float64Array.from(re), Float64Array.from(im)];
    transform(x, y, 16);
    for (let k = 0; k < 16; k++) {
      let [a, b] = [0, 0];
      for (let n = 0; n < 16; n++) {
        const angle = (-2 * Math.PI * k * n) / 16;
        a += re[n]! * Math.cos(angle) - im[n]! * Math.sin(angle);
        b += re[n]! * Math.sin(angle) + im[n]! * Math.cos(angle);
      }
      expect(x[k]).toBeCloseTo(a, 10);
      expect(y[k]).toBeCloseTo(b, 10);
    }
  });

  it("works on columns too", () => {
    const values = noise(64);
    const [re, im] = [Float64Array.from(values), new Float64Array(64)];
    transform(re, im, 8, 3, 8);
    const [x, y] = [Float64Array.from({ length: 8 }, (_, k) => values[3 + 8 * k]!), new Float64Array(8)];
    transform(x, y, 8);
    for (let k = 0; k < 8; k++) expect(re[3 + 8 * k]).toBeCloseTo(x[k]!, 12);
    expect(re[4]).toBe(values[4]);
  });
});

describe("a spectrum", () => {
  it("has a wave's amplitude at its frequency, the mean in the middle left out", () => {
    const side = 64;
    const wave = Float64Array.from({ length: side * side }, (_, k) => {
      return 3 + 0.5 * Math.cos((2 * Math.PI * (5 * (k % side) + 2 * Math.floor(k / side))) / side);
    });
    const logs = logSpectrum(wave, side);
    const at = (i: number, j: number): number => 10 ** logs[(32 + j) * side + 32 + i]!;
    expect(at(5, 2)).toBeCloseTo(0.5, 6);
    expect(at(-5, -2)).toBeCloseTo(0.5, 6);
    expect(at(0, 0)).toBeLessThan(1e-6);
    expect(at(20, 20)).toBeLessThan(1e-6);
  });

  it("is of the mean of the colours, without alpha", () => {
    const texels = new Float32Array([0.25, 0.5, 0.75, 9, 1, 1, 1, 9]);
    expect([...luminance(texels, 4, null)]).toEqual([0.5, 1]);
    expect([...luminance(texels, 4, 2)]).toEqual([0.75, 1]);
    expect([...luminance(texels, 2, null)]).toEqual([0.25, 1]);
  });
});
