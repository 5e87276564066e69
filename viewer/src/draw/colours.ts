/** Perceptually even colour maps: viridis and inferno (van der Walt and Smith), cividis (Nuñez et al. 2018). */

export const MAPS = ["viridis", "inferno", "cividis", "grey"] as const;
export type MapName = (typeof MAPS)[number];

const STOPS: Record<MapName, string> = {
  viridis:
    "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
  inferno: "000004 160b39 420a68 6a176e 932667 bc3754 dd513a f37819 fca50a f6d746 fcffa4",
  cividis: "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
  grey: "000000 ffffff",
};

export const ENTRIES = 256;

/** The map's colours at even steps from its lower to its upper end: RGBA, 8 bits each. */
export function colourTable(name: MapName): Uint8Array {
  const stops = STOPS[name].split(" ").map((hex) => [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));
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
  return `linear-gradient(to right, ${STOPS[name].split(" ").map((stop) => `#${stop}`).join(", ")})`;
}

/** A number not below `value` of which legends are easily read: 1, 2 or 5 times a power of ten. */
export function roundScale(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((step) => step * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}
