/** Films along a camera's path, made by the browser of exact pictures. */

import { type Camera, along, orbited } from "./camera";
import type { Painter } from "./painter";

export interface Film {
  readonly seconds: number;
  readonly rate: number;
  readonly loop: boolean;
  /** Called after each picture with the share that is done. */
  readonly onProgress?: (share: number) => void;
}

const TYPES = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

/** A format that this browser writes; null if it writes none. */
export function filmType(): string | null {
  if (typeof MediaRecorder === "undefined") return null;
  return TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null;
}

/** Keys of a way once around the target, for `loop`. */
export function turntable(camera: Camera, count = 24): Camera[] {
  return Array.from({ length: count }, (_, k) => orbited(camera, (2 * Math.PI * k) / count, 0));
}

/** How many pictures a film has, and the shares of the path that they show. */
export function moments({ seconds, rate, loop }: Pick<Film, "seconds" | "rate" | "loop">): number[] {
  const count = Math.max(2, Math.round(seconds * rate));
  return Array.from({ length: count }, (_, k) => k / (loop ? count : count - 1));
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * A film of exact pictures from key cameras on.
 *
 * The recorder's clock stands still while a picture is drawn, so that a slow machine makes the same film. Rejected
 * where the painter is disposed of before its end.
 */
export async function record(painter: Painter, keys: readonly Camera[], film: Film): Promise<Blob> {
  const type = filmType();
  if (type === null) throw new Error("this browser cannot record videos");
  const before = painter.view;
  const stream = painter.canvas.captureStream(0);
  const [track] = stream.getVideoTracks() as CanvasCaptureMediaStreamTrack[];
  const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 16e6 });
  const parts: Blob[] = [];
  recorder.ondataavailable = ({ data }): void => void parts.push(data);
  const stopped = new Promise<void>((resolve) => (recorder.onstop = () => resolve()));
  recorder.start();
  recorder.pause();
  const shares = moments(film);
  try {
    for (const [number, share] of shares.entries()) {
      painter.view = { ...painter.view, camera: along(keys, share, film.loop) };
      await painter.settled();
      recorder.resume();
      painter.present();
      track?.requestFrame();
      await pause(1000 / film.rate);
      await painter.settled(); // which it is, unless the painter has gone, and the recorder's stream with it
      recorder.pause();
      film.onProgress?.((number + 1) / shares.length);
    }
  } finally {
    recorder.stop();
    await stopped;
    track?.stop();
    painter.view = before;
  }
  return new Blob(parts, { type });
}
