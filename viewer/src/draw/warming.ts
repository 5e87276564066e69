/** Learning what a pass takes, without waiting for compilers. */

import { type GL, type Pass, type Target, fence } from "./gl";
import type { Pace } from "./tiles";

const PROBED = 12; // pixels a side that tell how long drawing takes
const LONG_AGO = (): boolean => true;

export class Warming {
  /** Of each pass whether its first pixel is drawn; then it is known what it takes. */
  private readonly warmed = new WeakMap<Pass, () => boolean>();

  constructor(
    private readonly gl: GL,
    private readonly pace: Pace,
  ) {}

  /**
   * Learns the pace of a pass: its first pixel waits for compilers, for which the page does not wait, its second one
   * tells what waiting costs, and a few in the middle what a picture will take. Whether that is known.
   *
   * `prepare` puts the pass in use, ready to draw the target.
   */
  done(pass: Pass, target: Target, prepare: () => void): boolean {
    const first = this.warmed.get(pass);
    if (first === LONG_AGO) return true;
    if (!pass.ready || first?.() === false) return false;
    prepare();
    if (first === undefined) {
      target.draw(0, 0, 1, 1);
      this.warmed.set(pass, fence(this.gl));
      return false;
    }
    const start = performance.now();
    target.draw(0, 0, 1, 1);
    target.read(0, 0, 0, 1, 1);
    this.pace.overhead = performance.now() - start;
    this.probe(target);
    this.warmed.set(pass, LONG_AGO);
    return true;
  }

  private probe(target: Target): void {
    const [width, height] = [Math.min(PROBED, target.width), Math.min(PROBED, target.height)];
    const [left, top] = [(target.width - width) >> 1, (target.height - height) >> 1];
    const start = performance.now();
    target.draw(left, top, width, height);
    target.read(0, left, top, 1, 1);
    this.pace.observe(width * height, performance.now() - start);
  }
}
