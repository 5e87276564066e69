"""Posed photos on disk: four formats, one way in, one way out.

Pictures are found and their sizes read, but not their pixels. A photo that cannot be used (no such picture, a pose
that is singular, mirrored or NaN, a focal length of zero) is left out and named; it is an error if none is left.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neuralfields.checks import one_of
from neuralfields.errors import InputError
from neuralfields.files.posed import blender, colmap, llff, nerfstudio
from neuralfields.files.posed.photos import PosedPhoto, PosedScene

__all__ = ["FORMATS", "PosedPhoto", "PosedScene", "read_scene", "recognise", "write_scene"]


class _Format(NamedTuple):
    matches: Callable[[Path], bool]
    read: Callable[[Path, int | None], PosedScene]
    mark: str  # what such a scene is known by


# In the order in which they are looked for: LLFF's folders often hold COLMAP's model too, which tells more.
_FORMATS = {
    "blender": _Format(blender.matches, blender.read, "transforms_train.json (Blender)"),
    "nerfstudio": _Format(nerfstudio.matches, nerfstudio.read, "transforms.json (nerfstudio, instant-ngp)"),
    "colmap": _Format(colmap.matches, colmap.read, "sparse/0/cameras.bin or .txt (COLMAP)"),
    "llff": _Format(llff.matches, llff.read, "poses_bounds.npy (LLFF)"),
}
FORMATS = tuple(_FORMATS)


def recognise(path: str | os.PathLike[str]) -> str:
    """The format of a scene, one of ``FORMATS``, by the names of the files in its folder; or by that of one of them.

    Raises:
        InputError: there is no such path, or nothing that a scene is known by; the text tells what was looked for.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"cannot read {path}: there is no such folder")
    found = next((name for name, format_ in _FORMATS.items() if format_.matches(path)), None)
    if found is None:
        marks = ", ".join(format_.mark for format_ in _FORMATS.values())
        raise InputError(f"{path} is no scene of posed photos: it has none of {marks}")
    return found


def read_scene(path: str | os.PathLike[str], *, format: str | None = None, downscale: int | None = None) -> PosedScene:
    """Read what a scene's files tell of its photos.

    Args:
        path: the scene's folder, or its JSON file.
        format: one of ``FORMATS``; by default the one that is recognised.
        downscale: 4 takes the pictures in ``images_4`` instead of ``images``; cameras follow the pictures' own size.

    Raises:
        FileFormatError: a file is damaged or truncated.
        InputError: it is no scene, has no such pictures, or none that can be used.
    """
    if format is not None:
        one_of(FORMATS, format=format)
    if downscale is not None and downscale < 1:
        raise InputError(f"downscale is 1 or more, got {downscale}")
    return _FORMATS[format or recognise(path)].read(Path(path), downscale)


def write_scene(
    folder: str | os.PathLike[str],
    photos: Sequence[PosedPhoto],
    format: str,
    *,
    points: np.ndarray | None = None,
    colours: np.ndarray | None = None,
) -> None:
    """Write the files that tell of photos; the pictures are there already, in the folder.

    Blender and LLFF hold plain pinhole cameras, LLFF and COLMAP pictures in ``images``; only COLMAP and nerfstudio hold
    points [k, 3] and their colours [k, 3] uint8. COLMAP's files are binary (``colmap.write`` writes text too).

    Raises:
        InputError: there are no photos, the format cannot hold them, or the folder cannot be written to.
    """
    one_of(FORMATS, format=format)
    folder = Path(folder)
    if not photos:
        raise InputError(f"there are no photos to write to {folder}: give at least one")
    if not folder.is_dir():
        raise InputError(f"cannot write to {folder}: there is no such folder")
    match format:
        case "nerfstudio":
            nerfstudio.write(folder, photos, points, colours)
        case "colmap":
            colmap.write(folder, photos, points, colours)
        case "blender":
            blender.write(folder, photos)
        case _:
            llff.write(folder, photos)
