/** Putting a coarse picture into a fine one's place. */

import type { Drawing } from "./drawing";
import { type GL, HEADER, Pass, type Target } from "./gl";

const COPY = `${HEADER}
uniform sampler2D coarse0;
uniform sampler2D coarse1;
uniform vec2 size;
uniform int blending;
layout(location = 0) out vec4 first;
layout(location = 1) out vec4 second;
vec4 mixed(sampler2D from, vec2 q) {
  ivec2 last = textureSize(from, 0) - 1, low = ivec2(floor(q));
  vec2 share = q - vec2(low);
  vec4 found[4];
  for (int k = 0; k < 4; k++) found[k] = texelFetch(from, clamp(low + ivec2(k & 1, k >> 1), ivec2(0), last), 0);
  return mix(mix(found[0], found[1], share.x), mix(found[2], found[3], share.x), share.y);
}
bool alike(vec2 q) {
  ivec2 last = textureSize(coarse0, 0) - 1, low = ivec2(floor(q));
  float least = 1e30, most = 0.0;
  for (int k = 0; k < 4; k++) {
    float depth = texelFetch(coarse0, clamp(low + ivec2(k & 1, k >> 1), ivec2(0), last), 0).w;
    least = min(least, depth);
    most = max(most, depth);
  }
  return least > 0.0 && most < 1.1 * least;
}
void main() {
  vec2 q = gl_FragCoord.xy / size;
  ivec2 nearest = min(ivec2(q), textureSize(coarse0, 0) - 1);
  bool smooth_ = blending != 1 || alike(q - 0.5);
  first = smooth_ ? mixed(coarse0, q - 0.5) : texelFetch(coarse0, nearest, 0);
  second = texelFetch(coarse1, nearest, 0);
}
`;

export class Enlarging {
  private readonly copy: Pass;

  constructor(gl: GL) {
    this.copy = new Pass(gl, COPY);
  }

  /** Fills targets with what coarse ones show, which are `factor` times coarser. */
  draw(drawing: Drawing, factor: number, coarse: readonly Target[], fine: readonly (Target | null | undefined)[]): void {
    const { copy } = this;
    copy.use();
    copy.set("size", [factor, factor]);
    copy.setInt("blending", drawing.blending);
    coarse.forEach(({ textures }, k) => {
      copy.setTexture("coarse0", textures[0] as WebGLTexture, 0);
      copy.setTexture("coarse1", textures[drawing.attachments - 1] as WebGLTexture, 1);
      fine[k]?.draw();
    });
  }
}
