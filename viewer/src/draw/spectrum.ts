/** The frequencies of pictures: two-dimensional Fourier transforms. */

/** Points of a spectrum along an axis; it shows up to half as many waves over the box. */
export const SIDE = 256;

/** In place: the discrete Fourier transform of `count` numbers, a power of two, `stride` apart (Cooley and Tukey). */
export function transform(re: Float64Array, im: Float64Array, count: number, offset = 0, stride = 1): void {
  reorder(re, im, count, offset, stride);
  for (let size = 2; size <= count; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const angle = (-2 * Math.PI * k) / size;
      const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
      for (let start = k; start < count; start += size) {
        const [i, j] = [offset + start * stride, offset + (start + size / 2) * stride];
        const [a, b, c, d] = [re[i] ?? 0, im[i] ?? 0, re[j] ?? 0, im[j] ?? 0];
        const [x, y] = [c * cosine - d * sine, c * sine + d * cosine];
        re[i] = a + x;
        im[i] = b + y;
        re[j] = a - x;
        im[j] = b - y;
      }
    }
  }
}

function reorder(re: Float64Array, im: Float64Array, count: number, offset: number, stride: number): void {
  for (let i = 1, mirrored = 0; i < count; i++) {
    let bit = count >> 1;
    for (; mirrored & bit; bit >>= 1) mirrored ^= bit;
    mirrored ^= bit;
    if (i >= mirrored) continue;
    for (const values of [re, im]) {
      const [a, b] = [offset + i * stride, offset + mirrored * stride];
      const kept = values[a] ?? 0;
      values[a] = values[b] ?? 0;
      values[b] = kept;
    }
  }
}

/**
 * The decimal logarithm of the amplitudes of an image [side, side], without its mean, frequency 0 in the middle.
 *
 * A Hann window fades the picture out towards its borders, which are no part of it; 1 is a wave of amplitude 1.
 */
export function logSpectrum(values: Float64Array, side: number): Float32Array {
  const [re, im] = [new Float64Array(side * side), new Float64Array(side * side)];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const hann = Array.from({ length: side }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / side));
  for (let j = 0; j < side; j++) {
    for (let i = 0; i < side; i++) {
      re[j * side + i] = ((values[j * side + i] ?? 0) - mean) * (hann[i] ?? 0) * (hann[j] ?? 0);
    }
  }
  for (let j = 0; j < side; j++) transform(re, im, side, j * side, 1);
  for (let i = 0; i < side; i++) transform(re, im, side, i, side);
  const [half, unit] = [side / 2, 8 / (side * side)];
  const logs = new Float32Array(side * side);
  for (let j = 0; j < side; j++) {
    for (let i = 0; i < side; i++) {
      const from = ((j + half) % side) * side + ((i + half) % side);
      logs[j * side + i] = Math.log10(Math.max(Math.hypot(re[from] ?? 0, im[from] ?? 0) * unit, 1e-12));
    }
  }
  return logs;
}

/** The mean of some channels of values [n, 4], of which `channel` is the only one, or null for all. */
export function luminance(values: Float32Array, channels: number, channel: number | null): Float64Array {
  const colours = channels === 2 || channels === 4 ? channels - 1 : channels;
  const chosen = channel === null ? Array.from({ length: colours }, (_, c) => c) : [channel];
  return Float64Array.from({ length: values.length / 4 }, (_, i) =>
    chosen.reduce((sum, c) => sum + (values[4 * i + c] ?? 0), 0) / chosen.length,
  );
}
