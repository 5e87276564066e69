"""``nf demo``: a real photo, fitted in seconds, with nothing downloaded."""

from collections.abc import Sequence
from pathlib import Path

from neuralfields.cli.parser import Parser

_SECONDS = 10.0


def main(words: Sequence[str]) -> int:
    p = Parser("demo", "Fit a real photo (NASA's astronaut, public domain, from scikit-image) and enlarge it.")
    p.add_argument("--seconds", type=float, default=_SECONDS, metavar="S", help=f"of fitting (default {_SECONDS:g})")
    options = p.read(words)
    from neuralfields.cli import export, fit
    from neuralfields.errors import InputError
    from neuralfields.files.images import write_image

    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise InputError(f"the demo's photo comes with scikit-image, which does not import: {error}") from error
    photo = Path("astronaut.png")
    write_image(photo, astronaut())
    status = fit.main([str(photo), "--seconds", str(options.seconds)])
    if status:
        return status
    return export.main(["runs/astronaut", "astronaut-face.png", "--crop", "170,40,298,168", "--size", "1024x1024"])
