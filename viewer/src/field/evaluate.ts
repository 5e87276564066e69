import type { Program, Stored } from "../protocol";
import { compiled } from "./compile";
import { generate } from "./generate";
import { fours } from "./layout";
import { FieldTextures, type Bytes } from "./textures";

const WIDTH = 256;

/**
 * Values of a field at points, one after the other, by the shader that also draws it.
 *
 * Throws where the device cannot draw into textures of 32-bit floats.
 */
export function evaluate(
  gl: WebGL2RenderingContext,
  program: Program,
  arrays: readonly Stored[],
  bytes: Bytes,
  points: Float32Array,
): Float32Array {
  if (!gl.getExtension("EXT_color_buffer_float")) throw new Error("this device cannot draw 32-bit floats");
  const inputs = program.nodes[0]!.size;
  const outputs = program.nodes[program.nodes.length - 1]!.size;
  const count = points.length / inputs;
  const code = compiled(gl, shaderOf(program, inputs, outputs));
  const textures = new FieldTextures(gl, program);
  textures.set(arrays, bytes);
  const given = floatTexture(gl, WIDTH, pointsTexels(points, inputs));
  const height = Math.ceil(count / WIDTH);
  const target = floatTexture(gl, WIDTH, new Float32Array(4 * WIDTH * height));
  gl.useProgram(code);
  const unit = textures.bind(code, 0);
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, given);
  gl.uniform1i(gl.getUniformLocation(code, "points"), unit);
  const frame = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, target, 0);
  gl.viewport(0, 0, WIDTH, height);
  const found = new Float32Array(count * outputs);
  const read = new Float32Array(4 * WIDTH * height);
  for (let group = 0; group < fours(outputs); group++) {
    gl.uniform1i(gl.getUniformLocation(code, "group"), group);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.readPixels(0, 0, WIDTH, height, gl.RGBA, gl.FLOAT, read);
    for (let i = 0; i < count; i++) {
      for (let k = 4 * group; k < Math.min(outputs, 4 * group + 4); k++) found[i * outputs + k] = read[4 * i + (k & 3)]!;
    }
  }
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  gl.deleteFramebuffer(frame);
  for (const texture of [given, target]) gl.deleteTexture(texture);
  textures.dispose();
  gl.deleteProgram(code);
  return found;
}

function shaderOf(program: Program, inputs: number, outputs: number): string {
  return `#version 300 es
${generate(program).source}
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

/** Each point from a texel of its own on. */
function pointsTexels(points: Float32Array, inputs: number): Float32Array<ArrayBuffer> {
  const wide = 4 * fours(inputs);
  const found = new Float32Array((points.length / inputs) * wide);
  for (let i = 0; i < points.length; i++) found[Math.floor(i / inputs) * wide + (i % inputs)] = points[i]!;
  return found;
}

function floatTexture(gl: WebGL2RenderingContext, width: number, values: Float32Array<ArrayBuffer>): WebGLTexture {
  const height = Math.ceil(values.length / 4 / width);
  const whole = new Float32Array(4 * width * height);
  whole.set(values);
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, height, 0, gl.RGBA, gl.FLOAT, whole);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
  return texture;
}
