import type { Grid, Planes } from "../protocol";
import { constants, float, range, uint } from "./glsl";
import { fours, TABLE_WIDTH, texelOf } from "./layout";

const PRIMES = [1, 2654435761, 805459861, 3674653429, 2097192037, 1434869437, 2165219737];

/** For each of the four vertices around a cell, the coefficients of 1, t, t^2 and t^3 in its weight. */
const CUBIC = {
  catmull_rom: [
    [0, -1 / 2, 1, -1 / 2],
    [1, 0, -5 / 2, 3 / 2],
    [0, 1 / 2, 2, -3 / 2],
    [0, 0, -1 / 2, 1 / 2],
  ],
  b_spline: [
    [1 / 6, -1 / 2, 1 / 2, -1 / 6],
    [2 / 3, 0, -1, 1 / 2],
    [1 / 6, 1 / 2, 1 / 2, -1 / 2],
    [0, 0, 0, 1 / 6],
  ],
};
const SMOOTH = "t * t * (3.0 - 2.0 * t)";

/** Where a table's values are: its sampler, and the texel with the scale of its first part. */
export interface TablePlace {
  readonly sampler: string;
  readonly scales: number;
}

/** `void NAME(in float u[axes], out vec4 y[...])` of a grid node, u in [0, 1], for so many coordinates. */
export function gridFunction(name: string, node: Grid, axes: number, place: TablePlace): string {
  const { levels, features } = node;
  const texels = texelOf(features).texels;
  const corner = (bits: (axis: number) => string): string => {
    const at = range(axes).map((axis) => `m${axis} * (i${axis} + uint(${bits(axis)}))`);
    const weight = range(axes).map((axis) => `(${bits(axis)} ? t${axis} : 1.0 - t${axis})`);
    return `uint row = hashed ? (${at.join(" ^ ")}) & (rows - 1u) : ${at.join(" + ")};
      row = start + (row >= rows ? row - rows : row);
      float w = ${weight.join(" * ")};
      ${gather(place.sampler, texels)}`;
  };
  const few = axes <= 3;
  const corners = few
    ? range(1 << axes).map((k) => `{ ${corner((axis) => String(((k >> axis) & 1) === 1))} }`)
    : [`for (int k = 0; k < ${1 << axes}; k++) { ${corner((axis) => `((k >> ${axis} & 1) == 1)`)} }`];
  const smooth = node.interpolation === "smoothstep";
  return `${constants("float", `${name}_scale`, levels.map((level) => float(level.scale)))}
${constants("uint", `${name}_resolution`, levels.map((level) => uint(level.resolution)))}
${constants("uint", `${name}_start`, levels.map((level) => uint(level.start)))}
${constants("uint", `${name}_rows`, levels.map((level) => uint(level.rows)))}
${constants("bool", `${name}_hashed`, levels.map((level) => String(level.hashed)))}
void ${name}(in float u[${axes}], out vec4 y[${fours(node.size)}]) {
  for (int k = nf_zero(); k < ${fours(node.size)}; k++) y[k] = vec4(0.0);
  for (int l = nf_zero(); l < ${levels.length} - nf_hidden; l++) {
    float s = ${name}_scale[l];
    uint rows = ${name}_rows[l], start = ${name}_start[l], resolution = ${name}_resolution[l], m0 = 1u;
    bool hashed = ${name}_hashed[l];
${range(axes)
  .map(
    (axis) => `    float p${axis} = u[${axis}] * s + 0.5, c${axis} = floor(p${axis}), t${axis} = p${axis} - c${axis};
    uint i${axis} = uint(c${axis});${axis ? ` uint m${axis} = hashed ? ${PRIMES[axis]}u : m${axis - 1} * resolution;` : ""}
    ${smooth ? `{ float t = t${axis}; t${axis} = ${SMOOTH}; }` : ""}`,
  )
  .join("\n")}
    vec4 v[${texels}];
    for (int k = 0; k < ${texels}; k++) v[k] = vec4(0.0);
    ${corners.join("\n    ")}
    float scale = nf_w(${place.scales} + l).x;
    ${store(features, texels)}
  }
}`;
}

