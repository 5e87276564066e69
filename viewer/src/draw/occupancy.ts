/** Which cells of the box may hold something, and how far one may go through those that do not. */

/** Cells along an axis of a block, by which distances are measured. */
export const BLOCK = 4;
const FARTHEST = 254;

/**
 * For each cell [z, y, x] 0 if it is occupied; else 1 + how many blocks away (the largest difference along an axis) the
 * nearest block is that has something in it.
 *
 * Args: bits, one a cell, x fastest, the first cell in a byte's lowest bit.
 */
export function skips(bits: Uint8Array, cells: number): Uint8Array {
  const side = Math.ceil(cells / BLOCK);
  const blocks = new Uint8Array(side ** 3).fill(FARTHEST);
  const blockAt = (x: number, row: number): number =>
    (Math.floor(row / cells / BLOCK) * side + Math.floor((row % cells) / BLOCK)) * side + Math.floor(x / BLOCK);
  eachOccupied(bits, (cell) => (blocks[blockAt(cell % cells, Math.floor(cell / cells))] = 0));
  spread(blocks, side);
  const [found, line] = [new Uint8Array(cells ** 3), new Uint8Array(cells)];
  for (let row = 0; row < cells ** 2; row++) {
    // Rows of one block are alike.
    if (row % cells % BLOCK === 0) for (let x = 0; x < cells; x++) line[x] = 1 + (blocks[blockAt(x, row)] ?? 0);
    found.set(line, row * cells);
  }
  eachOccupied(bits, (cell) => (found[cell] = 0));
  return found;
}

/** Most bytes have none. */
function eachOccupied(bits: Uint8Array, visit: (cell: number) => void): void {
  bits.forEach((byte, k) => {
    for (let bit = 0; byte >> bit > 0; bit++) if ((byte >> bit) & 1) visit(8 * k + bit);
  });
}

/** In place: from 0 at some places to the distance of the nearest one, by one sweep there and one back. */
function spread(distance: Uint8Array, side: number): void {
  const before: readonly [number, number, number][] = neighbours();
  for (const sign of [1, -1]) {
    for (let k = 0; k < side ** 3; k++) {
      const place = sign > 0 ? k : side ** 3 - 1 - k;
      const [x, y, z] = [place % side, Math.floor(place / side) % side, Math.floor(place / side ** 2)];
      let least = distance[place] ?? 0;
      for (const [dx, dy, dz] of before) {
        const [u, v, w] = [x + sign * dx, y + sign * dy, z + sign * dz];
        if (Math.min(u, v, w) < 0 || Math.max(u, v, w) >= side) continue;
        least = Math.min(least, (distance[(w * side + v) * side + u] ?? 0) + 1);
      }
      distance[place] = least;
    }
  }
}

/** The 13 of 26 neighbours that a sweep has seen already. */
function neighbours(): [number, number, number][] {
  const all: [number, number, number][] = [];
  for (let dz = -1; dz <= 1; dz++) {
    for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) all.push([dx, dy, dz]);
  }
  return all.slice(0, 13);
}
