/** What the page knows, as signals: whatever shows a part of it is drawn again when that part changes. */

import { computed, signal } from "@preact/signals";
import { extended } from "./course";
import { isFlat } from "./draw/plane";
import type { ViewState } from "./draw/view";
import type { LinkState } from "./link";
import type { Fit, FitState, Hello, Point, Progress, Shown } from "./protocol";

export interface Said {
  readonly key: number;
  readonly level: "info" | "error";
  readonly text: string;
}

/** What lies at a place: of the field, and of the signal where it is known. */
export interface Found {
  readonly x: readonly number[];
  readonly value: readonly number[];
  readonly truth: readonly number[] | null;
  /** In float32 from the field itself, or from the weights as they were sent. */
  readonly exact: boolean;
}

/** Who draws: stills are pictures that lie in the page. */
export type Hand = "page" | "server" | "stills";

export type LinkShown = LinkState | { readonly is: "none" };

export const hello = signal<Hello | null>(null);
export const link = signal<LinkShown>({ is: "connecting" });
export const fits = signal<ReadonlyMap<number, Fit>>(new Map());
export const said = signal<readonly Said[]>([]);

/** The numbers of what is looked at; with a second one the picture is divided between both. */
export const first = signal(0);
export const second = signal<number | null>(null);

/** How it is looked at, as the picture has it now. */
export const view = signal<ViewState | null>(null);
/** Views to come back to. */
export const kept = signal<readonly ViewState[]>([]);
/** The share of a video that is drawn, null while there is none. */
export const recording = signal<number | null>(null);
/** The values at both ends of the picture's colours, where they stand for values. */
export const legend = signal<{ readonly from: number; readonly to: number } | null>(null);

export const panel = signal(window.innerWidth > 720);
export const help = signal(false);
/** Who was chosen to draw what the page could draw; null: nobody was asked. */
export const chosen = signal<"here" | "server" | null>(null);
/** What a picture takes here where that is long, and whether that is for want of a graphics card. */
export const slow = signal<{ readonly milliseconds: number; readonly software: boolean } | null>(null);
/** How a signal's photo lies over the picture from its camera: 0 hidden, 1 alone. */
export const photo = signal(0);

export const found = signal<Found | null>(null);
/** The number of the training step that is drawn, and the bytes that brought it. */
export const drawn = signal<{ readonly step: number; readonly size: number } | null>(null);
/** What the status line says of the picture, and who draws it and why. */
export const picture = signal("");
export const path = signal<{ readonly by: Hand; readonly why: string }>({ by: "page", why: "" });

export const shown = computed<readonly Shown[]>(() => hello.value?.shown ?? []);
export const one = computed<Shown | null>(() => byId(first.value) ?? shown.value[0] ?? null);
export const other = computed<Shown | null>(() =>
  second.value === null || second.value === one.value?.id ? null : byId(second.value),
);
/** What the page can draw beside what is looked at. */
export const rivals = computed<readonly Shown[]>(() => {
  const each = one.value;
  if (each?.program == null || chosen.value === "server") return [];
  const alike = ({ kind, size }: Shown): boolean =>
    kind === each.kind && (size === null || each.size === null || size.join() === each.size.join());
  return shown.value.filter((another) => another !== each && another.program !== null && alike(another));
});
/** What is compared with. */
export const rival = computed(() => rivals.value.find((each) => each === other.value) ?? null);
/** Whether the server is to draw what the page could; without a graphics card that goes without saying. */
export const served = computed(
  () => chosen.value === "server" || (chosen.value === null && slow.value?.software === true && rival.value === null),
);
/** Whether it can be told what lies at a pixel: in space the server does not say where rays end. */
export const inspectable = computed(() => {
  const [each, { by }] = [one.value, path.value];
  return each !== null && by !== "stills" && (by === "page" || isFlat(each));
});
export const connected = computed(() => link.value.is === "open");
export const live = computed(() => hello.value?.live ?? false);
/** The fit of what is looked at; where nothing can be looked at, the only one. */
const fit = computed(() => fits.value.get(one.value?.id ?? [...fits.value.keys()][0] ?? -1));
export const course = computed<readonly Point[]>(() => fit.value?.course ?? []);
export const state = computed<FitState>(() => fit.value?.state ?? "done");
export const last = computed<Point | null>(() => course.value.at(-1) ?? null);

function byId(id: number): Shown | null {
  return shown.value.find((each) => each.id === id) ?? null;
}

export function progressed({ shown, point, state }: Progress): void {
  const course = extended(fits.value.get(shown)?.course ?? [], point);
  fits.value = new Map(fits.value).set(shown, { shown, state, course });
}

let keys = 0;

/** Errors stay until they are closed, what is only told goes by itself. The same words are not said twice. */
export function say(text: string, level: Said["level"] = "info"): void {
  const key = ++keys;
  said.value = [...said.value.filter((each) => each.text !== text), { key, level, text }].slice(-4);
  if (level === "info") window.setTimeout(() => unsay(key), 6000);
}

export function unsay(key: number): void {
  said.value = said.value.filter((each) => each.key !== key);
}
