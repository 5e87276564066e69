import { isFlat } from "./draw/plane";
import { MODES, type PictureMode } from "./draw/view";
import { servedModes } from "./frames";
import type { Shown } from "./protocol";
import type { Hand } from "./store";

export const MODE_NAMES: Record<PictureMode, string> = {
  fit: "Fit",
  truth: "Truth",
  split: "Split",
  error: "Error",
  gradient: "Gradient",
  spectrum: "Spectrum",
  colour: "Colour",
  normal: "Normals",
  depth: "Depth",
  opacity: "Opacity",
};

/** The modes in which something is to be seen: comparing wants something to compare with. */
export function modesOf(shown: Shown, other: Shown | null, by: Hand): readonly PictureMode[] {
  const signal = shown.truth && (shown.kind === "image" || shown.kind === "radiance");
  const comparable = signal || (other !== null && by === "page");
  const pictures = isFlat(shown) ? ["fit", "truth", "error"] : ["colour"];
  const drawable: readonly string[] = by === "stills" ? pictures : servedModes(shown);
  return MODES[shown.kind].filter((mode) => {
    if (by !== "page" && !drawable.includes(mode)) return false;
    if (mode === "truth") return shown.truth;
    return (mode !== "split" && mode !== "error") || comparable;
  });
}
