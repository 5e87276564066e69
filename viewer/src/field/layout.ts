import type { Learned, Program } from "../protocol";

/** Texels in a row of a texture with weights, and of one with a table. */
export const WEIGHTS_WIDTH = 1024;
export const TABLE_WIDTH = 2048;

/** Where the arrays of a program lie: one texture of RGBA32F for all weights, one for each table. */
export interface Layout {
  /** The first texel of each array's weights, of a table's scales. */
  readonly start: ReadonlyMap<string, number>;
  readonly texels: number;
  readonly tables: readonly Learned[];
  readonly occupied: Learned | null;
}

export function layoutOf(program: Program): Layout {
  const start = new Map<string, number>();
  let texels = 0;
  for (const array of program.arrays) {
    if (array.name === "occupied") continue;
    start.set(array.name, texels);
    texels += texelsOf(array);
  }
  const tables = program.arrays.filter((array) => array.table);
  return { start, texels, tables, occupied: program.arrays.find((array) => array.name === "occupied") ?? null };
}

/** A matrix is in blocks of 4 x 4, column after column; a vector in fours; a table has one texel per scale. */
function texelsOf(array: Learned): number {
  if (array.table) return array.parts.length;
  const [rows = 1, columns] = array.shape;
  return columns === undefined ? fours(rows) : 4 * fours(rows) * fours(columns);
}

/** In how many groups of four so many values are. */
export function fours(values: number): number {
  return Math.ceil(values / 4);
}

/** Channels of a texel of a table, and texels of a row. */
export function texelOf(features: number): { channels: 1 | 2 | 4; texels: number } {
  return features <= 2 ? { channels: features as 1 | 2, texels: 1 } : { channels: 4, texels: fours(features) };
}

export function tableSampler(number: number): string {
  return `nf_table${number}`;
}
