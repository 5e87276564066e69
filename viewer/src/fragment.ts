/**
 * What the address carries behind `#`: settings as one JSON value under `view`, and once, from the command that opened
 * the page, the secret `token`, which is never written again.
 */
export interface Fragment {
  readonly token: string | null;
  readonly settings: unknown;
}

export function read(hash: string): Fragment {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  return { token: parts.get("token"), settings: parsed(parts.get("view")) };
}

function parsed(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null; // an address that was cut off in a mail: the page opens as it would without
  }
}

/** Numbers keep six digits: a shared view is the same to a thousandth of a pixel, and its address stays short. */
export function written(settings: unknown): string {
  const text = JSON.stringify(settings, (_, value: unknown) =>
    typeof value === "number" ? Number(value.toPrecision(6)) : value,
  );
  return `#view=${encodeURIComponent(text)}`;
}
