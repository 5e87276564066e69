import { beforeEach, expect, test, vi } from "vitest";

const written: string[] = [];
vi.useFakeTimers();
vi.stubGlobal("window", { innerWidth: 1000, setTimeout, clearTimeout });
vi.stubGlobal("history", { replaceState: (_data: unknown, _title: string, address: string) => written.push(address) });

const { defaultView } = await import("../src/draw/view");
const settings = await import("../src/settings");
const store = await import("../src/store");
const { field } = await import("./fields");

const shown = field("image");
const base = defaultView(shown);
const parsed = (address: string | undefined): unknown => JSON.parse(decodeURIComponent((address ?? "").slice("#view=".length)));

beforeEach(() => void (written.length = 0));

test("the address gets what was changed of the view, a little later and never the token", () => {
  settings.begin({ mode: "error", shown: 0 });
  expect(settings.wanted()).toEqual({ mode: "error", shown: 0 });
  settings.cleaned();
  expect(parsed(written.pop())).toEqual({ mode: "error", shown: 0 });
  store.hello.value = { version: 1, title: "", shown: [shown], live: false, fits: [], type: "hello" };
  settings.since(base);
  store.view.value = { ...base, mode: "error" };
  vi.advanceTimersByTime(1000);
  expect(written).toEqual([]);
  store.view.value = { ...base, mode: "error", zoom: 2 };
  store.view.value = { ...base, mode: "error", zoom: 4 };
  expect(written).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(written.map(parsed)).toEqual([{ shown: 0, mode: "error", zoom: 4 }]);
});

test("views that were kept are taken from the address where they are views", () => {
  settings.begin({ kept: [{ zoom: 2 }, 3, null, { zoom: 4 }] });
  expect(settings.keptBefore()).toEqual([{ zoom: 2 }, { zoom: 4 }]);
  settings.begin({ kept: "all" });
  expect(settings.keptBefore()).toEqual([]);
  settings.begin("nonsense");
  expect(settings.wanted()).toEqual({});
});

test("who was chosen to draw, and what it is compared with", () => {
  settings.begin({ by: "server", other: 3, shown: 2 });
  expect([store.chosen.value, store.second.value, store.first.value]).toEqual(["server", 3, 2]);
});
