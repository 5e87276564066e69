import type { Shown } from "../src/protocol";

/** Something to be shown, as the server tells of it. */
export const field = (kind: Shown["kind"], more: Partial<Shown> = {}): Shown => ({
  id: 0,
  name: "a field",
  kind,
  inputs: kind === "image" ? 2 : 3,
  outputs: 3,
  channels: ["red", "green", "blue"],
  size: kind === "image" ? [96, 64] : null,
  linear: false,
  truth: kind === "image",
  program: null,
  reason: null,
  march: null,
  shape: null,
  views: [],
  parameters: 0,
  summary: "",
  world: null,
  ...more,
});
