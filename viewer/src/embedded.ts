import type { Bytes } from "./field/textures";
import type { Hello, Stored, Truth } from "./protocol";

/** Something that lies in the page itself, as base64 of gzip. */
interface Block {
  readonly shown: number;
  readonly base64: string;
}

interface Snapshot extends Block {
  readonly arrays: readonly Stored[];
  readonly step: number;
}

interface Samples extends Block {
  readonly truth: Truth;
}

/** A picture of a field that the page cannot compute, as JPEG; in space from where `eye` is. */
interface Picture extends Block {
  readonly mode: string;
  readonly eye: readonly number[] | null;
}

/** What an exported page has in place of a server. */
export interface Embedded {
  readonly hello: Hello;
  readonly snapshots: readonly Snapshot[];
  readonly truths: readonly Samples[];
  readonly stills: readonly Picture[];
}

/** What the page was saved with, or null where it comes from a server. */
export function embedded(): Embedded | null {
  const element = document.getElementById("nf-embedded");
  if (element === null) return null;
  const found = JSON.parse(element.textContent) as Embedded;
  element.remove(); // megabytes of text that nobody reads again
  return found;
}

export async function unpacked(block: Block): Promise<Bytes> {
  const text = atob(block.base64);
  const packed = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
