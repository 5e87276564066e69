/** Colour maps for numbers. */

import { COLOUR_MAPS, type MapName } from "../protocol";

export const MAPS = Object.keys(COLOUR_MAPS) as MapName[];
export const ENTRIES = 256;

/** The map's colours at even steps from its lower to its upper end: RGBA, 8 bits each. */
export function colourTable(name: MapName): Uint8Array {
  const stops = COLOUR_MAPS[name].split(" ").map((hex) => [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));
  const table = new Uint8Array(4 * ENTRIES).fill(255);
  for (let i = 0; i < ENTRIES; i++) {
    const place = (i / (ENTRIES - 1)) * (stops.length - 1);
    const number = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++) {
      const [low, high] = [stops[number]?.[c] ?? 0, stops[number + 1]?.[c] ?? 0];
      table[4 * i + c] = Math.round(low + (high - low) * (place - number));
    }
  }
  return table;
}

/** A background of the map from left to right, for a legend. */
export function cssGradient(name: MapName): string {
  return `linear-gradient(to right, ${COLOUR_MAPS[name].split(" ").map((stop) => `#${stop}`).join(", ")})`;
}

/** A number not below `value` of which legends are easily read: 1, 2 or 5 times a power of ten. */
export function roundScale(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((step) => step * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}
