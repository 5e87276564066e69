/** Which kind of thing is drawn how. */

import type { Drawing } from "./drawing";
import { PlaneDrawing } from "./image";
import { RadianceDrawing } from "./radiance";
import type { Stage } from "./stage";
import { SurfaceDrawing } from "./surface";

export function drawingOf(stage: Stage): Drawing {
  const { kind } = stage.shown;
  if (kind === "radiance") return new RadianceDrawing(stage);
  return kind === "shape" ? new SurfaceDrawing(stage) : new PlaneDrawing(stage);
}
