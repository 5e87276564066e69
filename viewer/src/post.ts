import type { FromPage } from "./protocol";

type Sender = (message: FromPage) => boolean;

let sender: Sender = () => false;

/** Says something to the server. Whether it went out. */
export function post(message: FromPage): boolean {
  return sender(message);
}

export function postBy(given: Sender): void {
  sender = given;
}
