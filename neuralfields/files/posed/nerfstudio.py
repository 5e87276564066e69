"""Scenes of nerfstudio and instant-ngp: one ``transforms.json``, see ``transforms`` for what a frame holds.

nerfstudio may tell splits by ``train_filenames``, ``val_filenames`` and ``test_filenames``, and points by
``ply_file_path``. The ``applied_transform`` it notes has been applied to poses and points alike: nothing is left to do.
"""

import json
import os
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files.atomic import write_bytes
from neuralfields.files.meshes import read_mesh, write_mesh
from neuralfields.files.posed import transforms
from neuralfields.files.posed.gathering import Gathering
from neuralfields.files.posed.photos import PosedPhoto, PosedScene, finite_points

_NAME, _POINTS = "transforms.json", "points.ply"
_SPLITS = ("train", "val", "test")
_KEYS = {"opencv": ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"), "fisheye": ("k1", "k2", "k3", "k4")}


def matches(path: Path) -> bool:
    """Whether a folder, or a file of one, is such a scene."""
    return (path / _NAME).is_file() if path.is_dir() else path.suffix.lower() == ".json" and path.is_file()


def read(path: Path, downscale: int | None = None) -> PosedScene:
    """Read a folder with ``transforms.json``, or a JSON file of any name.

    Args:
        path: of either.
        downscale: take ``images_4`` where the file names ``images``, for 4.

    Raises:
        InputError: the file is damaged, or no photo can be used.
    """
    file = path / _NAME if path.is_dir() else path
    tree = transforms.load(file)
    into = Gathering(file.parent)
    splits = {posixpath.normpath(name): split for split in _SPLITS for name in _strings(tree.get(f"{split}_filenames"))}
    transforms.gather(into, tree, transforms.Place(file.parent, splits, downscale or 1))
    points, colours = _points(into, tree)
    return into.scene("nerfstudio", points=points, colours=colours)


def write(
    folder: Path,
    photos: Sequence[PosedPhoto],
    points: np.ndarray | None = None,
    colours: np.ndarray | None = None,
) -> None:
    """Write ``transforms.json`` for photos that lie in the folder, and ``points.ply`` for points [k, 3]."""
    frames = [_frame(photo, folder) for photo in photos]
    shared = {key: value for key, value in frames[0].items() if all(frame.get(key) == value for frame in frames)}
    tree: dict[str, Any] = {**shared, "frames": [_without(frame, shared) for frame in frames]}
    for split in _SPLITS:
        if names := [frame["file_path"] for frame, photo in zip(frames, photos, strict=True) if photo.split == split]:
            tree[f"{split}_filenames"] = names
    if points is not None:
        write_mesh(folder / _POINTS, points, np.empty((0, 3), np.int64), colours=colours)
        tree["ply_file_path"] = _POINTS
    write_bytes(folder / _NAME, json.dumps(tree, indent=1).encode())


def _strings(names: Any) -> Iterator[str]:
    yield from (name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def _points(into: Gathering, tree: transforms.Tree) -> tuple[np.ndarray | None, np.ndarray | None]:
    name = tree.get("ply_file_path")
    if not isinstance(name, str) or not name:
        return None, None
    try:
        found = read_mesh(into.folder / name)
    except InputError as error:
        into.notes.append(f"its points are left out: {error}")
        return None, None
    return finite_points(found.vertices, found.colours)


def _frame(photo: PosedPhoto, folder: Path) -> dict[str, Any]:
    kind, coefficients = photo.lens or ("opencv", ())
    model = {"opencv": "FULL_OPENCV" if any(coefficients[5:]) else "OPENCV", "fisheye": "OPENCV_FISHEYE"}[kind]
    frame: dict[str, Any] = {"camera_model": model if photo.lens else "PINHOLE"}
    frame |= dict(zip(("w", "h", "fl_x", "fl_y", "cx", "cy"), (*photo.size, *photo.focal, *photo.centre), strict=True))
    frame |= dict(zip(_KEYS[kind], coefficients, strict=False))
    frame["file_path"] = _relative(photo.path, folder)
    paths = {"mask_path": photo.mask, "depth_file_path": photo.depth, "normal_file_path": photo.normal}
    frame |= {key: _relative(path, folder) for key, path in paths.items() if path is not None}
    frame |= {key: value for key in ("time", "near", "far") if (value := getattr(photo, key)) is not None}
    frame["transform_matrix"] = [*photo.pose.tolist(), [0.0, 0.0, 0.0, 1.0]]
    return frame


def _without(frame: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """What is a frame's own; its path and pose stay, however many frames there are."""
    own = ("file_path", "transform_matrix", "mask_path", "depth_file_path", "normal_file_path", "time", "near", "far")
    return {key: value for key, value in frame.items() if key not in shared or key in own}


def _relative(path: Path, folder: Path) -> str:
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    # The way up from a folder behind a symbolic link is not that of its name.
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()
