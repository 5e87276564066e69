/** Draws what is shown onto a canvas: coarse while something moves, exact when it is still. */

import type { Bytes } from "../field/textures";
import type { Shown, Stored } from "../protocol";
import { type Camera, eased, flown, upright } from "./camera";
import { type Drawing, type Legend, wantsOther } from "./drawing";
import { drawingOf } from "./drawings";
import { encoded } from "./encoded";
import { Enlarging } from "./enlarging";
import { DrawnField } from "./field";
import { type Format, type GL, Target, floatFormat, isSoftware } from "./gl";
import { clampedPlane, deepest, isFlat, magnification } from "./plane";
import { type Place, placeUnder } from "./reading";
import { Smoother } from "./smoother";
import { Stage, type TruthPicture } from "./stage";
import { Pace, Tiles } from "./tiles";
import { type ViewState, asView } from "./view";
import { Warming } from "./warming";
import { wordsOf } from "../fault";

/** How good the picture is that stands on the canvas. */
export interface PaintState {
  /** Whether each pixel shows the field's value at its centre. */
  readonly exact: boolean;
  /** Of a preview: how many times coarser it is along each side. */
  readonly factor: number;
  /** The share of the picture that is exact. */
  readonly share: number;
  /** What the last whole picture took to draw. */
  readonly milliseconds: number;
  /** What an exact picture is expected to take. */
  readonly expected: number;
  /** Whether a shader is being compiled before there can be a picture. */
  readonly compiling: boolean;
  /** Canvas pixels per pixel of an image; null for others. */
  readonly magnification: number | null;
  /** Whether nearer pixels would have one coordinate in float32. */
  readonly deepest: boolean;
  readonly legend: Legend | null;
  /** Why there is no picture. */
  readonly problem: string | null;
}

interface Snapshot {
  readonly arrays: readonly Stored[];
  readonly bytes: Bytes;
}

/** What outlives a lost context: all that was handed in. */
interface Kept {
  readonly shown: (Shown | null)[];
  readonly snapshots: (Snapshot | null)[];
  photos: ReadonlyMap<number, TexImageSource>;
  truth: TruthPicture | null;
}

/** What is made anew when a context comes back. */
interface Machine {
  readonly stage: Stage;
  readonly drawing: Drawing;
  readonly format: Format;
  readonly enlarging: Enlarging;
}

/** All of a picture that is so many times coarser, drawn bit by bit; a target for each field. */
interface Sweep {
  readonly factor: number;
  readonly tiles: Tiles;
  readonly targets: readonly Target[];
}

type Shift = readonly [number, number];

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

const REST = 120; // milliseconds without motion after which a picture is made exact
const FLIGHT = 700;
const PATIENCE = 250; // a sweep that takes longer is preceded by coarser ones
const LIVELY = 1000; // an exact picture that takes longer gives way to newer weights
const LONGEST = 200; // milliseconds of drawing per frame, where showing what is drawn takes as long
const GONE = "something else is shown now";

export class Painter {
  /** Whether the machine draws without a graphics card. */
  readonly software: boolean;
  private readonly gl: GL;
  private readonly kept: Kept;
  private machine: Machine | null = null;
  private targets: (Target | null)[] = [null, null];
  private readonly coarse: (Target | null)[] = [null, null];
  private smoother: Smoother | null = null;
  private current: ViewState;
  private drawnKey = "";
  private sweep: Sweep | null = null;
  private compiling = false;
  private factor = 1;
  private levels: number[] = [];
  private moved = 0;
  private measured = false;
  private stale = true; // the canvas, while values may be right
  private exact = false;
  private milliseconds = 0;
  private frame = 0;
  private flight: { from: Camera; to: Camera; start: number; duration: number } | null = null;
  private problem: string | null = null;
  private readonly pace = new Pace();
  private readonly warming: Warming;
  private readonly listeners = new Set<(state: PaintState) => void>();
  private readonly waiting: Waiting[] = [];
  private readonly waitingForAll: Waiting[] = [];
  private busy = true; // there is more to do
  private disposed = false;

