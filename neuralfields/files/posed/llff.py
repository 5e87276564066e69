"""Scenes of LLFF (Mildenhall et al., Local Light Field Fusion, SIGGRAPH 2019): ``poses_bounds.npy`` beside ``images``.

A row of 17 numbers for each picture in the order of their names: a matrix [3, 5], row by row, whose columns are the
directions down, right and behind of the camera, its place, and (height, width, focal length) in pixels; then the
distances ahead at which things begin and end. ``images_4`` and ``images_8`` hold the same pictures made smaller: by how
much is seen from them.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files import arrays
from neuralfields.files.atomic import write_bytes
from neuralfields.files.content import content, decoding
from neuralfields.files.posed.gathering import Folders, Gathering
from neuralfields.files.posed.photos import Optics, PosedPhoto, PosedScene, distance_of, plain_focal

_NAME = "poses_bounds.npy"
_COLUMNS = 17


def matches(path: Path) -> bool:
    """Whether a folder, or a file of one, is such a scene."""
    return (path / _NAME).is_file() if path.is_dir() else path.name == _NAME


def read(path: Path, downscale: int | None = None) -> PosedScene:
    """Read a folder.

    Args:
        path: of the folder, or of its ``poses_bounds.npy``.
        downscale: take ``images_4`` for 4; by default ``images`` if it is there, else the largest pictures.

    Raises:
        InputError: the table is damaged, there is no such folder of pictures, it holds more or fewer than the table
            has rows, or no photo can be used.
    """
    file = path / _NAME if path.is_dir() else path
    table = _table(file)
    into = Gathering(file.parent)
    pictures = into.folders.of_pictures(file.parent, downscale)
    names = into.folders.pictures(pictures)
    if len(names) != len(table):
        raise InputError(f"{file} has {len(table)} rows, and {pictures} {len(names)} pictures: they are one for each")
    for name, row in zip(names, table, strict=True):
        matrix, (near, far) = row[:15].reshape(3, 5), row[15:]
        height, width, focal = matrix[:, 4]
        pose = np.stack([matrix[:, 1], -matrix[:, 0], matrix[:, 2], matrix[:, 3]], 1)
        with into.photo(name):
            optics = Optics(_size(width, height), (float(focal), float(focal)))
            into.add(pictures / name, pose, optics, near=distance_of(near), far=distance_of(far))
    return into.scene("llff")


def write(folder: Path, photos: Sequence[PosedPhoto]) -> None:
    """Write ``poses_bounds.npy`` for the photos, which are all the pictures in ``images``, in the order of their names.

    Raises:
        InputError: they are not, a camera is more than a pinhole with square pixels and the principal point in the
            middle, or near and far are not known.
    """
    folders, pictures = Folders(), folder / "images"
    if [photo.path for photo in photos] != [pictures / name for name in folders.pictures(pictures)]:
        raise InputError(f"LLFF numbers pictures by their names: give all of {pictures}, sorted")
    stream = io.BytesIO()
    np.save(stream, np.stack([_row(photo) for photo in photos]))
    write_bytes(folder / _NAME, stream.getvalue())


def _table(file: Path) -> np.ndarray:
    data = content(file, "table of poses")
    with decoding(str(file)):
        shape, _, dtype = arrays.header(io.BytesIO(data))
        if len(shape) != 2 or shape[1] != _COLUMNS or dtype.kind not in "fiu":
            raise FileFormatError(f"it holds {dtype} {list(shape)}: a table of poses is [photos, {_COLUMNS}]")
        if math.prod(shape) * dtype.itemsize > len(data):
            raise FileFormatError(f"it is truncated: its header promises {shape[0]} rows, it has {len(data)} bytes")
        return np.load(io.BytesIO(data), allow_pickle=False).astype(np.float64)


def _size(width: float, height: float) -> tuple[int, int]:
    if not (1 <= width < 1e6 and 1 <= height < 1e6):
        raise InputError(f"its camera has {width:g}x{height:g} pixels")
    return round(float(width)), round(float(height))


def _row(photo: PosedPhoto) -> np.ndarray:
    focal, (width, height) = plain_focal(photo, "LLFF"), photo.size
    if photo.near is None or photo.far is None:
        raise InputError(f"{photo.path.name}: LLFF tells where things begin and end: near and far are not known")
    right, up, behind, place = photo.pose.T
    matrix = np.stack([-up, right, behind, place, [height, width, focal]], 1)
    return np.concatenate([matrix.ravel(), [photo.near, photo.far]])
