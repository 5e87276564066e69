"""Film a scene along a camera's path: its colours, depths and normals side by side.

python apps/render_path.py runs/lego/field.nf path.json lego.mp4 --size 400x400

``neuralfields.render.CameraPath.read`` explains the path's file. Without one the camera goes once around the box.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import neuralfields as nf
from neuralfields.files.video import check_video, write_video

MODES = ("colour", "depth", "normals")
FPS = 24.0


def main(
    path: Path,
    way: Path | None,
    out: Path,
    *,
    size: tuple[int, int] = (400, 400),
    frames: int | None = None,
    modes: Sequence[str] = MODES,
    trust: Sequence[str] = (),
) -> None:
    """Write ``out``.

    Args:
        path: a radiance field's .nf file.
        way: the path's file.
        out: .mp4 or .gif.
        size: of each of the pictures side by side.
        frames: as many as the path's seconds have at 24 per second, unless they are given.
        modes: of ``nf.render.VIEW_MODES``, from left to right.
        trust: packages that the field's classes may be from.

    Raises:
        InputError: the field is no scene, or a file cannot be read or written.
    """
    check_video(out, FPS)
    for mode in modes:
        if mode not in nf.render.VIEW_MODES:
            raise nf.errors.InputError(f"a mode is one of {', '.join(nf.render.VIEW_MODES)}, got {mode!r}")
    field = nf.load(path, trust=tuple(trust))
    if not hasattr(field, "render"):
        raise nf.errors.InputError(f"{path} is no scene: its field cannot be rendered")
    frame = field.frame or nf.Frame.of_box((-1, -1, -1), (1, 1, 1))
    route = nf.render.CameraPath.read(way) if way else nf.render.Surroundings.of_box(frame).orbit()
    cameras = route.frames(frames or max(1, round(route.seconds * FPS)), size)
    clock = time.monotonic()
    count = write_video(out, pictures(field, cameras, modes), FPS)
    print(f"{out}: {count} pictures, {count / (time.monotonic() - clock):.1f} per second")


def pictures(field: nf.Field, cameras: Sequence[nf.geometry.Camera], modes: Sequence[str]) -> Iterator[np.ndarray]:
    """For each camera what it sees in each mode, from left to right; depths as they are in the first view."""
    depths = None
    for camera in cameras:
        view = nf.render.render_view(field, camera, normals="normals" in modes)  # type: ignore[arg-type]
        depths = depths or view.reach
        yield np.concatenate([view.picture(mode, depths=depths) for mode in modes], 1)  # type: ignore[arg-type]


def sides(text: str) -> tuple[int, int]:
    """ "400x300"."""
    width, height = map(int, text.split("x"))
    return width, height


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("path", type=Path, help="a radiance field's .nf file")
    p.add_argument("way", type=Path, nargs="?", help="a path's .json file")
    p.add_argument("out", type=Path, help=".mp4 or .gif")
    p.add_argument("--size", type=sides, default=(400, 400), metavar="WxH", help="of each picture (400x400)")
    p.add_argument("--frames", type=int, metavar="N")
    p.add_argument("--modes", nargs="+", default=MODES, metavar="MODE", help=f"({' '.join(MODES)})")
    p.add_argument("--trust", action="append", default=[], metavar="PACKAGE")
    try:
        main(**vars(p.parse_args()))
    except nf.NeuralFieldsError as error:
        p.error(str(error))
