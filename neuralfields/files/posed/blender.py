"""Scenes as Blender's scripts write them (Mildenhall et al., NeRF, ECCV 2020): a JSON file for each split.

``transforms_train.json``, ``_val`` and ``_test`` hold ``camera_angle_x``, the angle of view across in radians, and a
list of frames; paths lack the suffix .png. See ``transforms`` for what else a frame may hold.
"""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

from neuralfields.errors import InputError
from neuralfields.files.atomic import write_bytes
from neuralfields.files.posed import transforms
from neuralfields.files.posed.gathering import Gathering
from neuralfields.files.posed.photos import PosedPhoto, PosedScene, plain_focal

SPLITS = ("train", "val", "test")


def matches(path: Path) -> bool:
    """Whether a folder, or a file of one, is such a scene."""
    return bool(_splits(path))


def read(path: Path, downscale: int | None = None) -> PosedScene:
    """Read a folder with all its splits, or one of its JSON files.

    Raises:
        InputError: a file is damaged, or no photo can be used.
    """
    if downscale not in (None, 1):
        raise InputError(f"a Blender scene has pictures of one size, so downscale={downscale} is none of its own")
    into = Gathering(path if path.is_dir() else path.parent)
    for split, file in _splits(path).items():
        transforms.gather(into, transforms.load(file), transforms.Place(into.folder, split))
    return into.scene("blender")


def write(folder: Path, photos: Sequence[PosedPhoto]) -> None:
    """Write the JSON files of photos that lie in the folder; those without a split are of "train".

    Raises:
        InputError: cameras differ in what the format has once for all, or are more than pinholes with square pixels
            and the principal point in the middle.
    """
    for split in SPLITS:
        ours = [photo for photo in photos if (photo.split or "train") == split]
        if ours:
            tree = {"camera_angle_x": _angle(ours), "frames": [_frame(photo, folder) for photo in ours]}
            write_bytes(folder / f"transforms_{split}.json", json.dumps(tree, indent=1).encode())


def _splits(path: Path) -> dict[str, Path]:
    files = {split: path / f"transforms_{split}.json" for split in SPLITS}
    if path.is_dir():
        return {split: file for split, file in files.items() if file.is_file()}
    return {split: path for split, file in files.items() if file.name == path.name}


def _angle(photos: Sequence[PosedPhoto]) -> float:
    angles = [2 * math.atan(photo.size[0] / 2 / plain_focal(photo, "a Blender scene")) for photo in photos]
    if not math.isclose(min(angles), max(angles)):
        raise InputError("a Blender scene has one angle of view for all photos of a split: use nerfstudio")
    return angles[0]


def _frame(photo: PosedPhoto, folder: Path) -> dict[str, object]:
    name = Path(os.path.relpath(photo.path, folder)).as_posix()
    frame: dict[str, object] = {"file_path": f"./{name.removesuffix('.png')}"}
    if photo.time is not None:
        frame["time"] = photo.time
    return {**frame, "transform_matrix": [*photo.pose.tolist(), [0.0, 0.0, 0.0, 1.0]]}
