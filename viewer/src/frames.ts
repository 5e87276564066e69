/** Pictures that the server draws, shown as they come: coarse first, then finer. */

import { type Camera, opticsOf, poseOf } from "./draw/camera";
import { encoded } from "./draw/encoded";
import { isFlat, placeAt, windowOf } from "./draw/plane";
import type { Place } from "./draw/painter";
import { type ViewState, asView } from "./draw/view";
import { milliseconds } from "./format";
import type { Draw, Frame, FromPage, Mode, Shown } from "./protocol";

/** What the server draws of such a thing. */
export const servedModes = (shown: Pick<Shown, "kind">): readonly Mode[] =>
  isFlat(shown) ? ["fit", "truth", "error", "gradient"] : ["colour", "depth", "normal", "opacity"];

let requests = 0;

/** What to ask the server for, so that it draws what the view shows. */
export function drawOf(view: ViewState, shown: Shown, width: number, height: number): Draw {
  const mode = servedModes(shown).find((each) => each === view.mode) ?? "fit";
  const { channel, exposure, map, scale, backdrop, axis, at } = view;
  const look = { channel, exposure, map, scale, backdrop };
  const asked = { type: "draw", request: ++requests, shown: shown.id, width, height, mode, axis, at, look } as const;
  if (isFlat(shown)) {
    const window = windowOf(view, shown.size ?? [1, 1], width, height);
    const end = placeAt(window, width, height);
    return { ...asked, window: [window.left, window.top, ...end], pose: null, focal: null };
  }
  const optics = opticsOf(view.camera, width, height, shown.views);
  return { ...asked, window: null, pose: poseOf(optics), focal: optics.focal[1] / height };
}

/** Draws as `Painter` does, by asking the server. */
export class Frames {
  protected readonly context: CanvasRenderingContext2D;
  private asked = -1;
  /** Pictures that have come, and the number of the one that is shown. */
  private came = 0;
  private drawn = 0;
  private wanted = false;
  /** Pictures that the server draws are not read. */
  readonly state = { exact: true };
  /** What the ends of the picture's colours stand for. */
  legend: Frame["legend"] = null;
  protected told: (text: string) => void = () => undefined;
  protected text = "";

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly shown: Shown,
    private current: ViewState,
    private readonly post: (message: FromPage) => boolean,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("this browser gave no canvas to show pictures on");
    this.context = context;
  }

  /** Calls back with each new state of the picture, and each new view. */
  onState(told: (text: string) => void): void {
    this.told = told;
  }

  get view(): ViewState {
    return this.current;
  }

  set view(view: ViewState) {
    this.current = asView(view, this.shown);
    this.told(this.text);
    this.paint();
  }

  /** At once: on the way there would be too many pictures to ask for. */
  flyTo(camera: Camera): void {
    this.view = { ...this.current, camera };
  }

  /** At most one question per picture of the screen; a newer one takes the place of the one before. */
  paint(): void {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => {
      this.wanted = false;
      this.ask();
    });
  }

  protected ask(): void {
    const { width, height } = this.canvas;
    if (width === 0 || height === 0) return;
    const draw = drawOf(this.view, this.shown, width, height);
    if (this.post(draw)) this.asked = draw.request;
  }

  async take(frame: Frame, bytes: ArrayBuffer): Promise<void> {
    if (frame.request !== this.asked) return;
    const number = ++this.came;
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    // Small pictures are not always decoded before large ones that came later.
    if (frame.request === this.asked && number > this.drawn) {
      this.drawn = number;
      this.context.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
      const preview = `preview 1/${frame.factor}${frame.last ? ", finer once the fit rests" : ""}`;
      this.text = `${frame.factor === 1 ? "all pixels" : preview} · ${milliseconds(frame.milliseconds)}`;
      this.legend = frame.legend;
      this.told(this.text);
    }
    picture.close();
  }

  /** What is shown as a file. */
  picture(): Promise<Blob> {
    return encoded(this.canvas);
  }

  resize(width: number, height: number): void {
    this.canvas.width = Math.max(1, Math.round(width));
    this.canvas.height = Math.max(1, Math.round(height));
    this.paint();
  }

  /** What lies under a pixel of the canvas; null where telling that takes the surface. */
  value(x: number, y: number): Place | null {
    if (!isFlat(this.shown)) return null;
    const { width, height } = this.canvas;
    const [u, v] = placeAt(windowOf(this.view, this.shown.size ?? [1, 1], width, height), x, y);
    if (Math.abs(u) > 1 || Math.abs(v) > 1) return null;
    const place = this.shown.kind === "image" ? [u, v] : inSlice(u, v, this.view);
    return { x: place, values: null, truth: null, depth: null };
  }

  dispose(): void {
    this.asked = -1;
  }
}

/** A place of the plane that `slices` show, in space. */
export function inSlice(u: number, v: number, view: ViewState): readonly number[] {
  const place = [u, v];
  place.splice(view.axis, 0, view.at);
  return place;
}
