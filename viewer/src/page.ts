/** The page's ends: what comes from the server, or lies in the page itself, and what is said to the server. */

import { batch } from "@preact/signals";
import * as canvas from "./canvas";
import { keepOnly, keepPhoto, keepSnapshot, keepStill, keepTruth } from "./content";
import { embedded, unpacked } from "./embedded";
import { read } from "./fragment";
import { Link } from "./link";
import type { Received } from "./messages";
import { postBy } from "./post";
import { type Hello, type Shown, VERSION } from "./protocol";
import { save } from "./saving";
import * as inspection from "./inspection";
import * as settings from "./settings";
import * as store from "./store";
import * as supply from "./supply";
import { wordsOf } from "./fault";

export function start(): void {
  const fragment = read(location.hash);
  // Whoever puts another address of this page into the same tab wants what it says.
  window.addEventListener("hashchange", () => location.reload());
  settings.begin(fragment.settings);
  const inside = embedded();
  if (inside !== null) {
    store.link.value = { is: "none" };
    welcomed(inside.hello);
    for (const { shown, arrays, step, ...block } of inside.snapshots) {
      void told(
        unpacked({ shown, ...block }).then((bytes) =>
          keepSnapshot(shown, { serial: 0, step, arrays, bytes }),
        ),
      );
    }
    for (const { truth, ...block } of inside.truths) {
      void told(unpacked(block).then((bytes) => keepTruth(truth, bytes)));
    }
    for (const still of inside.stills) {
      void told(unpacked(still).then((bytes) => keepStill(still.shown, still, bytes)));
    }
    return;
  }
  const link = new Link(
    {
      received,
      entered: settings.cleaned,
      state: (state) => (store.link.value = state),
      failed: (text) => store.say(text, "error"),
    },
    fragment.token,
  );
  postBy((message) => link.send(message));
}

/** What fails is told on the page. */
async function told(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    store.say(wordsOf(error), "error");
  }
}

function received({ message, bytes }: Received): void {
  switch (message.type) {
    case "hello":
      return welcomed(message);
    case "progress":
      return store.progressed(message);
    case "weights":
      return supply.arrived(message.shown, { ...message, bytes });
    case "truth":
      supply.answered(message.shown, null);
      return keepTruth(message, bytes);
    case "photo":
      supply.answered(message.shown, message.view);
      return void told(keepPhoto(message, bytes));
    case "frame":
      return void told(canvas.frame(message, bytes));
    case "probed":
      return inspection.probed(message);
    case "file":
      return save(message.name, new Blob([bytes], { type: message.media }));
    case "note":
      return store.say(message.text, message.level);
  }
}

function welcomed(hello: Hello): void {
  if (hello.version !== VERSION) {
    store.say("This page is of another version than the server: reload it.", "error");
    return;
  }
  // What has not changed stays the same object, so that nothing is made anew after a lost connection.
  const before = new Map(store.shown.value.map((shown) => [JSON.stringify(shown), shown]));
  const shown = hello.shown.map((each): Shown => before.get(JSON.stringify(each)) ?? each);
  supply.forget();
  batch(() => {
    keepOnly(new Set(shown.map(({ id }) => id)));
    store.hello.value = { ...hello, shown };
    store.fits.value = new Map(hello.fits.map((fit) => [fit.shown, fit]));
    if (!shown.some(({ id }) => id === store.first.value)) store.first.value = shown[0]?.id ?? 0;
  });
}
