"""``nf demo``: a real photo, fitted in seconds, with nothing downloaded."""

from collections.abc import Sequence
from pathlib import Path

from neuralfields.cli.parser import Parser, needs

_SECONDS = 10.0


def main(words: Sequence[str]) -> int:
    p = Parser("demo", "Fit a real photo (NASA's astronaut, public domain, from scikit-image) and enlarge it.")
    p.add_argument("--seconds", type=float, default=_SECONDS, metavar="S", help=f"of fitting (default {_SECONDS:g})")
    options = p.read(words)
    import numpy as np

    from neuralfields import runs
    from neuralfields.cli import export, fit
    from neuralfields.errors import InputError
    from neuralfields.files.images import read_image, write_image

    wanted = runs.Options(seconds=options.seconds)
    try:
        from skimage.data import astronaut
    except ImportError as error:
        raise InputError(f"the demo's photo comes with scikit-image, which does not import: {error}") from error
    photo, pixels = Path("astronaut.png"), astronaut()
    if not photo.exists():
        write_image(photo, pixels)
    needs(
        np.array_equal(read_image(photo).values, pixels),
        f"{photo} is here already and another picture: call nf demo in another folder",
    )
    run = runs.start(photo, wanted)
    status = fit.drain(run, fit.parser().parse_args([]))
    if status:
        return status
    face = f"{run.folder.path.name}-face.png"
    return export.main([str(run.folder.path), face, "--crop", "170,40,298,168", "--size", "1024x1024"])
