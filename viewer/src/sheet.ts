import { encoded } from "./draw/encoded";
import type { Camera } from "./draw/camera";
import { type Place, placeUnder } from "./draw/reading";
import { type ViewState, asView } from "./draw/view";
import type { Frame, Shown } from "./protocol";

/** A canvas on which there are pictures that are made elsewhere: what a painter is to the page, without a field. */
export class Sheet {
  readonly context: CanvasRenderingContext2D;
  /** Pictures that are made elsewhere are not read. */
  readonly state = { exact: true };
  /** What the ends of the picture's colours stand for. */
  legend: Frame["legend"] = null;
  private told: (text: string) => void = () => undefined;
  private text = "waiting for the picture";
  private frame = 0;

  /** `renew` sees to it that the view is shown. */
  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly shown: Shown,
    private current: ViewState,
    private readonly renew: () => void,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("this browser gave no canvas");
    this.context = context;
  }

  /** Calls back with each new state of the picture, and each new view. */
  onState(told: (text: string) => void): void {
    this.told = told;
  }

  tell(text: string = this.text): void {
    this.text = text;
    this.told(text);
  }

  get view(): ViewState {
    return this.current;
  }

  set view(view: ViewState) {
    this.current = asView(view, this.shown);
    this.tell();
    this.paint();
  }

  /** At once: on the way there would be too many pictures. */
  flyTo(camera: Camera): void {
    this.view = { ...this.current, camera };
  }

  /** At most once per picture of the screen. */
  paint(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.canvas.width > 0 && this.canvas.height > 0) this.renew();
    });
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
    const { shown, view } = this;
    return placeUnder({ shown, view, width: this.canvas.width, height: this.canvas.height }, x, y);
  }

  dispose(): void {
    this.told = () => undefined;
    cancelAnimationFrame(this.frame);
  }
}
