/** Drawing a picture bit by bit: what comes next, and how long it will take. */

export interface Tile {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Milliseconds of drawing per frame of the screen; of a machine that is so slow that pictures take a second. */
export const BUDGET = 12;
export const SLOW_BUDGET = 50;
const SLOW = 1000;
const SIDE = 64;
const LEAST_SIDE = 8;
const COARSEST = 64;

const areaOf = (tile: Tile): number => tile.width * tile.height;

/** What of a picture is still to be drawn; the middle comes first. */
export class Tiles {
  private queue: Tile[];
  private done: Tile[] = [];

  /** `pixels`: about as many of a tile as can be drawn at once; they are never smaller than 64 by 64 here. */
  constructor(
    readonly width: number,
    readonly height: number,
    pixels = 0,
  ) {
    const side = Math.max(SIDE, Math.floor(Math.sqrt(pixels)));
    this.queue = [];
    for (let top = 0; top < height; top += side) {
      for (let left = 0; left < width; left += side) {
        this.queue.push({ left, top, width: Math.min(side, width - left), height: Math.min(side, height - top) });
      }
    }
    const off = (tile: Tile): number =>
      Math.hypot(tile.left + tile.width / 2 - width / 2, tile.top + tile.height / 2 - height / 2);
    this.queue.sort((a, b) => off(a) - off(b));
  }

  get finished(): boolean {
    return this.queue.length === 0;
  }

  /** The share of the picture that is drawn. */
  get share(): number {
    return this.done.reduce((sum, tile) => sum + areaOf(tile), 0) / (this.width * this.height);
  }

  /** All is to be drawn again; what is not drawn yet comes first, so that no part waits for ever. */
  again(): void {
    this.queue.push(...this.done);
    this.done = [];
  }

  /** The next tile, of about as many pixels as asked for at most; the caller draws it. */
  next(pixels: number): Tile | null {
    for (;;) {
      const tile = this.queue.shift();
      if (tile === undefined) return null;
      if (areaOf(tile) <= pixels || Math.max(tile.width, tile.height) <= LEAST_SIDE) {
        this.done.push(tile);
        return tile;
      }
      this.queue.unshift(...halves(tile));
    }
  }
}

/** A tile cut across its longer side. */
export function halves({ left, top, width, height }: Tile): [Tile, Tile] {
  if (width >= height) {
    const half = width >> 1;
    return [
      { left, top, width: half, height },
      { left: left + half, top, width: width - half, height },
    ];
  }
  const half = height >> 1;
  return [
    { left, top, width, height: half },
    { left, top: top + half, width, height: height - half },
  ];
}

/** How long drawing takes, learnt from what it took. */
export class Pace {
  /** Milliseconds per pixel; null before anything was drawn. */
  perPixel: number | null = null;
  /** Milliseconds that it takes to draw next to nothing and to wait for it. */
  overhead = 0;

  observe(pixels: number, ms: number): void {
    const seen = Math.max(ms - this.overhead, 0.05 * ms, 1e-3) / pixels;
    this.perPixel = this.perPixel === null ? seen : Math.max(0.7 * this.perPixel + 0.3 * seen, 0.9 * seen);
  }

  predicted(pixels: number): number {
    return (this.perPixel ?? 0.01) * pixels;
  }

  /** For one frame, where the whole picture has so many pixels. */
  budget(pixels: number): number {
    return this.predicted(pixels) > SLOW ? SLOW_BUDGET : BUDGET;
  }

  /** Pixels that can be drawn in a time. */
  pixels(ms: number): number {
    return this.perPixel === null ? LEAST_SIDE ** 2 : Math.max(ms / this.perPixel, 1);
  }

  /** How many times coarser a picture has to be, along each side, to be drawn within the budget: a power of two. */
  factor(pixels: number): number {
    let factor = 1;
    const budget = this.budget(pixels);
    while (factor < COARSEST && this.predicted(pixels / factor ** 2) > budget) factor *= 2;
    return factor;
  }
}
