/** Pictures that lie in the page, for fields that it cannot compute: a whole image, or some sides of what is in space. */

import { type Still, stills } from "./content";
import { letterbox } from "./draw/camera";
import { windowOf } from "./draw/plane";
import type { ViewState } from "./draw/view";
import type { Shown } from "./protocol";
import { Sheet } from "./sheet";

export function stillSheet(canvas: HTMLCanvasElement, shown: Shown, start: ViewState): Sheet {
  const sheet: Sheet = new Sheet(canvas, shown, start, () => put(sheet));
  return sheet;
}

function put(sheet: Sheet): void {
  const { context, shown, view } = sheet;
  const { width, height } = sheet.canvas;
  const found = chosen(stills.value.get(shown.id) ?? [], view);
  context.clearRect(0, 0, width, height);
  if (found !== null) {
    const { bitmap, eye } = found;
    const box = eye === null ? placed(view, shown, width, height) : letterbox([bitmap.width, bitmap.height], width, height);
    context.imageSmoothingEnabled = box.width < 4 * bitmap.width;
    context.drawImage(bitmap, box.left, box.top, box.width, box.height);
  }
  if (found !== null) sheet.tell("a picture made with the page");
}

/** The picture in the view's mode, seen from where its camera is nearest. */
export function chosen<S extends Pick<Still, "mode" | "eye">>(pictures: readonly S[], { mode, camera }: ViewState): S | null {
  const away = ({ eye }: S): number => Math.hypot(...(eye ?? []).map((value, k) => value - (camera.eye[k as 0] ?? 0)));
  const fitting = pictures.filter((each) => each.mode === mode);
  return (fitting.length > 0 ? fitting : [...pictures]).sort((a, b) => away(a) - away(b))[0] ?? null;
}

/** Where the box of a plane lies on a canvas. */
function placed(view: ViewState, shown: Shown, width: number, height: number) {
  const { left, top, dx, dy } = windowOf(view, shown.size ?? [1, 1], width, height);
  return { left: (-1 - left) / dx, top: (-1 - top) / dy, width: 2 / dx, height: 2 / dy };
}
