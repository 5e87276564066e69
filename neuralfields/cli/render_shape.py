"""The part of ``nf render`` for shapes."""

import argparse
from typing import Any

from neuralfields.checks import one_of
from neuralfields.cli.drawing import check_out, film, written
from neuralfields.cli.parser import needs
from neuralfields.field import Field
from neuralfields.files.images import write_image
from neuralfields.files.video import VIDEO_SUFFIXES
from neuralfields.render import MODES, Surface, framed, render_surface, turntable

_FRAMES = 72
_DEFAULTS = {
    "size": (800, 800), "azimuth": 30.0, "elevation": 20.0, "fov": 30.0, "up": "y", "mode": "shaded",
    "background": "white",
}  # fmt: skip
_VIEW = ("elevation", "distance", "up", "fov", "size")
_LOOK = ("mode", "background")


def draw(field: Field, options: argparse.Namespace) -> str:
    """Write what is asked for; a line about it."""
    for name, value in _DEFAULTS.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    _check(options)
    check_out(options.out, film=options.turntable, fps=options.fps)
    surface, given = Surface.of(field), {name: getattr(options, name) for name in (*_VIEW, *_LOOK)}
    told = (_film if options.turntable else _picture)(surface, options, given)
    return written(options.out, options.size, told)


def _check(options: argparse.Namespace) -> None:
    one_of(MODES, mode=options.mode)
    if options.turntable:
        needs(options.background != "transparent", "a film has a background: give --background white or black")
        needs(options.frames is None or options.frames >= 2, f"--frames is 2 or more, got {options.frames}")
        return
    is_film = options.out.suffix.lower() in VIDEO_SUFFIXES
    needs(not is_film, f"{options.out} is a film: ask for one with --turntable, or give a picture's name")
    for name in ("frames", "fps"):
        needs(getattr(options, name) is None, f"--{name} is of a film: add --turntable")


def _picture(surface: Surface, options: argparse.Namespace, given: dict[str, Any]) -> str:
    look = {name: given.pop(name) for name in _LOOK}
    write_image(options.out, render_surface(surface, framed(surface, options.azimuth, **given), **look))
    return options.mode


def _film(surface: Surface, options: argparse.Namespace, given: dict[str, Any]) -> str:
    frames = options.frames or _FRAMES
    return film(options, turntable(surface, frames=frames, azimuth=options.azimuth, **given), frames)
