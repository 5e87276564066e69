import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Link, type LinkEvents, type LinkState, pause } from "../src/link";

class Socket {
  static readonly OPEN = 1;
  static readonly all: Socket[] = [];
  readyState = 1;
  binaryType = "";
  readonly sent: string[] = [];
  onopen: (() => void) | null = null;
  onclose: ((event: { reason: string }) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  constructor(readonly address: URL) {
    Socket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
}

/** What the server's `session` answers, one after the other; the last for ever. */
let answers: (number | "gone")[] = [];
const told: string[] = [];
const events: LinkEvents = {
  received: ({ message }) => told.push(message.type),
  entered: () => told.push("entered"),
  state: (state: LinkState) => told.push(state.is),
  failed: (text) => told.push(text),
};

beforeEach(() => {
  vi.useFakeTimers();
  told.length = Socket.all.length = 0;
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("location", { href: "http://localhost:7310/#token=a", protocol: "http:" });
  vi.stubGlobal("window", Object.assign(new EventTarget(), { setTimeout, clearTimeout }));
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
  vi.stubGlobal("fetch", () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return answer === "gone" ? Promise.reject(new Error()) : Promise.resolve({ ok: answer === 204, status: answer });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const settle = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(1));

test("the token leaves the address once, and not again when the connection comes back", async () => {
  answers = [204];
  const link = new Link(events, "a");
  await settle();
  expect(String(Socket.all[0]!.address)).toBe("ws://localhost:7310/live");
  Socket.all[0]!.onopen!();
  Socket.all[0]!.onclose!({ reason: "the server is full" });
  await vi.advanceTimersByTimeAsync(1000);
  Socket.all[1]!.onopen!();
  expect(told).toEqual(["connecting", "entered", "open", "waiting", "connecting", "open"]);
  link.close();
});

test("without a token nothing is changed in the address", async () => {
  answers = [204];
  const link = new Link(events, null);
  await settle();
  expect(told).toEqual(["connecting"]);
  expect(Socket.all).toHaveLength(1);
  link.close();
});

test("a server that is gone is asked again, one that does not know the page is not", async () => {
  answers = ["gone", 503, 401];
  const link = new Link(events, null);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual(["connecting", "waiting", "connecting", "waiting", "connecting", "refused"]);
  link.close();
});

test("what comes is read, what is no message is told, what is said without a connection is not kept", async () => {
  answers = [204];
  const link = new Link(events, null);
  expect(link.send({ type: "control", action: "pause" })).toBe(false);
  await settle();
  const [socket] = Socket.all as [Socket];
  socket.onmessage!({ data: '{"type": "note", "level": "info", "text": "hello"}' });
  socket.onmessage!({ data: "[]" });
  expect(told.slice(1)).toEqual(["note", "a message of the server has no type"]);
  expect(link.send({ type: "control", action: "pause" })).toBe(true);
  expect(JSON.parse(socket.sent[0]!)).toEqual({ type: "control", action: "pause" });
  link.close();
});

test("pauses grow to a bound, each a little by chance", () => {
  expect([0, 1, 2, 9].map((attempts) => pause(attempts, 0.5))).toEqual([0.25, 0.5, 1, 8]);
  expect(pause(0, 0)).toBeLessThan(pause(0, 1));
});
