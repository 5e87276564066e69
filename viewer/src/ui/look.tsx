import { change, compare, show } from "../actions";
import { cssGradient, MAPS } from "../draw/colours";
import { isFlat, isScalar } from "../draw/plane";
import { type Clip, type PictureMode, type ViewState, gridLevels } from "../draw/view";
import { number } from "../format";
import { MODE_NAMES, modesOf } from "../modes";
import type { Backdrop, MapName, Shown } from "../protocol";
import { first, legend, one, path, rival, rivals, second, shown, view } from "../store";
import { Check, Choice, Range, Section, Segments } from "./parts";

export function Modes() {
  const [each, now] = [one.value, view.value];
  if (each === null || now === null) return null;
  const modes = modesOf(each, rival.value, path.value.by).map((mode) => [mode, MODE_NAMES[mode]] as const);
  return <Segments label="What the picture shows" value={now.mode} of={modes} set={(mode) => change({ mode })} />;
}

/** What there is to look at, and what to compare it with. */
export function Subjects() {
  if (shown.value.length < 2) return null;
  const named = (each: Shown) => [String(each.id), each.name] as const;
  return (
    <Section title="Fits">
      <Choice label="Show" value={String(first.value)} of={shown.value.map(named)} set={(id) => show(Number(id))} />
      {rivals.value.length > 0 && (
        <Choice
          label="Compare with"
          value={second.value === null ? "" : String(second.value)}
          of={[["", "nothing"], ...rivals.value.map(named)]}
          set={(id) => compare(id === "" ? null : Number(id))}
        />
      )}
    </Section>
  );
}

/** The settings of the picture; which there are depends on what is shown and how. */
export function Look() {
  const [each, now] = [one.value, view.value];
  const { by } = path.value;
  if (each === null || now === null || by === "stills") return null;
  return (
    <Section title="Picture">
      <Against each={each} now={now} />
      {isFlat(each) && <Values each={each} now={now} />}
      {each.kind === "slices" && <Slice now={now} />}
      {by === "page" && <Levels count={gridLevels(each)} now={now} />}
      {by === "page" && each.kind === "shape" && <Cut clip={now.clip} />}
      {by === "page" && each.kind === "radiance" && <Crop crop={now.crop} />}
      {(MAPPED.has(now.mode) || isScalar(each)) && <Map now={now} />}
      {!isFlat(each) && <Backdrops now={now} />}
    </Section>
  );
}

const MAPPED = new Set<PictureMode>(["error", "gradient", "depth", "spectrum"]);

function Against({ each, now }: { each: Shown; now: ViewState }) {
  const comparing = now.mode === "split" || now.mode === "error";
  if (!comparing) return null;
  return (
    <>
      {rival.value !== null && each.truth && (
        <Choice
          label="Against"
          value={now.against}
          of={[
            ["truth", "the signal"],
            ["other", rival.value.name],
          ]}
          set={(against) => change({ against })}
        />
      )}
      {now.mode === "split" && (
        <Range
          label="Split"
          value={now.split}
          min={0}
          max={1}
          step={0.005}
          told={`${Math.round(now.split * 100)} %`}
          set={(split) => change({ split })}
        />
      )}
    </>
  );
}

function Values({ each, now }: { each: Shown; now: ViewState }) {
  const names = each.channels.length > 0 ? each.channels : Array.from({ length: each.outputs }, (_, k) => String(k));
  const together = each.outputs <= 4;
  return (
    <>
      {names.length > 1 && (
        <Choice
          label="Channel"
          value={String(now.channel ?? (together ? "" : 0))}
          of={[...(together ? [["", "all"] as const] : []), ...names.map((name, k) => [String(k), name] as const)]}
          set={(text) => change({ channel: text === "" ? null : Number(text) })}
        />
      )}
      {!MAPPED.has(now.mode) && !isScalar(each) && (
        <Range
          label="Exposure"
          value={now.exposure}
          min={-6}
          max={6}
          step={0.25}
          told={`${now.exposure > 0 ? "+" : ""}${number(now.exposure, 3)} stops`}
          set={(exposure) => change({ exposure })}
        />
      )}
    </>
  );
}

function Levels({ count, now }: { count: number; now: ViewState }) {
  const left = count - now.hidden;
  if (count < 2) return null;
  return (
    <Range
      label="Grid levels"
      value={left}
      min={1}
      max={count}
      step={1}
      told={`${left} of ${count}`}
      set={(wanted) => change({ hidden: count - wanted })}
    />
  );
}

