import type { Function, Node, Program } from "../protocol";
import { functionsFor } from "./functions";
import { float, range } from "./glsl";
import { harmonicsFunction } from "./harmonics";
import { fours, layoutOf, tableSampler, TABLE_WIDTH, WEIGHTS_WIDTH, type Layout } from "./layout";
import { alongFunction, gridFunction, planesFunction } from "./tables";

/**
 * A field in GLSL ES 3.00, to be put behind `#version 300 es`.
 *
 * Of grids, the finest `uniform int nf_hidden` levels are left out: their features are 0.
 *
 * `source` defines `void field(in float x[INPUTS], out float y[OUTPUTS])` on the box's coordinates; for two or three
 * coordinates and at most four values also `vec4 field2(vec2)` or `vec4 field3(vec3)`. Of a radiance field also
 * `float density(vec3 place)`, without regard to the occupancy grid, then `vec3 colour(vec3 direction)` of the place
 * that was asked last, and `bool occupied(vec3 place)` for places in the box (contracted, if the field has no bounds).
 */
export interface FieldCode {
  readonly source: string;
  readonly samplers: readonly string[];
}

export function generate(program: Program): FieldCode {
  return new Generator(program).code();
}

/** Up to so many values are moved one by one; for more, drivers compile loops sooner. */
const FEW = 16;

type Elementwise = Extract<Node, { kind: "affine" | "apply" | "combine" | "linear" }>;

class Generator {
  private readonly layout: Layout;
  private readonly nodes: readonly Node[];
  private readonly last: number;
  private readonly users: number[][];
  /** The node in whose loop a node is computed: itself, unless only that loop needs it. */
  private readonly loop: number[];
  /** What `density` computes of a radiance field: the density and what it is computed of. */
  private readonly early: Set<number>;
  private readonly functions = new Set<Function>();

  constructor(private readonly program: Program) {
    this.layout = layoutOf(program);
    this.nodes = program.nodes;
    this.last = this.nodes.length - 1;
    this.users = this.nodes.map(() => []);
    this.nodes.forEach((node, i) => sources(node).forEach((of) => this.users[of]!.push(i)));
    this.early = this.isRadiance ? this.ancestors(program.density!) : new Set();
    this.loop = this.loops();
  }

  code(): FieldCode {
    const { tables, occupied } = this.layout;
    const samplers = ["nf_weights", ...tables.map((_, i) => tableSampler(i)), ...(occupied ? ["nf_occupied"] : [])];
    const body = this.isRadiance ? this.radiance() : this.plain();
    const parts = [
      "precision highp float;\nprecision highp int;",
      ...samplers.map((name) => `uniform highp ${name === "nf_occupied" ? "u" : ""}sampler2D ${name};`),
      `vec4 nf_w(int k) { return texelFetch(nf_weights, ivec2(k & ${WEIGHTS_WIDTH - 1}, k >> ${Math.log2(WEIGHTS_WIDTH)}), 0); }`,
      // No compiler knows that this is 0: loops that start with it are not unrolled, which can take minutes.
      `int nf_zero() { return textureSize(nf_weights, 0).x - ${WEIGHTS_WIDTH}; }`,
      this.nodes.some(({ kind }) => kind === "grid") ? "uniform int nf_hidden;" : "",
      this.help(),
      body,
      this.conveniences(),
    ];
    // The functions are known when all else is written, and stand before it.
    parts.splice(4, 0, functionsFor(this.functions));
    return { source: parts.filter((part) => part).join("\n") + "\n", samplers };
  }

  private get isRadiance(): boolean {
    return this.program.density !== null && this.size(0) === 6 && this.size(this.nodes.length - 1) === 4;
  }

  private size(i: number): number {
    return this.nodes[i]!.size;
  }

  private ancestors(of: number): Set<number> {
    const found = new Set([of]);
    for (let i = of; i > 0; i--) if (found.has(i)) for (const source of sources(this.nodes[i]!)) found.add(source);
    return found;
  }

  private loops(): number[] {
    const loop = this.nodes.map((_, i) => i);
    for (let i = this.last - 1; i > 0; i--) {
      const into = new Set(this.users[i]!.map((user) => loop[user]!));
      const [only] = into;
      const joins = this.users[i]!.every((user) => isValueByValue(this.nodes[user]!));
      if (only === undefined || into.size > 1 || !joins || !isElementwise(this.nodes[i]!)) continue;
      if (this.early.has(i) === this.early.has(only) && i !== this.program.density) loop[i] = only;
    }
    return loop;
  }

