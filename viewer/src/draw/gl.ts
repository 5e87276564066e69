/** WebGL 2 with less ceremony: programs, textures, render targets. */

export type GL = WebGL2RenderingContext;

export const HEADER = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp sampler3D;
precision highp usampler3D;
`;

const FILLING = 15; // the last of the texture units that every machine has

// One triangle that covers everything.
const COVER = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }
`;

/** Tells, without waiting, whether all is done that was asked of the graphics card until now. */
export function fence(gl: GL): () => boolean {
  const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  let done = sync === null;
  return () => {
    if (!done && gl.getSyncParameter(sync as WebGLSync, gl.SYNC_STATUS) === gl.SIGNALED) {
      done = true;
      gl.deleteSync(sync);
    }
    return done;
  };
}

/** Names of what draws without a graphics card. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Whether there is no graphics card. */
export function isSoftware(gl: GL): boolean {
  const told = gl.getExtension("WEBGL_debug_renderer_info");
  return SOFTWARE.test(String(gl.getParameter(told === null ? gl.RENDERER : told.UNMASKED_RENDERER_WEBGL)));
}

/** A program whose shaders may still be compiling. */
export class Pass {
  readonly program: WebGLProgram;
  private linked: (() => boolean) | null = null;
  private readonly shaders: WebGLShader[];
  private readonly places = new Map<string, WebGLUniformLocation | null>();
  private checked = false;

  constructor(
    private readonly gl: GL,
    fragment: string,
    vertex: string = COVER,
  ) {
    this.program = gl.createProgram();
    this.shaders = [shaderOf(gl, gl.VERTEX_SHADER, vertex), shaderOf(gl, gl.FRAGMENT_SHADER, fragment)];
    for (const shader of this.shaders) gl.attachShader(this.program, shader);
    gl.linkProgram(this.program);
  }

  /** Whether it can be used without waiting for the compiler. */
  get ready(): boolean {
    if (this.checked) return true;
    const parallel = this.gl.getExtension("KHR_parallel_shader_compile");
    if (parallel === null) return (this.linked ??= fence(this.gl))();
    return this.gl.getProgramParameter(this.program, parallel.COMPLETION_STATUS_KHR) === true;
  }

  use(): void {
    if (!this.checked) this.check();
    this.gl.useProgram(this.program);
  }

  at(name: string): WebGLUniformLocation | null {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    const place = this.gl.getUniformLocation(this.program, name);
    this.places.set(name, place);
    return place;
  }

  /** Numbers, of which there are 1 to 4, or 9 or 16 for matrices. The program must be in use. */
  set(name: string, values: number | readonly number[] | Float32Array): void {
    const [gl, at] = [this.gl, this.at(name)];
    const list = typeof values === "number" ? [values] : values;
    if (list.length === 16) gl.uniformMatrix4fv(at, false, list);
    else if (list.length === 9) gl.uniformMatrix3fv(at, false, list);
    else if (list.length === 4) gl.uniform4fv(at, list);
    else if (list.length === 3) gl.uniform3fv(at, list);
    else if (list.length === 2) gl.uniform2fv(at, list);
    else gl.uniform1fv(at, list);
  }

  setInt(name: string, value: number): void {
    this.gl.uniform1i(this.at(name), value);
  }

  setTexture(name: string, texture: WebGLTexture, unit: number, target: number = this.gl.TEXTURE_2D): void {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(target, texture);
    this.setInt(name, unit);
  }

  dispose(): void {
    this.gl.deleteProgram(this.program);
  }

  private check(): void {
    const { gl, program, shaders } = this;
    if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true && !gl.isContextLost()) {
      const logs = [gl.getProgramInfoLog(program), ...shaders.map((shader) => gl.getShaderInfoLog(shader))];
      throw new Error(`the graphics driver refuses a shader: ${logs.filter(Boolean).join("; ")}`);
    }
    for (const shader of shaders) gl.deleteShader(shader);
    this.checked = true;
  }
}

function shaderOf(gl: GL, type: number, source: string): WebGLShader {
  const shader = gl.createShader(type);
  if (shader === null) throw new Error("the graphics context is lost");
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

export interface Format {
  readonly internal: number;
  readonly format: number;
  readonly type: number;
}

/** What passes write: 32-bit floats, or 16-bit ones where a machine cannot write to those. */
export function floatFormat(gl: GL): Format {
  if (gl.getExtension("EXT_color_buffer_float") !== null) {
    return { internal: gl.RGBA32F, format: gl.RGBA, type: gl.FLOAT };
  }
  if (gl.getExtension("EXT_color_buffer_half_float") !== null) {
    return { internal: gl.RGBA16F, format: gl.RGBA, type: gl.HALF_FLOAT };
  }
  throw new Error("this browser cannot draw into textures of floats");
}

/** What means of colours are kept in: unlike 32-bit floats it can be blended everywhere. */
export function blendedFormat(gl: GL): Format {
  return { internal: gl.RGBA16F, format: gl.RGBA, type: gl.HALF_FLOAT };
}

/** Binds a texture to be filled, on a unit that no pass reads. */
export function bound(gl: GL, texture: WebGLTexture, target: number = gl.TEXTURE_2D): void {
  gl.activeTexture(gl.TEXTURE0 + FILLING);
  gl.bindTexture(target, texture);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
}

/** A texture without interpolation, whose edges go on. */
export function textureOf(gl: GL, filter: number = gl.NEAREST, target: number = gl.TEXTURE_2D): WebGLTexture {
  const texture = gl.createTexture();
  bound(gl, texture, target);
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, filter);
  for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) {
    if (target === gl.TEXTURE_3D || axis !== gl.TEXTURE_WRAP_R) gl.texParameteri(target, axis, gl.CLAMP_TO_EDGE);
  }
  return texture;
}

/** Some textures of one size to draw into; row 0 is the picture's top. */
export class Target {
  readonly textures: readonly WebGLTexture[];
  private readonly frame: WebGLFramebuffer;

  constructor(
    private readonly gl: GL,
    readonly width: number,
    readonly height: number,
    count: number,
    readonly format: Format,
  ) {
    this.textures = Array.from({ length: count }, () => {
      const texture = textureOf(gl);
      gl.texImage2D(gl.TEXTURE_2D, 0, format.internal, width, height, 0, format.format, format.type, null);
      return texture;
    });
    this.frame = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    const points = this.textures.map((texture, k) => {
      const point = gl.COLOR_ATTACHMENT0 + k;
      gl.framebufferTexture2D(gl.FRAMEBUFFER, point, gl.TEXTURE_2D, texture, 0);
      return point;
    });
    gl.drawBuffers(points);
  }

  /** Draw with the program in use into a part of it. */
  draw(left = 0, top = 0, width: number = this.width, height: number = this.height): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.viewport(0, 0, this.width, this.height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(left, top, width, height);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.disable(gl.SCISSOR_TEST);
  }

  /** Values [height, width, 4] of a part of one of its textures, from the top. Waits until they are drawn. */
  read(texture: number, left = 0, top = 0, width: number = this.width, height: number = this.height): Float32Array {
    const { gl } = this;
    const values = new Float32Array(4 * width * height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.readBuffer(gl.COLOR_ATTACHMENT0 + texture);
    gl.readPixels(left, top, width, height, gl.RGBA, gl.FLOAT, values);
    return values;
  }

  dispose(): void {
    for (const texture of this.textures) this.gl.deleteTexture(texture);
    this.gl.deleteFramebuffer(this.frame);
  }
}
