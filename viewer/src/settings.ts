/** The settings that travel in the address. */

import { effect } from "@preact/signals";
import type { ViewState } from "./draw/view";
import { written } from "./fragment";
import { chosen, first, kept, one, second, view } from "./store";

const PAUSE = 300;
const MOST_KEPT = 12;

/** As it stands in the address: whatever it says is checked where it is used. */
interface Settings {
  readonly shown?: unknown;
  readonly other?: unknown;
  readonly kept?: unknown;
  readonly by?: unknown;
  readonly camera?: unknown;
}

let given: Settings = {};

/** What the address asked for, for the first picture. */
export function wanted(): Settings {
  return given;
}

/** The address without the token. */
export function cleaned(): void {
  history.replaceState(null, "", written(given));
}

/** The views that the address holds. */
export function keptBefore(): readonly object[] {
  const views: readonly unknown[] = Array.isArray(given.kept) ? given.kept : [];
  return views.slice(0, MOST_KEPT).filter((each) => typeof each === "object" && each !== null);
}

/** Takes the address's settings, and from the second view on writes there what is looked at; never the token. */
export function begin(settings: unknown): void {
  given = typeof settings === "object" && settings !== null ? (settings as Settings) : {};
  if (typeof given.shown === "number") first.value = given.shown;
  if (typeof given.other === "number") second.value = given.other;
  if (given.by === "here" || given.by === "server") chosen.value = given.by;
  let timer: number | undefined;
  let begun = false;
  effect(() => {
    const now = collected(view.value);
    if (now === null || !begun) {
      begun ||= now !== null;
      return;
    }
    window.clearTimeout(timer);
    timer = window.setTimeout(() => history.replaceState(null, "", written(now)), PAUSE);
  });
}

function collected(now: ViewState | null): Settings | null {
  if (now === null || one.value === null) return null;
  const others = second.value === null ? {} : { other: second.value };
  const saved = kept.value.length === 0 ? {} : { kept: kept.value.slice(0, MOST_KEPT) };
  const by = chosen.value === null ? {} : { by: chosen.value };
  return { shown: first.value, ...others, ...changed(now), ...saved, ...by };
}

let base: ViewState | null = null;

/** From which view on changes are written. */
export function since(view: ViewState): void {
  base = view;
}

/** Only what differs from the beginning, so that addresses stay short. */
export function changed(now: ViewState): Partial<ViewState> {
  const entries = Object.entries(now) as [keyof ViewState, unknown][];
  const differs = ([name, value]: [keyof ViewState, unknown]): boolean =>
    base === null || JSON.stringify(base[name]) !== JSON.stringify(value);
  return Object.fromEntries(entries.filter(differs)) as Partial<ViewState>;
}