  /** What all grids, planes and other larger nodes call. */
  private help(): string {
    const parts: string[] = [];
    const planes = new Set(this.nodes.flatMap((node) => (node.kind === "planes" ? [node.interpolation] : [])));
    for (const interpolation of planes) parts.push(alongFunction(interpolation));
    const degrees = new Set(this.nodes.flatMap((node) => (node.kind === "harmonics" ? [node.degree] : [])));
    for (const degree of degrees) parts.push(harmonicsFunction(degree));
    if (this.nodes.some((node) => node.kind === "contract")) parts.push(CONTRACT);
    this.nodes.forEach((node, i) => {
      if (node.kind !== "grid" && node.kind !== "planes") return;
      const number = this.layout.tables.findIndex((table) => table.name === node.table);
      const place = { sampler: tableSampler(number), scales: this.layout.start.get(node.table)! };
      const axes = this.size(node.of);
      parts.push(
        node.kind === "grid"
          ? gridFunction(`nf_grid${i}`, node, axes, place)
          : planesFunction(`nf_planes${i}`, node, axes, place),
      );
    });
    if (this.isRadiance) parts.push(this.occupied());
    return parts.join("\n");
  }

  private occupied(): string {
    const cells = this.layout.occupied?.shape[0];
    if (cells === undefined) return "bool occupied(vec3 place) { return true; }";
    return `bool occupied(vec3 place) {
  ivec3 c = ivec3(clamp((place + 1.0) * ${float(cells / 2)}, 0.0, ${float(cells - 1)}));
  int cell = (c.z * ${cells} + c.y) * ${cells} + c.x, at = cell >> 3;
  uint bits = texelFetch(nf_occupied, ivec2(at & ${TABLE_WIDTH - 1}, at >> ${Math.log2(TABLE_WIDTH)}), 0).x;
  return (bits >> uint(cell & 7) & 1u) == 1u;
}`;
  }

  private plain(): string {
    return `void nf_field(in vec4 n0[${this.groups(0)}], out vec4 result[${this.groups(this.last)}]) {
  int zero = nf_zero();
${this.statements((i) => i > 0)}
${this.copy("result", this.last)}
}`;
  }

  /** In two functions, so that the colour is only computed where it is seen. */
  private radiance(): string {
    const kept = [...this.early].filter(
      (i) => i > 0 && this.loop[i] === i && !this.isView(i) && (i === this.program.density || this.usedLate(i)),
    );
    const density = this.program.density!;
    const unbounded = this.nodes.some((node) => node.kind === "contract");
    return `vec3 nf_place;
${kept.map((i) => `vec4 n${i}[${this.groups(i)}];`).join("\n")}
float density(vec3 place) {
  nf_place = place;
  int zero = nf_zero();
  vec4 n0[2] = vec4[2](vec4(place, 0.0), vec4(0.0));
${this.statements((i) => i > 0 && this.early.has(i), new Set(kept))}
  return ${this.scalar(density, 0)};
}
vec3 colour(vec3 direction) {
  int zero = nf_zero();
  vec4 n0[2] = vec4[2](vec4(nf_place, direction.x), vec4(direction.yz, 0.0, 0.0));
${this.statements((i) => !this.early.has(i))}
  return vec3(${[1, 2, 3].map((k) => this.scalar(this.last, k)).join(", ")});
}
void nf_field(in vec4 x[2], out vec4 y[1]) {
  float there = occupied(${unbounded ? "nf_contract(vec4(x[0].xyz, 0.0)).xyz" : "x[0].xyz"}) ? 1.0 : 0.0;
  float d = density(x[0].xyz);
  y[0] = vec4(d * there, colour(vec3(x[0].w, x[1].xy)));
}`;
  }

  /** Whether something outside of `density` reads a node, through slices that are no copies too. */
  private usedLate(i: number): boolean {
    return this.users[i]!.some((user) => !this.early.has(user) || (this.isView(user) && this.usedLate(user)));
  }

