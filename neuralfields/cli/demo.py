"""``nf demo``: something real, fitted in seconds, with nothing downloaded."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuralfields.cli.parser import Parser, needs, say

if TYPE_CHECKING:
    from neuralfields.runs import Run

_SECONDS = 10.0
_EPILOG = """what there is:
  nf demo                  a photo (NASA's astronaut, public domain, from scikit-image), enlarged
  nf demo scene            40 pictures of a few solids by a ray tracer, then the scene from new places beside the truth
"""
_SCENE = "objects"


def main(words: Sequence[str]) -> int:
    p = Parser("demo", "Fit something that comes along.", _EPILOG)
    p.add_argument("what", nargs="?", choices=("photo", "scene"), default="photo", help="(photo)")
    p.add_argument("--seconds", type=float, default=_SECONDS, metavar="S", help=f"of fitting (default {_SECONDS:g})")
    options = p.read(words)
    return _scene(options) if options.what == "scene" else _photo(options)


def _photo(options: argparse.Namespace) -> int:
    import numpy as np

    from neuralfields import runs
    from neuralfields.cli import export
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
    status = _drained(run)
    if status:
        return status
    face = f"{run.folder.path.name}-face.png"
    return export.main([str(run.folder.path), face, "--crop", "170,40,298,168", "--size", "1024x1024"])


def _scene(options: argparse.Namespace) -> int:
    from neuralfields import runs
    from neuralfields.cli.opening import open_field
    from neuralfields.files.images import write_image
    from neuralfields.signals import synthetic

    wanted, photos = runs.Options(seconds=options.seconds), Path(_SCENE)
    if not photos.exists():
        say(f"rendering pictures into {photos}")
        synthetic.write(photos, _SCENE)
    needs(
        synthetic.written(photos, _SCENE),
        f"{photos} is here already and not, or not all of, the demo's scene: call nf demo scene in another folder",
    )
    run = runs.start(photos, wanted, tell=say)
    status = _drained(run)
    if status:
        return status
    field, _ = open_field(run.folder.path, ())
    world = synthetic.world(_SCENE)
    errors, picture = synthetic.judge(field, world, world.cameras(8, first=0.5))  # type: ignore[arg-type]
    out = f"{run.folder.path.name}-beside-truth.png"
    write_image(out, picture, bits=8)
    print(
        f"{out}: {errors['psnr']:.2f} dB from new places, depths are off by {errors['depth_error']:.3f} in a scene "
        f"2.3 wide, normals by {errors['normal_error']:.1f} degrees"
    )
    return 0


def _drained(run: "Run") -> int:
    from neuralfields.cli import fit

    return fit.drain(run, fit.parser().parse_args([]))
