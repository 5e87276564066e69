import { change, forget, jump, keep, recordFilm, visit } from "../actions";
import type { Shown } from "../protocol";
import { kept, one, path, photo, recording, view } from "../store";
import { Check, Icon, Range, Section } from "./parts";

/** The cameras of a signal, with their photos. */
export function Cameras() {
  const [each, now] = [one.value, view.value];
  if (each === null || now === null || each.views.length === 0) return null;
  const at = now.camera.view;
  const drawn = path.value.by === "page";
  return (
    <Section title="Cameras">
      {drawn && <Check label="Show them" value={now.cameras} set={(cameras) => change({ cameras })} />}
      {drawn && now.cameras && <Check label="With their photos" value={now.photos} set={(photos) => change({ photos })} />}
      <select
        class="list"
        size={Math.min(6, Math.max(2, each.views.length))}
        aria-label="Jump to a camera"
        value={at === null ? "" : String(at)}
        onChange={(event) => jump(Number(event.currentTarget.value))}
      >
        {each.views.map((camera, k) => (
          <option key={camera.name} value={String(k)}>
            {camera.name}
            {camera.held_out ? " (held out)" : ""}
          </option>
        ))}
      </select>
      {at !== null && <Compare each={each} at={at} />}
    </Section>
  );
}

function Compare({ each, at }: { each: Shown; at: number }) {
  return (
    <Range
      label="Photo"
      value={photo.value}
      min={0}
      max={1}
      step={0.01}
      told={`${Math.round(photo.value * 100)} % of ${each.views[at]?.name ?? ""}`}
      set={(value) => (photo.value = value)}
    />
  );
}

/** Views to come back to, and the way along them as a video. */
export function Path() {
  const views = kept.value;
  const inSpace = (one.value?.kind === "shape" || one.value?.kind === "radiance") && path.value.by === "page";
  const busy = recording.value;
  return (
    <Section title="Saved views" open={views.length > 0}>
      <div class="buttons">
        <button type="button" onClick={keep}>
          Save this view
        </button>
        {inSpace && (
          <button type="button" disabled={busy !== null} onClick={() => void recordFilm()}>
            {busy !== null ? `${Math.round(busy * 100)} %` : views.length < 2 ? "Video, once around" : "Video along them"}
          </button>
        )}
      </div>
      {views.length > 0 && (
        <ol class="kept">
          {views.map((_, k) => (
            <li key={k}>
              <button type="button" class="plain" onClick={() => visit(k)}>
                View {k + 1}
              </button>
              <button type="button" class="icon small" aria-label={`Forget view ${k + 1}`} onClick={() => forget(k)}>
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}
