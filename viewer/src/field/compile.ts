/** Two triangles over all of the target; gl.drawArrays(gl.TRIANGLES, 0, 3) with nothing bound. */
export const WHOLE_TARGET = `#version 300 es
void main() { gl_Position = vec4(4.0 * float(gl_VertexID & 1) - 1.0, 4.0 * float(gl_VertexID >> 1) - 1.0, 0.0, 1.0); }
`;

/** A linked program. Throws with the driver's words where it does not compile. */
export function compiled(gl: WebGL2RenderingContext, fragment: string, vertex = WHOLE_TARGET): WebGLProgram {
  const program = gl.createProgram();
  const shaders = [shader(gl, gl.VERTEX_SHADER, vertex), shader(gl, gl.FRAGMENT_SHADER, fragment)];
  for (const part of shaders) gl.attachShader(program, part);
  gl.linkProgram(program);
  const linked = gl.getProgramParameter(program, gl.LINK_STATUS) as boolean;
  const words = [...shaders.map((part) => gl.getShaderInfoLog(part)), gl.getProgramInfoLog(program)];
  for (const part of shaders) gl.deleteShader(part);
  if (!linked) {
    gl.deleteProgram(program);
    throw new Error(`the shader does not compile: ${words.filter((text) => text).join("\n")}`);
  }
  return program;
}

function shader(gl: WebGL2RenderingContext, kind: GLenum, source: string): WebGLShader {
  const made = gl.createShader(kind);
  if (!made) throw new Error("the graphics context is lost");
  gl.shaderSource(made, source);
  gl.compileShader(made);
  return made;
}
