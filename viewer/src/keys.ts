/** What keys do wherever the focus is. Those that move the picture are `input.ts`'s, for when it has the focus. */

import { change, compareNext, control, inspectMiddle, keep, nextMode, savePicture, showNext } from "./actions";
import { pressed } from "./canvas";
import { help, inspectable, live, one, rivals, panel, path, photo, shown, state, view } from "./store";

export interface Command {
  readonly keys: readonly string[];
  /** As the help tells them, where that is not as they are. */
  readonly told?: string;
  readonly label: string;
  readonly useful?: () => boolean;
  readonly run: (key: string) => void;
}

const running = (): boolean => live.value && state.value !== "done";

export const COMMANDS: readonly Command[] = [
  { keys: ["m"], label: "next mode", run: () => nextMode(1) },
  { keys: ["M"], told: "Shift+m", label: "mode before", run: () => nextMode(-1) },
  { keys: ["i"], label: "inspect the middle", useful: () => inspectable.value, run: inspectMiddle },
  {
    keys: ["n"],
    label: "next fit",
    useful: () => shown.value.length > 1,
    run: showNext,
  },
  {
    keys: ["b"],
    label: "compare with the next fit, or with none",
    useful: () => rivals.value.length > 0,
    run: compareNext,
  },
  {
    keys: ["o"],
    label: "photo over the picture",
    useful: () => view.value?.camera.view != null,
    run: () => (photo.value = photo.value > 0 ? 0 : 1),
  },
  {
    keys: ["f"],
    label: "cameras on and off",
    useful: () => path.value.by === "page" && (one.value?.views.length ?? 0) > 0,
    run: () => change({ cameras: view.value?.cameras !== true }),
  },
  { keys: ["k"], label: "keep this view", run: keep },
  { keys: ["s"], label: "save the picture", run: () => void savePicture() },
  {
    keys: [" "],
    told: "Space",
    label: "pause, go on",
    useful: running,
    run: () => control(state.value === "paused" ? "resume" : "pause"),
  },
  { keys: ["t"], label: "one step", useful: () => state.value === "paused", run: () => control("step") },
  { keys: ["p"], label: "side panel", run: () => (panel.value = !panel.value) },
  { keys: ["?"], label: "this help", run: () => (help.value = true) },
];

/** Whether a key belongs to where it was pressed: what is typed or chosen there. */
function taken(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest("dialog, select, textarea, input:not([type=radio], [type=checkbox], [type=range])")) return true;
  return key === " " && target.closest("button, input, summary") !== null;
}

export function handle(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || taken(event.target, event.key)) return;
  const command = COMMANDS.find(({ keys, useful }) => keys.includes(event.key) && (useful?.() ?? true));
  if (command === undefined) {
    if (event.target === document.body) pressed(event);
    return;
  }
  event.preventDefault();
  command.run(event.key);
}
