const SUFFIXES = ["", " k", " M", " G", " T"];

/** With four digits, an exponent only where it is shorter; a true minus sign. */
export function number(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(digits - 2) : fixed(value, digits);
  return text.replace("-", "−");
}

function fixed(value: number, digits: number): string {
  if (value === 0) return "0";
  const before = Math.max(0, Math.floor(Math.log10(Math.abs(value))) + 1);
  return value.toFixed(Math.max(0, digits - before));
}

/** Three digits that count, for what may be of any size. */
export function significant(value: number): string {
  const size = Math.abs(value);
  const plain = size === 0 || (size >= 1e-4 && size < 1e5);
  return (plain ? String(Number(value.toPrecision(3))) : value.toExponential(2)).replace(/-/g, "−");
}

/** 755123 as 755 k. */
export function short(value: number): string {
  let size = Math.abs(value);
  let power = 0;
  while (size >= 999.5 && power < SUFFIXES.length - 1) {
    size /= 1000;
    power++;
  }
  return `${value < 0 ? "−" : ""}${size >= 99.5 || power === 0 ? Math.round(size) : size.toPrecision(2)}${SUFFIXES[power]}`;
}

export function bytes(value: number): string {
  return value < 1e6 ? `${Math.max(1, Math.round(value / 1e3))} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

/** 75 as 1:15, with hours where there are any. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number): string => String(part).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function milliseconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : value < 2000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** A file name without what some systems refuse. */
export function filename(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "") || "field";
}
