/** Pointers, wheel and keys on a picture. What a pointer can do, a key can do too. */

import { type Camera, advanced, cameraOf, dollied, orbited, panned } from "./draw/camera";
import type { Place } from "./draw/reading";
import { isFlat, movedBy, windowOf, zoomedAt } from "./draw/plane";
import { add, clamp, subtract } from "./draw/vectors";
import { type ViewState, defaultView } from "./draw/view";
import type { Shown } from "./protocol";

/** For the page's help. */
export interface Help {
  readonly keys: string;
  readonly does: string;
}

/** What a painter is to who only looks: something else may draw as well. */
export interface Picture {
  readonly canvas: HTMLCanvasElement;
  readonly shown: Shown;
  view: ViewState;
  flyTo(camera: Camera): void;
  value(x: number, y: number): Place | null;
}

type Point = readonly [number, number];

const GRIP = 12; // CSS pixels around the slider within which it can be taken
const TURN = Math.PI / 18;
const STEP = 0.1; // of the picture
const ZOOM = 1.25;
const SPLIT = 0.02;
const WHEEL = 0.0015;
const LINE = 33; // pixels that a wheel's line or page counts as
const RADIANS_PER_HEIGHT = 3.5;

const PLANE_HELP: readonly Help[] = [
  { keys: "drag, arrows", does: "move; with shift by single pixels" },
  { keys: "wheel, pinch, + and −", does: "zoom, where the pointer is" },
  { keys: "double click", does: "zoom in twice" },
  { keys: "0", does: "the whole picture" },
];
const SPACE_HELP: readonly Help[] = [
  { keys: "drag, arrows", does: "turn around the target" },
  { keys: "shift or right drag, two fingers, shift and arrows", does: "move" },
  { keys: "wheel, pinch, + and −", does: "nearer and farther" },
  { keys: "PageUp and PageDown", does: "forwards and backwards" },
  { keys: "[ and ]", does: "previous and next camera" },
  { keys: "0", does: "back to the beginning" },
];
const TARGET_HELP: Help = { keys: "double click, c", does: "make what is there, or in the middle, the target" };
const SPLIT_HELP: Help = { keys: "drag the line, comma and full stop", does: "move the slider of a split picture" };

/** `meets`: whether it is known what rays meet. */
export function helpFor(shown: Shown, meets: boolean): readonly Help[] {
  return isFlat(shown) ? [...PLANE_HELP, SPLIT_HELP] : [...SPACE_HELP, ...(meets ? [TARGET_HELP, SPLIT_HELP] : [])];
}

/** Canvas pixels of a place on the page. */
export function pixelAt(canvas: HTMLCanvasElement, event: { clientX: number; clientY: number }): Point {
  const box = canvas.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return [x * canvas.width, y * canvas.height];
}

/** Turns what is done on a picture's canvas into changes of its view, from when it is made until `dispose`. */
export class Input {
  private readonly canvas: HTMLCanvasElement;
  private readonly pointers = new Map<number, Point>();
  private gesture: "split" | "turn" | "move" = "move";
  private readonly end = new AbortController();

  constructor(private readonly painter: Picture) {
    this.canvas = painter.canvas;
    this.canvas.style.touchAction = "none"; // else a browser scrolls and zooms the page
    const { signal } = this.end;
    this.canvas.addEventListener("pointerdown", (event) => this.onDown(event), { signal });
    this.canvas.addEventListener("pointermove", (event) => this.onMove(event), { signal });
    for (const name of ["pointerup", "pointercancel"] as const) {
      this.canvas.addEventListener(name, (event) => this.pointers.delete(event.pointerId), { signal });
    }
    this.canvas.addEventListener("wheel", (event) => this.onWheel(event), { signal, passive: false });
    this.canvas.addEventListener("dblclick", (event) => this.onDouble(event), { signal });
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    this.canvas.addEventListener("keydown", (event) => this.onKey(event), { signal });
  }

  dispose(): void {
    this.end.abort();
  }

  private get flat(): boolean {
    return isFlat(this.painter.shown);
  }

  /** A spectrum is of all of the picture: nothing of it is nearer or elsewhere. */
  private get fixed(): boolean {
    return this.painter.view.mode === "spectrum";
  }

  private change(change: Partial<ViewState>): void {
    this.painter.view = { ...this.painter.view, ...change };
  }

