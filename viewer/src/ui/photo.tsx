import { useSignalEffect } from "@preact/signals";
import { letterbox } from "../draw/camera";
import { photoKey, photos } from "../content";
import { one, photo, view } from "../store";
import { canvasSize } from "../canvas";

/** A camera's photo over the picture from there, as opaque as wished. */
export function Photo() {
  const [each, at] = [one.value, view.value?.camera.view ?? null];
  useSignalEffect(() => {
    if (view.value?.camera.view == null) photo.value = 0;
  });
  const camera = at === null ? undefined : each?.views[at];
  if (each === null || at === null || camera === undefined || photo.value === 0) return null;
  const picture = photos.value.get(photoKey(each.id, at));
  if (picture === undefined) return null;
  const { width, height } = canvasSize.value;
  const place = letterbox(camera.size, width, height);
  const style = Object.fromEntries(Object.entries(place).map(([name, value]) => [name, `${value}px`]));
  return <img class="photo" src={picture.url} alt={`Photo ${camera.name}`} style={{ ...style, opacity: photo.value }} />;
}
