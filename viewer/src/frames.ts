/** Pictures that the server draws, shown as they come: coarse first, then finer. */

import { opticsOf, poseOf } from "./draw/camera";
import { isFlat, placeAt, windowOf } from "./draw/plane";
import type { ViewState } from "./draw/view";
import type { Bytes } from "./field/textures";
import { milliseconds } from "./format";
import type { Draw, Frame, FromPage, Mode, Shown } from "./protocol";
import { Sheet } from "./sheet";

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

/** Asks the server for what a sheet is to show, a newer question in the place of the one before. */
export class Frames {
  readonly sheet: Sheet;
  private asked = -1;
  /** Pictures that have come, and the number of the one that is shown. */
  private came = 0;
  private drawn = 0;

  constructor(
    canvas: HTMLCanvasElement,
    shown: Shown,
    start: ViewState,
    private readonly post: (message: FromPage) => boolean,
  ) {
    this.sheet = new Sheet(canvas, shown, start, () => this.ask());
  }

  async take(frame: Frame, bytes: Bytes): Promise<void> {
    if (frame.request !== this.asked) return;
    const number = ++this.came;
    const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    // Small pictures are not always decoded before large ones that came later.
    if (frame.request === this.asked && number > this.drawn) {
      const { sheet } = this;
      this.drawn = number;
      sheet.context.drawImage(picture, 0, 0, sheet.canvas.width, sheet.canvas.height);
      sheet.legend = frame.legend;
      const preview = `preview 1/${frame.factor}${frame.last ? ", finer once the fit rests" : ""}`;
      sheet.tell(`${frame.factor === 1 ? "all pixels" : preview} · ${milliseconds(frame.milliseconds)}`);
    }
    picture.close();
  }

  private ask(): void {
    const { view, shown, canvas } = this.sheet;
    const draw = drawOf(view, shown, canvas.width, canvas.height);
    if (this.post(draw)) this.asked = draw.request;
  }
}
