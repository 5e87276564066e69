import type { Function } from "../protocol";

/**
 * GLSL of what the built-in functions do too coarsely or differently from driver to driver, each after what it needs.
 *
 * Sine: whole half turns are taken off in two steps, of which the first is exact, then an odd polynomial with an error
 * of 5e-9. Exponential: powers of two are put together from bits.
 */
const TEXT: readonly (readonly [name: string, needs: readonly string[], text: string])[] = [
  [
    "nf_arc",
    [],
    `vec4 nf_arc(vec4 r) {
  vec4 s = r * r;
  return r + r * s * (-0.16666656729531476 + s * (0.008333010281536582 + s * (-1.980619880408603e-4 + s * 2.599271108405521e-6)));
}`,
  ],
  [
    "sine",
    ["nf_arc"],
    `vec4 nf_sine(vec4 x) {
  vec4 k = round(x * 0.3183098861837907);
  vec4 r = (x - k * 3.140625) - k * 9.676535897932384e-4;
  return nf_arc(r * (1.0 - 2.0 * (k - 2.0 * floor(0.5 * k))));
}`,
  ],
  [
    "cycle",
    ["nf_arc"],
    `vec4 nf_cycle(vec4 t) {
  t -= round(t);
  return nf_arc(6.283185307179586 * mix(t, sign(t) * 0.5 - t, greaterThan(abs(t), vec4(0.25))));
}`,
  ],
  [
    "exp",
    [],
    `vec4 nf_exp(vec4 x) {
  x = clamp(x, -87.0, 88.0);
  vec4 k = round(x * 1.4426950408889634);
  vec4 r = (x - k * 0.693359375) + k * 2.1219444005469057e-4;
  vec4 p = 1.0 + r * (1.0 + r * (0.5 + r * (0.16666666666666666 + r * (0.041666666666666664
    + r * (0.008333333333333333 + r * (0.001388888888888889 + r * 1.984126984126984e-4))))));
  return p * intBitsToFloat((ivec4(k) + 127) << 23);
}`,
  ],
  ["gauss", ["exp"], "vec4 nf_gauss(vec4 x) { return nf_exp(-x * x); }"],
  ["sigmoid", ["exp"], "vec4 nf_sigmoid(vec4 x) { return 1.0 / (1.0 + nf_exp(-x)); }"],
  ["tanh", ["exp"], "vec4 nf_tanh(vec4 x) { return 1.0 - 2.0 / (nf_exp(2.0 * x) + 1.0); }"],
  ["softplus", ["exp"], "vec4 nf_softplus(vec4 x) { return max(x, 0.0) + log(1.0 + nf_exp(-abs(x))); }"],
  ["sinh", ["exp"], "vec4 nf_sinh(vec4 x) { vec4 e = nf_exp(x); return 0.5 * (e - 1.0 / e); }"],
  ["relu", [], "vec4 nf_relu(vec4 x) { return max(x, 0.0); }"],
  ["abs", [], "vec4 nf_abs(vec4 x) { return abs(x); }"],
  ["log", [], "vec4 nf_log(vec4 x) { return log(x); }"],
  ["sqrt", [], "vec4 nf_sqrt(vec4 x) { return sqrt(abs(x)); }"],
  // What is behind the last value may be 0, and no weight of 0 takes away an infinity.
  ["reciprocal", [], "vec4 nf_reciprocal(vec4 x) { return mix(1.0 / x, vec4(0.0), equal(x, vec4(0.0))); }"],
  // A step from what the driver gives, by the sine of how far that is off.
  [
    "arctan",
    ["sine"],
    `vec4 nf_arctan(vec4 x) {
  vec4 y = atan(x);
  return y + (x * nf_sine(1.5707963267948966 - abs(y)) - nf_sine(y)) / sqrt(1.0 + x * x);
}`,
  ],
];

/** The functions with these names, and all that they need. */
export function functionsFor(names: Iterable<Function>): string {
  const wanted = new Set<string>(names);
  for (const [name, needs] of [...TEXT].reverse()) if (wanted.has(name)) for (const other of needs) wanted.add(other);
  return TEXT.filter(([name]) => wanted.has(name))
    .map(([, , text]) => text)
    .join("\n");
}