  private conveniences(): string {
    const [inputs, outputs] = [this.size(0), this.size(this.last)];
    const parts = [
      `void field(in float x[${inputs}], out float y[${outputs}]) {
  vec4 a[${fours(inputs)}], b[${fours(outputs)}];
  ${range(fours(inputs)).map((k) => `a[${k}] = ${this.four(k, inputs, (i) => `x[${i}]`)};`).join(" ")}
  nf_field(a, b);
  for (int i = 0; i < ${outputs}; i++) y[i] = b[i >> 2][i & 3];
}`,
    ];
    if ((inputs === 2 || inputs === 3) && outputs <= 4) {
      parts.push(`vec4 field${inputs}(vec${inputs} x) {
  vec4 a[1], b[1];
  a[0] = vec4(x, ${inputs === 2 ? "0.0, 0.0" : "0.0"});
  nf_field(a, b);
  return b[0];
}`);
    }
    return parts.join("\n");
  }

  /** The statements of the nodes that are wanted; `declared` ones have their variables already. */
  private statements(wanted: (i: number) => boolean, declared: ReadonlySet<number> = new Set()): string {
    return range(this.nodes.length)
      .filter((i) => wanted(i) && this.loop[i] === i && !this.isView(i))
      .map((i) => (declared.has(i) ? "" : `  vec4 n${i}[${this.groups(i)}];\n`) + this.statement(i))
      .join("\n");
  }

  private statement(i: number): string {
    const node = this.nodes[i]!;
    if (isElementwise(node)) return this.elementwise(i);
    switch (node.kind) {
      case "input":
        throw new Error("only the first node is coordinates");
      case "slice":
        return this.slice(i, node.of, node.start);
      case "concat":
        return this.concat(i, node.of);
      case "grid":
      case "planes":
        return this.table(i, node);
      case "harmonics":
        return `  nf_harmonics${node.degree}(vec3(${[0, 1, 2].map((k) => this.scalar(node.of, k)).join(", ")}), n${i});`;
      case "contract":
        if (node.size > 4) throw new Error(`at most 4 coordinates are contracted, not ${node.size}`);
        return `  n${i}[0] = nf_contract(${this.four(0, node.size, (k) => this.scalar(node.of, k))});`;
    }
  }

  private table(i: number, node: Extract<Node, { kind: "grid" | "planes" }>): string {
    const axes = this.size(node.of);
    const units = range(axes).map((axis) => `clamp(0.5 * (${this.scalar(node.of, axis)} + 1.0), 0.0, 1.0)`);
    return `  { float u[${axes}]; ${units.map((unit, axis) => `u[${axis}] = ${unit};`).join(" ")}
    nf_${node.kind}${i}(u, n${i}); }`;
  }

  /** A slice that is no view: each group has the end of one group and the beginning of the next. */
  private slice(i: number, of: number, start: number): string {
    if (this.size(i) <= FEW) return this.gathered(i, (k) => this.scalar(of, start + k));
    const [first, skipped] = [start >> 2, start & 3];
    const next = `min(i + ${first + 1}, ${this.groups(of) - 1})`;
    return `  for (int i = zero; i < ${this.groups(i)}; i++)
    n${i}[i] = vec4(${this.group(of, `i + ${first}`)}.${"xyzw".slice(skipped)}, ${this.group(of, next)}.${"xyzw".slice(0, skipped)});`;
  }

  private concat(i: number, of: readonly number[]): string {
    if (this.size(i) <= FEW) {
      const scalars = of.flatMap((source) => range(this.size(source)).map((k) => this.scalar(source, k)));
      return this.gathered(i, (k) => scalars[k]!);
    }
    const groups = this.groups(i);
    const lines = [`  n${i}[${groups - 1}] = vec4(0.0);`];
    let start = 0;
    for (const source of of) {
      const [first, taken] = [start >> 2, start & 3];
      const loop = `  for (int i = zero; i < ${this.groups(source)}; i++)`;
      const value = this.group(source, "i");
      lines.push(
        taken === 0
          ? `${loop} n${i}[i + ${first}] = ${value};`
          : `${loop} {
    n${i}[i + ${first}].${"xyzw".slice(taken)} = ${value}.${"xyzw".slice(0, 4 - taken)};
    if (i + ${first + 1} < ${groups}) n${i}[i + ${first + 1}].${"xyzw".slice(0, taken)} = ${value}.${"xyzw".slice(4 - taken)};
  }`,
      );
      start += this.size(source);
    }
    return lines.join("\n");
  }

