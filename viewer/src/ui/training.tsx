import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { control } from "../actions";
import type { Axis } from "../course";
import { duration, short, significant } from "../format";
import type { FitState, Point } from "../protocol";
import { connected, course, last, live, state } from "../store";
import { Facts, Icon, Section, Segments } from "./parts";
import { Plot } from "./plot";

const STATES: Record<FitState, string> = {
  running: "fitting",
  paused: "paused",
  stopping: "stopping",
  done: "finished",
};

/** How the fit goes, and what can be done about it. */
export function Training() {
  const axis = useSignal<Axis>("seconds");
  if (course.value.length === 0 && !live.value) return null;
  return (
    <Section title="Training">
      {last.value !== null && <Numbers point={last.value} />}
      {course.value.length > 1 && (
        <>
          <Plot course={course.value} axis={axis.value} />
          <Segments
            label="Horizontal axis"
            value={axis.value}
            of={[
              ["seconds", "time"],
              ["step", "step"],
            ]}
            set={(value) => (axis.value = value)}
          />
        </>
      )}
      {live.value && <Controls />}
    </Section>
  );
}

function Numbers({ point }: { point: Point }) {
  const rows: [string, string][] = [
    ["State", STATES[state.value]],
    ["Step", point.step.toLocaleString("en")],
    ["Loss", significant(point.loss)],
  ];
  if (point.psnr !== null) rows.push(["Batch PSNR", `${point.psnr.toFixed(2)} dB`]);
  rows.push(["Speed", `${short(point.rate)} samples/s`], ["Learning rate", significant(point.learning_rate)]);
  rows.push(["Time", duration(point.seconds)]);
  if (point.left !== null && state.value !== "done") rows.push(["Left", duration(point.left)]);
  return (
    <>
      {state.value !== "done" && <progress value={point.fraction} max={1} aria-label="Share of the fit" />}
      <Facts rows={rows} />
    </>
  );
}

function Controls() {
  const asking = useSignal(false);
  const paused = state.value === "paused";
  const over = state.value === "done" || state.value === "stopping" || !connected.value;
  return (
    <div class="buttons">
      <button type="button" disabled={over} onClick={() => control(paused ? "resume" : "pause")}>
        <Icon name={paused ? "resume" : "pause"} /> {paused ? "Resume" : "Pause"}
      </button>
      <button type="button" disabled={over || !paused} onClick={() => control("step")}>
        <Icon name="step" /> Step
      </button>
      <button type="button" disabled={over} onClick={() => control("save")}>
        Save now
      </button>
      <button type="button" disabled={over} onClick={() => (asking.value = true)}>
        Stop…
      </button>
      {asking.value && <Confirm close={() => (asking.value = false)} />}
    </div>
  );
}

function Confirm({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="stop-title" onClose={close}>
      <h2 id="stop-title">Stop the fit?</h2>
      <p>It ends after this step, and is measured and saved as if its time were over.</p>
      <form method="dialog" class="buttons">
        <button type="submit" autofocus>
          Go on fitting
        </button>
        <button type="submit" class="strong" onClick={() => control("stop")}>
          Stop
        </button>
      </form>
    </dialog>
  );
}