  private onDown(event: PointerEvent): void {
    const at = pixelAt(this.canvas, event);
    const { view } = this.painter;
    const ratio = this.canvas.width / Math.max(this.canvas.clientWidth, 1);
    const near = Math.abs(at[0] - view.split * this.canvas.width) < GRIP * ratio;
    const splits = view.mode === "split" || view.mode === "spectrum";
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size > 1) return;
    if (splits && near && event.button === 0) this.gesture = "split";
    else this.gesture = this.flat || event.shiftKey || event.button !== 0 ? "move" : "turn";
  }

  private onMove(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return;
    const at = pixelAt(this.canvas, event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, at);
    if (other !== undefined) this.pinch(other, before, at);
    else if (this.gesture === "split") this.change({ split: clamp(at[0] / this.canvas.width, 0, 1) });
    else if (this.gesture === "turn") this.turn(...subtractPoints(at, before));
    else this.move(...subtractPoints(at, before));
  }

  /** Two fingers, of which one has moved. */
  private pinch(still: Point, before: Point, at: Point): void {
    const distance = (point: Point): number => Math.max(Math.hypot(...subtractPoints(point, still)), 1);
    const middle: Point = [(still[0] + at[0]) / 2, (still[1] + at[1]) / 2];
    const [dx, dy] = subtractPoints(at, before);
    this.move(dx / 2, dy / 2);
    this.zoom(distance(at) / distance(before), middle);
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 0 ? 1 : LINE);
    const speed = event.ctrlKey ? 6 * WHEEL : WHEEL; // a touchpad's pinch
    this.zoom(Math.exp(-clamp(pixels, -400, 400) * speed), pixelAt(this.canvas, event));
  }

  private onDouble(event: MouseEvent): void {
    if (this.flat) this.zoom(2, pixelAt(this.canvas, event));
    else this.lookAt(pixelAt(this.canvas, event));
  }

  private turn(x: number, y: number): void {
    const share = RADIANS_PER_HEIGHT / this.canvas.height;
    this.change({ camera: orbited(this.painter.view.camera, -x * share, y * share) });
  }

  /** What is seen goes along by so many pixels. */
  private move(x: number, y: number): void {
    const { view, shown } = this.painter;
    const { width, height } = this.canvas;
    if (this.fixed) return;
    if (!this.flat) this.change({ camera: panned(view.camera, -x / height, y / height) });
    else this.change(movedBy(view, windowOf(view, shown.size ?? [1, 1], width, height), x, y));
  }

  private zoom(factor: number, at: Point): void {
    const { view, shown } = this.painter;
    const { width, height } = this.canvas;
    if (this.fixed) return;
    if (!this.flat) this.change({ camera: dollied(view.camera, 1 / factor) });
    else this.change(zoomedAt(view, factor, at, shown.size ?? [1, 1], width, height));
  }

  /** Make what is at a pixel the target: the camera turns towards it where it stands. */
  private lookAt(at: Point): void {
    const found = this.painter.value(...at);
    if (found === null) return;
    const { camera } = this.painter.view;
    const [x, y, z] = found.x as [number, number, number];
    const off = subtract([x, y, z], camera.target);
    this.painter.flyTo({ ...camera, target: [x, y, z], eye: add(camera.eye, off), view: null });
  }

  private jump(by: number): void {
    const { views } = this.painter.shown;
    const now = this.painter.view.camera.view ?? (by > 0 ? -1 : 0);
    const camera = cameraOf(views, (now + by + views.length) % views.length);
    if (camera !== null) this.painter.flyTo(camera);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow !== undefined) this.onArrow(...arrow, event.shiftKey);
    else if (!this.onOther(event.key)) return;
    event.preventDefault();
  }

  private onArrow(x: number, y: number, shift: boolean): void {
    const { width, height } = this.canvas;
    const step = this.flat && shift ? 1 : STEP * Math.min(width, height);
    if (this.flat || shift) return this.move(-x * step, -y * step);
    this.change({ camera: orbited(this.painter.view.camera, x * TURN, -y * TURN) });
  }

  private onOther(key: string): boolean {
    const { painter, canvas } = this;
    const middle: Point = [canvas.width / 2, canvas.height / 2];
    const { split, camera } = painter.view;
    if (key === "+" || key === "=") this.zoom(ZOOM, middle);
    else if (key === "-" || key === "_") this.zoom(1 / ZOOM, middle);
    else if (key === "0") this.reset();
    else if (key === ",") this.change({ split: clamp(split - SPLIT, 0, 1) });
    else if (key === ".") this.change({ split: clamp(split + SPLIT, 0, 1) });
    else if (this.flat) return false;
    else if (key === "PageUp" || key === "PageDown") {
      this.change({ camera: advanced(camera, key === "PageUp" ? STEP : -STEP) });
    } else if (key === "c") this.lookAt(middle);
    else if (key === "[" || key === "]") this.jump(key === "]" ? 1 : -1);
    else return false;
    return true;
  }

  private reset(): void {
    const { centre, zoom, camera } = defaultView(this.painter.shown);
    if (this.flat) this.change({ centre, zoom });
    else this.painter.flyTo(camera);
  }
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const subtractPoints = (a: Point, b: Point): [number, number] => [a[0] - b[0], a[1] - b[1]];