/** The same of a planes node: one loop for each run of planes over equally many axes. */
export function planesFunction(name: string, node: Planes, axes: number, place: TablePlace): string {
  const { planes, features } = node;
  const texels = texelOf(features).texels;
  const cubic = node.interpolation === "catmull_rom" || node.interpolation === "b_spline";
  const runs: { first: number; count: number; dims: number }[] = [];
  planes.forEach((plane, first) => {
    const run = runs.at(-1);
    if (run?.dims === plane.axes.length) run.count++;
    else runs.push({ first, count: 1, dims: plane.axes.length });
  });
  const head = runs.map(({ first, count }) => {
    const some = planes.slice(first, first + count);
    return `${constants("int", `${name}_axes${first}`, some.flatMap((plane) => plane.axes.map(String)))}
${constants("int", `${name}_shape${first}`, some.flatMap((plane) => plane.shape.map(String)))}
${constants("int", `${name}_start${first}`, some.map((plane) => String(plane.start)))}`;
  });
  const loop = ({ first, count, dims }: { first: number; count: number; dims: number }): string => {
    const taps = cubic ? 4 : 2;
    const along = range(dims).map(
      (d) => `int r${d}[${taps}]; float w${d}[${taps}];
    { int size = ${name}_shape${first}[p * ${dims} + ${d}];
      nf_along(u[${name}_axes${first}[p * ${dims} + ${d}]], size, r${d}, w${d});
      for (int k = 0; k < ${taps}; k++) r${d}[k] *= stride;
      stride *= size; }`,
    );
    const loops = range(dims).map((d) => `for (int k${d} = 0; k${d} < ${taps}; k${d}++)`);
    return `  for (int p = nf_zero(); p < ${count}; p++) {
    int stride = 1, l = p + ${first};
    ${along.join("\n    ")}
    vec4 v[${texels}];
    for (int k = 0; k < ${texels}; k++) v[k] = vec4(0.0);
    ${loops.join(" ")} {
      uint row = uint(${name}_start${first}[p] + ${range(dims).map((d) => `r${d}[k${d}]`).join(" + ")});
      float w = ${range(dims).map((d) => `w${d}[k${d}]`).join(" * ")};
      ${gather(place.sampler, texels)}
    }
    float scale = nf_w(${place.scales} + l).x;
    ${store(features, texels)}
  }`;
  };
  return `${head.join("\n")}
void ${name}(in float u[${axes}], out vec4 y[${fours(node.size)}]) {
  y[${fours(node.size) - 1}] = vec4(0.0);
${runs.map(loop).join("\n").replaceAll("nf_along(", `${alongName(node.interpolation)}(`)}
}`;
}

/** The vertices along one axis that a place u in [0, 1] is interpolated from, and their weights. */
export function alongFunction(interpolation: Planes["interpolation"]): string {
  const head = (taps: number): string => `void ${alongName(interpolation)}(float u, int size, out int r[${taps}], out float w[${taps}]) {
  float p = u * float(size - 1), c = min(floor(p), float(size - 2)), t = p - c;
  int i = int(c);`;
  if (interpolation === "linear" || interpolation === "smoothstep") {
    return `${head(2)}
  ${interpolation === "smoothstep" ? `t = ${SMOOTH};` : ""}
  r[0] = i; r[1] = i + 1; w[0] = 1.0 - t; w[1] = t;
}`;
  }
  const weights = CUBIC[interpolation].map((row, k) => {
    const [a, b, c, d] = row.map(float);
    return `w[${k}] = ((${d} * t + ${c}) * t + ${b}) * t + ${a};`;
  });
  return `${head(4)}
  r[0] = max(i - 1, 0); r[1] = i; r[2] = i + 1; r[3] = min(i + 2, size - 1);
  ${weights.join(" ")}
}`;
}

function alongName(interpolation: string): string {
  return `nf_along_${interpolation}`;
}

/** Adds w times the values of a row to v. */
function gather(sampler: string, texels: number): string {
  const shift = Math.log2(TABLE_WIDTH);
  const fetch = `texelFetch(${sampler}, ivec2(int(at & ${TABLE_WIDTH - 1}u), int(at >> ${shift})), 0)`;
  if (texels === 1) return `{ uint at = row; v[0] += w * ${fetch}; }`;
  return `for (int k = 0; k < ${texels}; k++) { uint at = row * ${texels}u + uint(k); v[k] += w * ${fetch}; }`;
}

/** Puts the values of level l to where they belong in y. */
function store(features: number, texels: number): string {
  if (features % 4 === 0) return `for (int k = 0; k < ${texels}; k++) y[l * ${texels} + k] = v[k] * scale;`;
  if (features === 2) return `if ((l & 1) == 0) y[l >> 1].xy = v[0].xy * scale; else y[l >> 1].zw = v[0].xy * scale;`;
  return `for (int f = 0; f < ${features}; f++) {
      int at = l * ${features} + f;
      y[at >> 2][at & 3] = v[f >> 2][f & 3] * scale;
    }`;
}
