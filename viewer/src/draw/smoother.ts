/** The mean of several pictures whose pixels are shifted a little: smooth edges once the exact picture stands. */

import type { Drawing } from "./drawing";
import { type Format, type GL, HEADER, Target, blendedFormat } from "./gl";
import type { Stage } from "./stage";
import type { Tiles } from "./tiles";
import type { ViewState } from "./view";

/** Pictures that are mixed, the exact one among them. */
const SAMPLES = 8;
/** Milliseconds that all may take together, and pixels: more are small enough, and textures would be large. */
const WORTH = 2000;
const MOST = 2.5e6;
const PLASTIC = [0.5545497, 0.3080453] as const; // steps of a sequence that spreads points evenly over the unit square

const SHOW = `${HEADER}
uniform sampler2D mean;
layout(location = 0) out vec4 shown;
void main() { shown = vec4(texelFetch(mean, ivec2(gl_FragCoord.xy), 0).rgb, 1.0); }
`;

export class Smoother {
  /** Pictures in the mean so far. */
  samples = 0;
  tiles: Tiles;
  readonly targets: readonly Target[];
  private readonly mean: Target;

  constructor(
    private readonly gl: GL,
    private readonly stage: Stage,
    private readonly drawing: Drawing,
    readonly width: number,
    readonly height: number,
    readonly fields: number,
    format: Format,
    private readonly newTiles: () => Tiles,
  ) {
    this.targets = Array.from({ length: fields }, () => new Target(gl, width, height, drawing.attachments, format));
    this.mean = new Target(gl, width, height, 1, blendedFormat(gl));
    this.tiles = newTiles();
  }

  /** Where in their pixels the next picture's values are, from the middle. */
  get shift(): readonly [number, number] {
    const at = (step: number): number => ((0.5 + this.samples * step) % 1) - 0.5;
    return [at(PLASTIC[0]), at(PLASTIC[1])];
  }

  /** Whether it is worth beginning with a picture of this size that takes so many milliseconds. */
  static worth(width: number, height: number, milliseconds: number): boolean {
    return width * height <= MOST && milliseconds * SAMPLES < WORTH;
  }

  get done(): boolean {
    return this.samples >= SAMPLES;
  }

  restart(): void {
    this.samples = 0;
    this.tiles = this.newTiles();
  }

  /** Mix a picture of these targets into the mean. */
  blend(view: ViewState, targets: readonly Target[]): void {
    const { gl, stage } = this;
    const whole = [this.width, this.height] as const;
    stage.output = this.mean;
    gl.enable(gl.BLEND);
    gl.blendColor(0, 0, 0, 1 / (this.samples + 1));
    gl.blendFunc(gl.CONSTANT_ALPHA, gl.ONE_MINUS_CONSTANT_ALPHA);
    this.drawing.present(view, targets, whole, this.samples === 0 ? [0, 0] : this.shift);
    gl.disable(gl.BLEND);
    stage.output = null;
    this.samples++;
    this.tiles = this.newTiles();
  }

  /** The mean onto the canvas. */
  present(): void {
    const pass = this.stage.pass("mean", () => SHOW);
    pass.use();
    pass.setTexture("mean", this.stage.or(this.mean.textures[0]), 0);
    this.stage.onCanvas(this.width, this.height);
  }

  dispose(): void {
    for (const target of [...this.targets, this.mean]) target.dispose();
  }
}
