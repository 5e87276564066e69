import { type Received, decode, encode } from "./messages";
import type { FromPage } from "./protocol";
import { wordsOf } from "./fault";

export type LinkState =
  | { readonly is: "connecting" }
  | { readonly is: "open" }
  | { readonly is: "waiting"; readonly why: string }
  | { readonly is: "refused"; readonly why: string };

export interface LinkEvents {
  received(received: Received): void;
  /** The cookie is there: the token is no longer needed. */
  entered(): void;
  state(state: LinkState): void;
  failed(text: string): void;
}

const FIRST_PAUSE = 0.25;
const LONGEST_PAUSE = 8;
const REFUSED = "The server does not know this page. Open the address that nf has printed last.";

/** The pause before the next attempt, in seconds, with a little chance so that many pages do not come at once. */
export function pause(attempts: number, chance: number = Math.random()): number {
  return Math.min(FIRST_PAUSE * 2 ** attempts, LONGEST_PAUSE) * (0.75 + 0.5 * chance);
}

/** A connection to the server that is taken up again for as long as the page is open. */
export class Link {
  private socket: WebSocket | null = null;
  private attempts = 0;
  private timer: number | undefined;
  private closed = false;

  constructor(
    private readonly events: LinkEvents,
    private token: string | null,
  ) {
    window.addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    void this.connect();
  }

  /** Whether it went out; what is said while there is no connection is not kept. */
  send(message: FromPage): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(encode(message));
    return true;
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.timer);
    window.removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.socket?.close();
  }

  /** An attempt at once, where one is waited for. */
  readonly hurry = (): void => {
    if (this.timer === undefined || document.hidden) return;
    window.clearTimeout(this.timer);
    void this.connect();
  };

  private async connect(): Promise<void> {
    this.timer = undefined;
    this.events.state({ is: "connecting" });
    const outcome = await entered(this.token);
    if (this.closed) return;
    if (outcome === "refused") {
      this.events.state({ is: "refused", why: REFUSED });
    } else if (outcome === "absent") {
      this.wait("");
    } else {
      if (this.token !== null) this.events.entered();
      this.token = null;
      this.open();
    }
  }

  private open(): void {
    const address = new URL("live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.hash = "";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.attempts = 0;
      this.events.state({ is: "open" });
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      this.take(event.data);
    };
    socket.onclose = ({ reason }) => {
      if (!this.closed) this.wait(reason);
    };
    this.socket = socket;
  }

  private take(data: string | ArrayBuffer): void {
    try {
      this.events.received(decode(data));
    } catch (error) {
      this.events.failed(wordsOf(error));
    }
  }

  private wait(why: string): void {
    this.events.state({ is: "waiting", why });
    this.timer = window.setTimeout(() => void this.connect(), pause(this.attempts++) * 1000);
  }
}

/** The secret of the address for a cookie that scripts cannot read; without one, whether there is such a cookie. */
async function entered(token: string | null): Promise<"done" | "refused" | "absent"> {
  const given = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }) };
  try {
    const answer = await fetch("session", token === null ? {} : given);
    if (answer.ok) return "done";
    if (answer.status >= 500) return "absent";
    return token === null ? "refused" : await entered(null);
  } catch {
    return "absent";
  }
}
