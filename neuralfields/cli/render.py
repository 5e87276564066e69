"""``nf render``: pictures and films of a shape or of a scene."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from neuralfields.cli.parser import Parser, importing, needs, size, using

_EPILOG = """examples of shapes:
  nf render runs/bunny bunny.png                          from the upper right, on white
  nf render runs/bunny back.png --azimuth 210 --size 1600x1200 --background transparent
  nf render runs/bunny normals.png --mode normals
  nf render runs/bunny bunny.mp4 --turntable              once around; .gif needs no extra package
examples of scenes:
  nf render runs/lego lego.png                            as the first photo was taken, roughly
  nf render runs/lego lego.mp4                            around the scene, or to and fro in front of it
  nf render runs/lego path.json lego.mp4 --mode depth     along a path of your own
  nf render runs/lego views --test                        the held-out views, into a folder

A path is {"keys": [{"eye": [4, 0, 1], "target": [0, 0, 0], "fov": 40}, ...], "seconds": 6, "loop": true}; a key may
have "up" and "time" too, or the matrix "pose" of its camera (4 x 4, x right, y up, looking along -z) in place of "eye".
"""
_MODES = ("shaded", "silhouette", "colour", "opacity", "depth", "normals")
_BACKGROUNDS = ("white", "black", "transparent")
_FOREIGN = {"shape": ("orbit", "spiral", "test", "signal"), "scene": ("turntable", "up")}  # options not for these


def main(words: Sequence[str]) -> int:
    options = _parser().read(words)
    _name(options)
    with importing():
        from neuralfields.cli.opening import is_source, open_field

    field, folder = open_field(options.path, tuple(options.trust))
    needs(field.in_dim != 2, f"{options.path} is a picture: nf export writes it at any size")
    kind = "scene" if (field.in_dim, field.out_dim) == (6, 4) else "shape"
    for name in _FOREIGN[kind]:
        needs(getattr(options, name) in (None, False), f"--{name} is not for a {kind}, which {options.path} is")
    needs(
        kind == "scene" or options.way is None,
        f"a path is for a scene, {options.path} is a shape: nf render RUN OUT --turntable films it",
    )
    needs(not is_source(options.path, options.out), f"{options.out} is what the run was fitted to: choose another name")
    with using(options.backend):
        if kind == "scene":
            from neuralfields.cli import render_scene

            told = render_scene.draw(field, folder, options)
        else:
            from neuralfields.cli import render_shape

            told = render_shape.draw(field, options)
    print(f"{options.out}: {told}")
    return 0


def _parser() -> Parser:
    p = Parser("render", "Draw a fitted shape by sphere tracing, or a fitted scene along its rays.", _EPILOG)
    p.add_argument("path", type=Path, metavar="RUN", help="run folder or .nf file")
    p.add_argument("names", type=Path, nargs="+", metavar="[PATH.json] OUT",
                   help=".png .jpg .webp .tif .exr …; .mp4 or .gif for a film; before it a camera's path "
                   "through a scene")  # fmt: skip
    p.add_argument("--size", type=size, metavar="WxH", help="in pixels (default 800x800; of a scene, the photos')")
    p.add_argument("--azimuth", type=float, metavar="DEG", help="of the camera, to the right (30; of a scene 0)")
    p.add_argument("--elevation", type=float, metavar="DEG",
                   help="of the camera, from -90 to 90 (20; of a scene as the photos)")  # fmt: skip
    p.add_argument("--distance", type=float, metavar="D", help="in box units (default: as near as all is seen); "
                   "of a scene in its own units (as the photos)")  # fmt: skip
    p.add_argument("--fov", type=float, metavar="DEG", help="field of view, from top to bottom (30; as the photos)")
    p.add_argument("--mode", choices=_MODES, help="what is shown: of a shape shaded (default) or silhouette, "
                   "of a scene colour (default) or opacity, of both depth or normals")  # fmt: skip
    p.add_argument("--background", choices=_BACKGROUNDS, help="(white; of a scene without masks black)")
    p.add_argument("--frames", type=int, metavar="N", help="of a film (default 72, or as a path's seconds say)")
    p.add_argument("--fps", type=float, metavar="N", help="pictures per second (default 24)")
    shapes = p.add_argument_group("shapes")
    shapes.add_argument("--up", choices=("y", "z"), help="the axis that points up (y)")
    shapes.add_argument("--turntable", action="store_true", help="a film: once around the shape")
    scenes = p.add_argument_group("scenes")
    scenes.add_argument("--orbit", action="store_true", help="a film: once around what the photos show")
    scenes.add_argument("--spiral", action="store_true", help="a film: to and fro where the photos were taken")
    scenes.add_argument("--test", action="store_true", help="the views that were held out, into the folder OUT")
    scenes.add_argument("--signal", type=Path, metavar="PATH", help="the photos, if they are not where the run says")
    p.add_argument("--quiet", action="store_true", help="no progress line")
    p.add_backend()
    p.add_trust()
    return p


def _name(options: argparse.Namespace) -> None:
    """The names behind the run's: ``out``, and ``way``, a file with a path, or None."""
    *before, options.out = options.names
    needs(len(before) < 2, f"nf render takes a run, a path and a name to write to, got {len(before) + 2} names")
    options.way = before[0] if before else None
    needs(
        options.way is None or options.way.suffix.lower() == ".json",
        f"{options.way} is no path of a camera, which is a .json file; the order is nf render RUN PATH.json OUT",
    )
