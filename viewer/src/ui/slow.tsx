import { useSignal } from "@preact/signals";
import { duration } from "../format";
import { chosen, connected, served, slow } from "../store";
import { Icon } from "./parts";

/** Where pictures take very long here, who should draw. */
export function Slow() {
  const [found, closed] = [slow.value, useSignal(false)];
  if (found === null || closed.value || chosen.value !== null || !connected.value) return null;
  const told = `${found.software ? "Without a graphics card a" : "A"} picture takes about ${duration(found.milliseconds / 1000)} here`;
  return (
    <div class="banner slow" role="status">
      <p>{served.value ? `${told}, so the server draws.` : `${told}.`}</p>
      {!served.value && (
        <button type="button" onClick={() => (chosen.value = "server")}>
          Let the server draw
        </button>
      )}
      <button type="button" onClick={() => (chosen.value = "here")}>
        Draw here
      </button>
      <button type="button" class="icon small" aria-label="Close" onClick={() => (closed.value = true)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
