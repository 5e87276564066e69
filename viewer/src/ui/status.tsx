import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { drawn, link, live, path, picture, said, state, unsay } from "../store";
import { Icon } from "./parts";

const PAUSE = 3000;

/** One line about the picture. Read aloud at most every few seconds, and only what it then says. */
export function Status() {
  const { by } = path.value;
  const step = by === "page" && live.value && drawn.value !== null ? `step ${drawn.value.step}` : "";
  const line = [picture.value, step, by === "server" ? "drawn by the server" : ""].filter(Boolean).join(" · ");
  return (
    <>
      <p class="status" aria-hidden="true">
        {line}
      </p>
      <Spoken />
    </>
  );
}

function Spoken() {
  const text = useSignal("");
  const timer = useRef<number | undefined>(undefined);
  useSignalEffect(() => {
    // Read, so that this runs again whenever one of them changes; said is what they are after the pause.
    void [picture.value, state.value, live.value];
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      text.value = live.peek() ? `${picture.peek()}, ${state.peek()}` : picture.peek();
    }, PAUSE);
  });
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {text.value}
    </p>
  );
}

/** How the connection is, where it is not as it should be. */
export function Connection() {
  const now = link.value;
  if (now.is === "none" || now.is === "open") return null;
  const text =
    now.is === "refused"
      ? now.why
      : now.is === "connecting"
        ? "Connecting…"
        : `${now.why || "The connection is lost"}. Trying again; what is here stays usable.`;
  return (
    <p class={`banner ${now.is}`} role={now.is === "refused" ? "alert" : "status"}>
      {text}
    </p>
  );
}

/** What the server or the page has to say; errors until they are closed. */
export function Notes() {
  return (
    <div class="notes">
      {said.value.map(({ key, level, text }) => (
        <div key={key} class={`note ${level}`} role={level === "error" ? "alert" : "status"}>
          <p>{text}</p>
          <button type="button" class="icon small" aria-label="Close" onClick={() => unsay(key)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