const AXES = ["x", "y", "z"] as const;
const AXIS_CHOICE = AXES.map((name, k) => [String(k), name] as const);

const axisOf = (text: string): 0 | 1 | 2 => (text === "0" ? 0 : text === "1" ? 1 : 2);

function Slice({ now }: { now: ViewState }) {
  return (
    <>
      <Choice label="Across" value={String(now.axis)} of={AXIS_CHOICE} set={(axis) => change({ axis: axisOf(axis) })} />
      <Range
        label="At"
        value={now.at}
        min={-1}
        max={1}
        step={0.005}
        told={number(now.at, 3)}
        set={(at) => change({ at })}
      />
    </>
  );
}

function Cut({ clip }: { clip: Clip | null }) {
  const begun: Clip = { axis: 0, at: 0, flipped: false };
  return (
    <>
      <Check label="Cut open" value={clip !== null} set={(on) => change({ clip: on ? begun : null })} />
      {clip !== null && (
        <>
          <Choice
            label="Across"
            value={String(clip.axis)}
            of={AXIS_CHOICE}
            set={(axis) => change({ clip: { ...clip, axis: axisOf(axis) } })}
          />
          <Range
            label="At"
            value={clip.at}
            min={-1}
            max={1}
            step={0.005}
            told={number(clip.at, 3)}
            set={(at) => change({ clip: { ...clip, at } })}
          />
          <Check
            label="The other half"
            value={clip.flipped}
            set={(flipped) => change({ clip: { ...clip, flipped } })}
          />
        </>
      )}
    </>
  );
}

const WHOLE: readonly number[] = [-1, -1, -1, 1, 1, 1];
const LEAST = 0.02;

/** A box moved at one of its six sides; opposite sides stay apart. */
export function cropped(crop: readonly number[], side: number, value: number): readonly number[] {
  const facing = crop[(side + 3) % 6] ?? 0;
  const bounded = side < 3 ? Math.min(value, facing - LEAST) : Math.max(value, facing + LEAST);
  return crop.map((edge, k) => (k === side ? bounded : edge));
}

function Crop({ crop }: { crop: readonly number[] | null }) {
  return (
    <>
      <Check label="Crop box" value={crop !== null} set={(on) => change({ crop: on ? WHOLE : null })} />
      {crop?.map((edge, side) => (
        <Range
          key={side}
          label={`${AXES[side % 3] ?? ""} ${side < 3 ? "from" : "to"}`}
          value={edge}
          min={-1}
          max={1}
          step={0.01}
          told={number(edge, 3)}
          set={(value) => change({ crop: cropped(crop, side, value) })}
        />
      ))}
    </>
  );
}

function Map({ now }: { now: ViewState }) {
  const scaled = now.mode === "error" || now.mode === "gradient";
  const maps = MAPS.map((name) => [name, name] as const);
  return (
    <>
      <Choice<MapName> label="Colours" value={now.map} of={maps} set={(map) => change({ map })} />
      {scaled && (
        <Check
          label="Scale from the picture"
          value={now.scale === null}
          set={(on) => change({ scale: on ? null : (legend.value?.to ?? 1) })}
        />
      )}
      {scaled && now.scale !== null && (
        <Range
          label="Scale to"
          value={Math.log10(now.scale)}
          min={-5}
          max={3}
          step={0.02}
          told={number(now.scale, 3)}
          set={(power) => change({ scale: 10 ** power })}
        />
      )}
    </>
  );
}

const BACKDROPS: readonly (readonly [Backdrop, string])[] = [
  ["studio", "studio"],
  ["white", "white"],
  ["black", "black"],
  ["checker", "checks"],
];

function Backdrops({ now }: { now: ViewState }) {
  return <Choice label="Background" value={now.backdrop} of={BACKDROPS} set={(backdrop) => change({ backdrop })} />;
}

/** What the colours of errors, slopes and depths stand for. */
export function Legend() {
  const [range, now] = [legend.value, view.value];
  if (range === null || now === null) return null;
  return (
    <div class="legend" role="img" aria-label={`Colours from ${number(range.from)} to ${number(range.to)}`}>
      <span>{number(range.from, 3)}</span>
      <i style={{ backgroundImage: cssGradient(now.map) }} />
      <span>{number(range.to, 3)}</span>
    </div>
  );
}
