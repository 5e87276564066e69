import type { Bytes } from "./field/textures";
import type { FromPage, FromServer } from "./protocol";

/** A message of the server with the bytes behind it; most have none. */
export interface Received {
  readonly message: FromServer;
  readonly bytes: Bytes;
}

const NONE: Bytes = new Uint8Array();

/** Throws an Error that says what is wrong with what came. */
export function decode(data: string | ArrayBuffer): Received {
  if (typeof data === "string") return { message: parse(data), bytes: NONE };
  if (data.byteLength < 4) throw new Error("a message of the server is cut off");
  const length = new DataView(data).getUint32(0, true);
  if (4 + length > data.byteLength) throw new Error("a message of the server is cut off");
  const text = new TextDecoder().decode(new Uint8Array(data, 4, length));
  return { message: parse(text), bytes: new Uint8Array(data, 4 + length) };
}

function parse(text: string): FromServer {
  const message: unknown = JSON.parse(text);
  if (typeof message !== "object" || message === null || !("type" in message)) {
    throw new Error("a message of the server has no type");
  }
  return message as FromServer;
}

export function encode(message: FromPage): string {
  return JSON.stringify(message);
}
