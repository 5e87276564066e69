import { HEADER, Pass, Target, bound, fence, textureOf } from "../draw/gl";
import type { Program, Stored } from "../protocol";
import { generate } from "./generate";
import { fours } from "./layout";
import { FieldTextures, type Bytes } from "./textures";

const WIDTH = 256;

/**
 * Values of a field at points, by the shader that also draws it.
 *
 * Throws where the device cannot draw into textures of 32-bit floats.
 */
export class Evaluator {
  private readonly inputs: number;
  private readonly outputs: number;
  private readonly pass: Pass;
  private readonly textures: FieldTextures;
  private readonly points: WebGLTexture;
  private first: (() => boolean) | null = null;

  constructor(
    private readonly gl: WebGL2RenderingContext,
    program: Program,
  ) {
    if (!gl.getExtension("EXT_color_buffer_float")) throw new Error("this browser cannot draw into textures of floats");
    this.inputs = program.nodes[0]!.size;
    this.outputs = program.nodes[program.nodes.length - 1]!.size;
    this.pass = new Pass(gl, shaderOf(program, this.inputs, this.outputs));
    this.textures = new FieldTextures(gl, program);
    this.points = textureOf(gl);
  }

  /** With weights: whether values come without waiting for a compiler, which goes on working where they do not. */
  get ready(): boolean {
    if (this.first === null && this.pass.ready) {
      const target = this.begun(new Float32Array(this.inputs));
      target.draw(0, 0, 1, 1);
      this.first = fence(this.gl);
      target.dispose();
    }
    return this.first?.() === true;
  }

  set(arrays: readonly Stored[], bytes: Bytes): void {
    this.textures.set(arrays, bytes);
  }

  /** Values at points, one after the other. */
  values(points: Float32Array): Float32Array {
    const { outputs } = this;
    const count = points.length / this.inputs;
    const target = this.begun(points);
    const found = new Float32Array(count * outputs);
    for (let group = 0; group < fours(outputs); group++) {
      this.pass.setInt("group", group);
      target.draw();
      const read = target.read(0);
      for (let i = 0; i < count; i++) {
        for (let k = 4 * group; k < Math.min(outputs, 4 * group + 4); k++) found[i * outputs + k] = read[4 * i + (k & 3)]!;
      }
    }
    target.dispose();
    return found;
  }

  dispose(): void {
    this.pass.dispose();
    this.textures.dispose();
    this.gl.deleteTexture(this.points);
  }

  /** Where values at points can be drawn to. */
  private begun(points: Float32Array): Target {
    const { gl, pass } = this;
    const texels = pointsTexels(points, this.inputs);
    const target = new Target(gl, WIDTH, Math.ceil(points.length / this.inputs / WIDTH), 1, {
      internal: gl.RGBA32F,
      format: gl.RGBA,
      type: gl.FLOAT,
    });
    bound(gl, this.points);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, WIDTH, texels.length / (4 * WIDTH), 0, gl.RGBA, gl.FLOAT, texels);
    pass.use();
    pass.setTexture("points", this.points, this.textures.bind(pass.program, 0));
    return target;
  }
}

function shaderOf(program: Program, inputs: number, outputs: number): string {
  return `${HEADER}${generate(program).source}
uniform highp sampler2D points;
uniform int group;
out vec4 values;
void main() {
  float x[${inputs}], y[${outputs}];
  int first = (int(gl_FragCoord.y) * ${WIDTH} + int(gl_FragCoord.x)) * ${fours(inputs)};
  for (int i = 0; i < ${inputs}; i++) {
    int at = first + (i >> 2);
    x[i] = texelFetch(points, ivec2(at % ${WIDTH}, at / ${WIDTH}), 0)[i & 3];
  }
  field(x, y);
  vec4 some = vec4(0.0);
  for (int k = 0; k < 4; k++) if (4 * group + k < ${outputs}) some[k] = y[4 * group + k];
  values = some;
}
`;
}

/** Whole rows, each point from a texel of its own on. */
function pointsTexels(points: Float32Array, inputs: number): Float32Array<ArrayBuffer> {
  const wide = 4 * fours(inputs);
  const row = 4 * WIDTH;
  const found = new Float32Array(Math.ceil(((points.length / inputs) * wide) / row) * row);
  for (let i = 0; i < points.length; i++) found[Math.floor(i / inputs) * wide + (i % inputs)] = points[i]!;
  return found;
}