  /** One loop over groups of four values: this node, and those that only it needs, in their order. */
  private elementwise(i: number): string {
    const members = range(i + 1).filter((member) => this.loop[member] === i);
    const lines = members.map((member) => {
      const node = this.nodes[member] as Elementwise;
      return node.kind === "linear" ? this.linear(member) : `    vec4 e${member} = ${this.expression(node, i)};`;
    });
    return `  for (int i = zero; i < ${this.groups(i)}; i++) {
${lines.join("\n")}
    n${i}[i] = e${i};
  }`;
  }

  private expression(node: Exclude<Elementwise, { kind: "linear" }>, loop: number): string {
    const value = (of: number): string => (this.loop[of] === loop ? `e${of}` : this.group(of, "i"));
    switch (node.kind) {
      case "affine":
        return `${float(node.scale)} * ${value(node.of)}${node.offset === 0 ? "" : ` + ${float(node.offset)}`}`;
      case "apply":
        return this.call(node.function, value(node.of));
      case "combine":
        return node.of.map(value).join(node.how === "sum" ? " + " : " * ");
    }
  }

  private linear(i: number): string {
    const node = this.nodes[i]!;
    if (node.kind !== "linear") throw new Error(`node ${i} is no linear map`);
    const columns = this.groups(node.of);
    const start = this.layout.start.get(node.weight)!;
    const bias = node.bias === null ? "vec4(0.0)" : `nf_w(${this.layout.start.get(node.bias)!} + i)`;
    const apply = node.function === null ? "" : `\n    e${i} = ${this.call(node.function, `e${i}`)};`;
    return `    vec4 e${i} = ${bias};
    for (int j = zero, k = ${start} + i * ${4 * columns}; j < ${columns}; j++, k += 4)
      e${i} += mat4(nf_w(k), nf_w(k + 1), nf_w(k + 2), nf_w(k + 3)) * ${this.group(node.of, "j")};${apply}`;
  }

  private call(name: Function, argument: string): string {
    this.functions.add(name);
    return `nf_${name}(${argument})`;
  }

  private copy(name: string, of: number): string {
    return `  for (int i = zero; i < ${this.groups(of)}; i++) ${name}[i] = ${this.group(of, "i")};`;
  }

  /** Fills a node value by value; what is behind the last one is 0. */
  private gathered(i: number, value: (k: number) => string): string {
    return range(this.groups(i))
      .map((group) => `  n${i}[${group}] = ${this.four(group, this.size(i), value)};`)
      .join("\n");
  }

  private four(group: number, size: number, value: (k: number) => string): string {
    return `vec4(${range(4).map((k) => (4 * group + k < size ? value(4 * group + k) : "0.0")).join(", ")})`;
  }

  private groups(i: number): number {
    return fours(this.size(i));
  }

  /** Slices from a multiple of four on are no copies; behind their last value stand others, which nothing reads. */
  private isView(i: number): boolean {
    const node = this.nodes[i]!;
    return node.kind === "slice" && node.start % 4 === 0;
  }

  /** Four values of a node, by the name of a variable with the group's number. */
  private group(i: number, index: string): string {
    const node = this.nodes[i]!;
    if (node.kind === "slice" && this.isView(i)) {
      return this.group(node.of, node.start === 0 ? index : `${index} + ${node.start / 4}`);
    }
    return `n${i}[${index}]`;
  }

  private scalar(i: number, k: number): string {
    const node = this.nodes[i]!;
    if (node.kind === "slice" && this.isView(i)) return this.scalar(node.of, node.start + k);
    return `n${i}[${k >> 2}].${"xyzw".charAt(k & 3)}`;
  }
}

const CONTRACT = `vec4 nf_contract(vec4 x) {
  float r = sqrt(max(dot(x, x), 1.0));
  return x * ((1.0 - 0.5 / r) / r);
}`;

function sources(node: Node): readonly number[] {
  if (node.kind === "input") return [];
  return typeof node.of === "number" ? [node.of] : node.of;
}

function isValueByValue(node: Node): boolean {
  return node.kind === "affine" || node.kind === "apply" || node.kind === "combine";
}

function isElementwise(node: Node): node is Elementwise {
  return node.kind === "linear" || isValueByValue(node);
}
