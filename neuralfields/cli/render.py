"""``nf render``: a picture of a shape, or a film of it turning."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralfields.cli.parser import Parser, importing, needs, say, size, using

if TYPE_CHECKING:
    import numpy as np

    from neuralfields.render import Surface

_EPILOG = """examples:
  nf render runs/bunny bunny.png                          from the upper right, on white
  nf render runs/bunny back.png --azimuth 210 --size 1600x1200 --background transparent
  nf render runs/bunny normals.png --mode normals
  nf render runs/bunny bunny.mp4 --turntable              once around; .gif needs no extra package
"""
_MODES = ("shaded", "normals", "depth", "silhouette")
_BACKGROUNDS = ("white", "black", "transparent")
_FRAMES, _FPS = 72, 24.0
_FILMS = (".gif", ".mp4")


def main(words: Sequence[str]) -> int:
    p = Parser("render", "Draw a fitted shape by sphere tracing.", _EPILOG)
    p.add_argument("path", type=Path, metavar="RUN", help="run folder or .nf file")
    p.add_argument("out", type=Path, metavar="OUT", help=".png .jpg .webp .tif .exr …; with --turntable .mp4 or .gif")
    p.add_argument("--size", type=size, default=(800, 800), metavar="WxH", help="in pixels (default 800x800)")
    p.add_argument("--azimuth", type=float, default=30.0, metavar="DEG", help="of the camera, to the right (30)")
    p.add_argument("--elevation", type=float, default=20.0, metavar="DEG", help="of the camera, from -90 to 90 (20)")
    p.add_argument("--distance", type=float, metavar="D", help="in box units (default: as near as all is seen)")
    p.add_argument("--fov", type=float, default=30.0, metavar="DEG", help="field of view, from top to bottom (30)")
    p.add_argument("--up", choices=("y", "z"), default="y", help="the axis that points up (y)")
    p.add_argument("--mode", choices=_MODES, default="shaded", help="what is shown (shaded)")
    p.add_argument("--background", choices=_BACKGROUNDS, default="white", help="(white)")
    p.add_argument("--turntable", action="store_true", help="a film: once around the shape")
    p.add_argument("--frames", type=int, metavar="N", help=f"of the film (default {_FRAMES})")
    p.add_argument("--fps", type=float, metavar="N", help=f"pictures per second (default {_FPS:g})")
    p.add_argument("--quiet", action="store_true", help="no progress line")
    p.add_backend()
    p.add_trust()
    options = p.read(words)
    _check(options)
    with importing():
        from neuralfields.cli.opening import is_source, open_field
        from neuralfields.files import images, video
        from neuralfields.render import Surface

    films = options.turntable
    if films:
        video.check_video(options.out, options.fps or _FPS)
    known = video.VIDEO_SUFFIXES if films else images.WRITABLE_SUFFIXES
    text = " ".join(sorted(known))
    needs(options.out.suffix.lower() in known, f"cannot render to {options.out}: the suffix is one of {text}")
    needs(options.out.parent.is_dir(), f"cannot render to {options.out}: there is no folder {options.out.parent}")
    field, _ = open_field(options.path, tuple(options.trust))
    needs(field.in_dim != 2, f"{options.path} is a picture: nf export writes it at any size")
    needs(not is_source(options.path, options.out), f"{options.out} is what the run was fitted to: choose another name")
    with using(options.backend):
        told = (_film if films else _picture)(Surface.of(field), options)
    width, height = options.size
    print(f"{options.out}: {width}x{height}, {told}, {options.out.stat().st_size / 1e6:.2f} MB")
    return 0


def _check(options: argparse.Namespace) -> None:
    """What can be refused before anything is loaded."""
    if options.turntable:
        needs(options.background != "transparent", "a film has a background: give --background white or black")
        needs(options.frames is None or options.frames >= 2, f"--frames is 2 or more, got {options.frames}")
        return
    film = options.out.suffix.lower() in _FILMS
    needs(not film, f"{options.out} is a film: ask for one with --turntable, or give a picture's name")
    for name in ("frames", "fps"):
        needs(getattr(options, name) is None, f"--{name} is of a film: add --turntable")


def _view(options: argparse.Namespace) -> dict[str, Any]:
    names = ("elevation", "distance", "up", "fov", "size")
    return {name: getattr(options, name) for name in names}


def _picture(surface: "Surface", options: argparse.Namespace) -> str:
    from neuralfields.files.images import write_image
    from neuralfields.render import framed, render_surface

    camera = framed(surface, options.azimuth, **_view(options))
    write_image(options.out, render_surface(surface, camera, mode=options.mode, background=options.background))
    return options.mode


def _film(surface: "Surface", options: argparse.Namespace) -> str:
    from neuralfields.files.video import write_video
    from neuralfields.render import turntable

    frames = options.frames or _FRAMES
    look = {"azimuth": options.azimuth, "mode": options.mode, "background": options.background}
    pictures = turntable(surface, frames=frames, **look, **_view(options))
    count = write_video(options.out, pictures if options.quiet else _told(pictures, frames), options.fps or _FPS)
    return f"{count} pictures"


def _told(pictures: Iterator["np.ndarray"], frames: int) -> Iterator["np.ndarray"]:
    """The pictures, with a line on stderr at every tenth part."""
    for number, picture in enumerate(pictures, 1):
        yield picture
        if number * 10 // frames > (number - 1) * 10 // frames:
            say(f"picture {number} of {frames}")
