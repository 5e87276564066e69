import { expect, test } from "vitest";
import { decode, encode } from "../src/messages";

function packed(json: string, bytes: number[]): ArrayBuffer {
  const padded = json + " ".repeat((12 - (json.length % 8)) % 8);
  const data = new Uint8Array(4 + padded.length + bytes.length);
  new DataView(data.buffer).setUint32(0, padded.length, true);
  data.set(new TextEncoder().encode(padded), 4);
  data.set(bytes, 4 + padded.length);
  return data.buffer;
}

test("bytes follow the padded JSON", () => {
  const { message, bytes } = decode(packed('{"type":"truth","shown":3}', [1, 2, 250]));
  expect(message).toMatchObject({ type: "truth", shown: 3 });
  expect([...bytes]).toEqual([1, 2, 250]);
  expect(bytes.byteOffset % 8).toBe(0); // so that numbers can be read where they are
});

test("text has no bytes", () => {
  expect(decode('{"type":"note","level":"info","text":"é"}').bytes.byteLength).toBe(0);
});

test.each([
  ["no type", "{}", /no type/],
  ["not an object", "3", /no type/],
  ["short", new ArrayBuffer(2), /cut off/],
  ["cut off", packed('{"type":"note"}', []).slice(0, 8), /cut off/],
])("what is broken is told: %s", (_, data, words) => {
  expect(() => decode(data)).toThrow(words);
});

test("what the page says is JSON", () => {
  expect(JSON.parse(encode({ type: "control", action: "pause" }))).toEqual({ type: "control", action: "pause" });
});