  /**
   * Draws `shown` onto a canvas whose width and height say how many pixels there are.
   *
   * Throws an Error where the browser cannot: the server has to draw then.
   */
  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly shown: Shown,
  ) {
    const power = "high-performance";
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: power });
    if (gl === null) throw new Error("this browser has no WebGL 2");
    this.gl = gl;
    this.software = isSoftware(gl);
    this.warming = new Warming(gl, this.pace);
    this.kept = { shown: [shown, null], snapshots: [null, null], photos: new Map(), truth: null };
    this.current = asView({}, shown);
    this.build();
    canvas.addEventListener("webglcontextlost", this.onLost);
    canvas.addEventListener("webglcontextrestored", this.onRestored);
  }

  /** What is to be seen: plain data, brought into range. */
  get view(): ViewState {
    return this.current;
  }

  set view(view: ViewState) {
    this.flight = null;
    this.show(view);
  }

  /** A snapshot of the field's weights, or of the second field's. The bytes are kept. */
  setWeights(arrays: readonly Stored[], bytes: Bytes, field: 0 | 1 = 0): void {
    this.kept.snapshots[field] = { arrays, bytes };
    this.machine?.stage.fields[field]?.set(arrays, bytes);
    this.again();
  }

  /** A second field of the same kind, to be compared with; null for none. */
  setOther(shown: Shown | null): void {
    if (this.kept.shown[1] === shown) return;
    this.kept.shown[1] = shown;
    this.kept.snapshots[1] = null;
    this.makeField(1);
    this.drawnKey = "";
    this.request();
  }

  /** An image signal's values. */
  setTruth(told: TruthPicture["told"], bytes: Bytes): void {
    this.kept.truth = { told, bytes };
    this.machine?.stage.setTruth(this.kept.truth);
    this.measured = false;
    this.paint();
  }

  /** All photos of views that there are; they must not be closed until others take their place. */
  setPhotos(photos: ReadonlyMap<number, TexImageSource>): void {
    this.kept.photos = photos;
    if (this.machine?.stage.setPhotos(photos) === true) this.paint();
  }

  /** Put the picture on the canvas again, in the next frame of the screen. */
  paint(): void {
    this.stale = true;
    this.request();
  }

  /** Give the canvas another number of pixels. */
  resize(width: number, height: number): void {
    const [w, h] = [Math.max(1, Math.round(width)), Math.max(1, Math.round(height))];
    if (this.canvas.width === w && this.canvas.height === h) return;
    this.canvas.width = w;
    this.canvas.height = h;
    this.show(this.current);
    this.paint();
  }

  /** Calls back with each new state; returns what ends that. */
  onState(listener: (state: PaintState) => void): () => void {
    this.listeners.add(listener);
    listener(this.state);
    return () => this.listeners.delete(listener);
  }

  /** Whether the graphics card was taken away; it may come back. */
  get lost(): boolean {
    return this.gl.isContextLost();
  }

  get state(): PaintState {
    const { width, height } = this.canvas;
    const { kind, size } = this.shown;
    const flat = isFlat(this.shown);
    const pixels = size ?? ([1, 1] as const);
    const limit = flat ? deepest(this.current.centre, pixels, width, height) : Number.POSITIVE_INFINITY;
    return {
      exact: this.exact,
      factor: this.exact ? 1 : this.factor,
      share: this.exact ? 1 : this.factor === 1 ? (this.sweep?.tiles.share ?? 0) : 0,
      milliseconds: this.milliseconds,
      expected: this.pace.predicted(width * height * this.wanted().length),
      compiling: this.compiling,
      magnification: kind === "image" ? magnification(this.current, pixels, width, height) : null,
      deepest: this.current.zoom >= limit * (1 - 1e-9),
      legend: this.machine?.drawing.legend(this.current) ?? null,
      problem: this.problem,
    };
  }

  /** When the picture is exact. Rejected where there will be none. */
  settled(): Promise<void> {
    return this.when(this.exact && !this.stale, this.waiting);
  }

  /** When the picture is exact and its edges are smooth. Rejected where there will be none. */
  finished(): Promise<void> {
    return this.when(this.exact && !this.stale && !this.busy, this.waitingForAll);
  }

  private when(now: boolean, waiting: Waiting[]): Promise<void> {
    if (this.disposed) return Promise.reject(new Error(GONE));
    if (now) return Promise.resolve();
    this.request();
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  }

  /** Who waits for a picture gets none. */
  private refuse(why: string): void {
    for (const { reject } of [...this.waiting.splice(0), ...this.waitingForAll.splice(0)]) reject(new Error(why));
  }

  /** The exact picture as a file. */
  async picture(): Promise<Blob> {
    await this.finished();
    this.repaint();
    return encoded(this.canvas);
  }

  /** Fly to a camera; at once where motion is not wanted. */
  flyTo(to: Camera, duration: number = FLIGHT): void {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still || duration <= 0) {
      this.view = { ...this.current, camera: to };
      return;
    }
    const [from, end] = [this.current.camera, to].map((camera) => upright(camera, this.shown.views));
    this.flight = { from: from as Camera, to: end as Camera, start: performance.now(), duration };
    this.request();
  }

  /** What lies under a pixel of the canvas, y down; null where nothing does. */
  value(x: number, y: number): Place | null {
    const { shown, current: view } = this;
    const [width, height] = this.whole();
    return placeUnder({ shown, view, width, height, target: this.targets[0], truth: this.kept.truth }, x, y);
  }

  /** The computed values [height, width, 4] of the picture, from its top, of one of its textures. */
  read(texture = 0, field: 0 | 1 = 0): Float32Array {
    const target = this.targets[field];
    if (!target) throw new Error("nothing is drawn yet");
    return target.read(texture);
  }

  dispose(): void {
    this.disposed = true;
    cancelAnimationFrame(this.frame);
    this.canvas.removeEventListener("webglcontextlost", this.onLost);
    this.canvas.removeEventListener("webglcontextrestored", this.onRestored);
    this.freeTargets();
    this.machine?.drawing.dispose();
    this.machine?.stage.dispose();
    this.machine = null;
    this.gl.getExtension("WEBGL_lose_context")?.loseContext(); // a browser keeps few of them
    this.refuse(GONE);
  }

  private readonly onLost = (event: Event): void => {
    event.preventDefault(); // else it never comes back
    this.machine = null;
    this.forgetTargets();
    this.exact = false;
    this.problem = "the graphics card was taken away";
    this.tell();
  };

  private readonly onRestored = (): void => {
    this.problem = null;
    this.drawnKey = "";
    this.build();
    this.paint();
  };

  private build(): void {
    const { gl, kept } = this;
    const stage = new Stage(gl, this.shown);
    this.machine = { stage, drawing: drawingOf(stage), format: floatFormat(gl), enlarging: new Enlarging(gl) };
    for (const field of [0, 1] as const) this.makeField(field);
    if (kept.truth !== null) stage.setTruth(kept.truth);
    stage.setPhotos(kept.photos);
  }

  private makeField(number: 0 | 1): void {
    const { machine, kept } = this;
    const shown = kept.shown[number] ?? null;
    if (machine === null) return;
    machine.stage.fields[number]?.dispose();
    machine.stage.forget(number);
    machine.stage.fields[number] = null;
    if (shown === null) return;
    if (shown.program === null) throw new Error(shown.reason ?? "");
    const field = new DrawnField(this.gl, shown, shown.program);
    machine.stage.fields[number] = field;
    const snapshot = kept.snapshots[number];
    if (snapshot) field.set(snapshot.arrays, snapshot.bytes);
  }

  private show(given: ViewState): void {
    const { width, height } = this.canvas;
    const view = asView(given, this.shown);
    const plane = isFlat(this.shown) ? clampedPlane(view, this.shown.size ?? [1, 1], width, height) : {};
    const before = this.current;
    this.current = { ...view, ...plane };
    const judged = (state: ViewState): string => JSON.stringify([state.mode, state.channel, state.against]);
    if (judged(before) !== judged(this.current)) this.measured = false;
    this.paint();
  }

  /** All values are to be computed anew, for the same view. */
  private again(): void {
    this.exact = false;
    this.measured = false;
    this.levels = [];
    const { width, height } = this.canvas;
    const soon = this.pace.predicted(width * height * this.wanted().length) < LIVELY;
    if (this.sweep?.factor === 1 && soon) this.sweep.tiles.again();
    else this.drawnKey = ""; // what changes while a picture is drawn is seen coarse, not in strips
    this.request();
  }

  private request(): void {
    if (this.frame === 0 && !this.disposed) this.frame = requestAnimationFrame(this.onFrame);
  }

  private readonly onFrame = (): void => {
    this.frame = 0;
    if (this.machine === null || this.disposed) return;
    try {
      this.fly();
      if (this.step(this.machine)) this.request();
      this.problem = null;
    } catch (error) {
      if (this.gl.isContextLost()) return;
      this.problem = wordsOf(error);
      this.refuse(this.problem);
    }
    this.tell();
  };

  private fly(): void {
    if (this.flight === null) return;
    const { from, to, start, duration } = this.flight;
    const share = Math.min((performance.now() - start) / duration, 1);
    this.show({ ...this.current, camera: flown(from, to, eased(share)) });
    if (share >= 1) this.flight = null;
  }

  /** Something of the picture. Returns whether there is more to do. */
  private step(machine: Machine): boolean {
    const fields = this.wanted();
    if (!fields.every((number) => machine.stage.fields[number]?.ready)) return false;
    const size = this.allot(machine, fields);
    this.compiling = fields.map((number) => this.isWarm(machine, number)).includes(false);
    if (this.compiling) return true;
    const key = JSON.stringify([machine.drawing.key(this.current), this.current.hidden, size, fields]);
    if (key !== this.drawnKey) this.begin(machine, key, fields);
    else if (!this.exact && performance.now() - this.moved >= REST) this.refine(machine, fields);
    if (this.stale) this.present();
    if (this.exact) for (const { resolve } of this.waiting.splice(0)) resolve();
    this.busy = !this.exact || this.flight !== null || this.smooth(machine, fields);
    if (!this.busy) for (const { resolve } of this.waitingForAll.splice(0)) resolve();
    return this.busy;
  }

  /** Some more of the smooth picture. Returns whether there is more to do. */
  private smooth(machine: Machine, fields: readonly number[]): boolean {
    const { gl } = this;
    const { stage, drawing, format } = machine;
    const [width, height] = this.whole();
    if (!drawing.smoothed(this.current, [width, height])) return false;
    if (!Smoother.worth(width, height, this.milliseconds)) return false;
    const known = this.smoother;
    if (known?.width !== width || known.height !== height || known.fields !== fields.length) {
      known?.dispose();
      const tiles = (): Tiles => this.newTiles(width, height, fields.length);
      this.smoother = new Smoother(gl, stage, drawing, width, height, fields.length, format, tiles);
    }
    const smoother = this.smoother as Smoother;
    if (smoother.done) return false;
    if (smoother.samples === 0) smoother.blend(this.current, this.drawnTargets());
    this.draw(machine, fields, { factor: 1, tiles: smoother.tiles, targets: smoother.targets }, smoother.shift);
    if (smoother.tiles.finished) {
      smoother.blend(this.current, smoother.targets);
      this.repaint();
    }
    return !smoother.done;
  }

  private newTiles(width: number, height: number, fields: number): Tiles {
    const pixels = width * height * fields;
    const known = this.pace.perPixel !== null;
    return new Tiles(width, height, known ? this.pace.pixels(this.pace.budget(pixels) / 2) / fields : 0);
  }

  /** The fields that the view needs. */
  private wanted(): number[] {
    return wantsOther(this.current) && this.kept.shown[1] ? [0, 1] : [0];
  }

  private whole(): readonly [number, number] {
    return [this.canvas.width, this.canvas.height];
  }

  /** Targets of the right size. */
  private allot({ drawing, format }: Machine, fields: readonly number[]): readonly [number, number] {
    const size = drawing.size(this.current, this.whole());
    for (const number of [0, 1]) {
      const target = this.targets[number];
      const fits = target && target.width === size[0] && target.height === size[1];
      if (target && !(fits && fields.includes(number))) {
        target.dispose();
        this.targets[number] = null;
      }
      if (!this.targets[number] && fields.includes(number)) {
        this.targets[number] = new Target(this.gl, size[0], size[1], drawing.attachments, format);
        this.drawnKey = "";
      }
    }
    return size;
  }

  /** After a motion: all of the picture at once, as fine as there is time for. */
  private begin(machine: Machine, key: string, fields: readonly number[]): void {
    const [target] = this.targets as [Target];
    const pixels = target.width * target.height;
    this.drawnKey = key;
    this.moved = performance.now();
    this.exact = false;
    this.measured = false;
    this.stale = true;
    this.factor = this.pace.factor(pixels * fields.length);
    this.levels = [];
    this.sweep = null;
    if (this.factor === 1) {
      this.moved = 0;
      this.refine(machine, fields);
      return;
    }
    const sweep = this.newSweep(machine, fields, this.factor);
    this.milliseconds = 0;
    while (!sweep.tiles.finished) this.milliseconds += this.draw(machine, fields, sweep, [0, 0]);
    this.enlarge(machine, fields, sweep);
    this.levels = this.levelsFrom(this.factor, pixels * fields.length);
  }

  /** Whether it is known how long a field's picture takes, without waiting for compilers. */
  private isWarm(machine: Machine, number: number): boolean {
    const target = this.targets[number] as Target;
    const pass = machine.drawing.pass(this.current, number);
    return this.warming.done(pass, target, () => this.prepare(machine, number, target, 1, [0, 0]));
  }

  /** Coarser pictures that come before the exact one where that takes long. */
  private levelsFrom(factor: number, pixels: number): number[] {
    const levels: number[] = [];
    for (let level = factor / 4; level > 1; level /= 4) {
      if (this.pace.predicted(pixels) > PATIENCE) levels.push(level);
    }
    return levels;
  }

  private newSweep(machine: Machine, fields: readonly number[], factor: number): Sweep {
    const targets = factor === 1 ? this.drawnTargets() : this.coarseTargets(machine, fields, factor);
    const [{ width, height }] = targets as [Target];
    return { factor, targets, tiles: this.newTiles(width, height, fields.length) };
  }

  private coarseTargets(machine: Machine, fields: readonly number[], factor: number): Target[] {
    return fields.map((number) => {
      const fine = this.targets[number] as Target;
      const [width, height] = [Math.ceil(fine.width / factor), Math.ceil(fine.height / factor)];
      const known = this.coarse[number];
      if (known?.width === width && known.height === height) return known;
      known?.dispose();
      return (this.coarse[number] = new Target(this.gl, width, height, machine.drawing.attachments, machine.format));
    });
  }

  private enlarge({ enlarging, drawing }: Machine, fields: readonly number[], { factor, targets }: Sweep): void {
    enlarging.draw(drawing, factor, targets, fields.map((number) => this.targets[number]));
    drawing.measure(this.current, this.drawnTargets()); // roughly: once more when it is exact
  }

  /** Some more of the next finer picture, within the time that a frame has. */
  private refine(machine: Machine, fields: readonly number[]): void {
    const sweep = (this.sweep ??= this.newSweep(machine, fields, this.levels.shift() ?? 1));
    const before = sweep.tiles.share === 0 ? 0 : this.milliseconds;
    const taken = this.draw(machine, fields, sweep, [0, 0]);
    if (sweep.factor === 1) {
      this.milliseconds = before + taken;
      this.factor = 1;
      this.stale = true;
      this.finish(machine);
    } else if (sweep.tiles.finished) {
      this.enlarge(machine, fields, sweep);
      this.factor = sweep.factor;
      this.stale = true;
      this.sweep = null;
    }
  }

  /** As many tiles as a frame has time for. Returns the time. */
  private draw(machine: Machine, fields: readonly number[], sweep: Sweep, shift: Shift): number {
    const { tiles, targets, factor } = sweep;
    const asked = performance.now();
    targets[0]?.read(0, 0, 0, 1, 1); // else the first tile's time would be that of showing the last ones, too
    const start = performance.now();
    const waited = Math.min(start - asked, LONGEST);
    const budget = Math.max(this.pace.budget(tiles.width * tiles.height * fields.length), waited);
    if (fields.length === 1) this.prepare(machine, 0, targets[0] as Target, factor, shift);
    do this.drawTile(machine, fields, sweep, shift, budget);
    while (!tiles.finished && performance.now() - start < 0.75 * budget);
    return performance.now() - start;
  }

  private prepare({ drawing }: Machine, number: number, target: Target, factor: number, shift: Shift): void {
    const { width, height } = target;
    drawing.compute(this.current, number, { width, height, factor, shift }, this.whole());
    drawing.pass(this.current, number).setInt("nf_hidden", this.current.hidden);
  }

  private drawTile(
    machine: Machine,
    fields: readonly number[],
    { tiles, targets, factor }: Sweep,
    shift: Shift,
    budget: number,
  ): void {
    const tile = tiles.next(this.pace.pixels(budget / 2) / fields.length);
    if (tile === null) return;
    const start = performance.now();
    const { left, top, width, height } = tile;
    fields.forEach((number, k) => {
      const target = targets[k] as Target;
      if (fields.length > 1) this.prepare(machine, number, target, factor, shift);
      target.draw(left, top, width, height);
      target.read(0, left, top, 1, 1); // waits for it
    });
    this.pace.observe(width * height * fields.length, performance.now() - start);
  }

  private finish(machine: Machine): void {
    if (!this.sweep?.tiles.finished) return;
    this.exact = true;
    if (!this.measured) machine.drawing.measure(this.current, this.drawnTargets());
    this.measured = true;
  }

  private drawnTargets(): Target[] {
    return this.targets.filter((target): target is Target => target !== null);
  }

  /** Draw what is known onto the canvas, at once. */
  present(): void {
    if (this.machine === null || this.targets[0] === null) return;
    const { drawing } = this.machine;
    if (this.exact && !this.measured) {
      drawing.measure(this.current, this.drawnTargets());
      this.measured = true;
    }
    drawing.present(this.current, this.drawnTargets(), this.whole());
    drawing.cover?.(this.current, this.drawnTargets(), this.whole());
    this.stale = false;
    this.smoother?.restart();
  }

  /** What stands on the canvas, again: a browser forgets it once it is on the screen. */
  private repaint(): void {
    if ((this.smoother?.samples ?? 0) < 2) return this.present();
    this.smoother?.present();
    this.machine?.drawing.cover?.(this.current, this.drawnTargets(), this.whole());
  }

  private tell(): void {
    const { state } = this;
    for (const listener of this.listeners) listener(state);
  }

  private freeTargets(): void {
    for (const target of [...this.targets, ...this.coarse, this.smoother]) target?.dispose();
    this.forgetTargets();
  }

  private forgetTargets(): void {
    this.smoother = null;
    this.sweep = null;
    this.targets = [null, null];
    this.coarse.fill(null);
  }
}
