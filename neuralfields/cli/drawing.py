"""What the pictures and films of shapes and of scenes have in common."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from neuralfields.cli.parser import needs, say

if TYPE_CHECKING:
    import numpy as np

FPS = 24.0


def check_out(out: Path, *, film: bool, fps: float | None) -> None:
    """Raise InputError, or MissingExtra, where a picture or a film cannot be written to this path."""
    from neuralfields.files import images, video

    known = video.VIDEO_SUFFIXES if film else images.WRITABLE_SUFFIXES
    text = " ".join(sorted(known))
    needs(out.suffix.lower() in known, f"cannot render to {out}: the suffix is one of {text}")
    needs(out.parent.is_dir(), f"cannot render to {out}: there is no folder {out.parent}")
    if film:
        video.check_video(out, fps or FPS)


def film(options: argparse.Namespace, pictures: Iterable["np.ndarray"], frames: int) -> str:
    """Write a film of so many pictures; what there is to say of it."""
    from neuralfields.files.video import write_video

    shown = pictures if options.quiet else _told(pictures, frames)
    return f"{write_video(options.out, shown, options.fps or FPS)} pictures"


def written(out: Path, size: tuple[int, int], told: str) -> str:
    """A line about a file."""
    return f"{size[0]}x{size[1]}, {told}, {out.stat().st_size / 1e6:.2f} MB"


def _told(pictures: Iterable["np.ndarray"], frames: int) -> Iterator["np.ndarray"]:
    """The pictures, with a line on stderr at every tenth part."""
    for number, picture in enumerate(pictures, 1):
        yield picture
        if number * 10 // frames > (number - 1) * 10 // frames:
            say(f"picture {number} of {frames}")
