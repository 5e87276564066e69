"""Scenes of COLMAP (Schönberger and Frahm, Structure-from-Motion Revisited, CVPR 2016): a model beside ``images``.

The model lies in ``sparse/0``, ``sparse``, ``colmap/sparse/0`` or the folder itself, as text or binary. COLMAP's poses
lead from the world to a camera that looks along +z with y down; they are inverted and turned here, the world stays.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files.atomic import write_bytes
from neuralfields.files.posed import colmap_files
from neuralfields.files.posed.colmap_files import CameraRow, ImageRow, PointRows, Tables
from neuralfields.files.posed.gathering import Folders, Gathering
from neuralfields.files.posed.photos import Optics, PosedPhoto, PosedScene, finite_points, from_opencv

_PLACES = ("sparse/0", "sparse", "colmap/sparse/0", ".")
_NEAREST, _FARTHEST = 0.1, 99.9  # percentiles of the points that an image shows

Lens = tuple[str, tuple[float, ...]]
# How many focal lengths the parameters begin with, and the lens made of those behind the principal point.
_LENSES: dict[str, tuple[int, Callable[..., Lens | None]]] = {
    "SIMPLE_PINHOLE": (1, lambda: None),
    "PINHOLE": (2, lambda: None),
    "SIMPLE_RADIAL": (1, lambda k: ("opencv", (k,))),
    "RADIAL": (1, lambda k1, k2: ("opencv", (k1, k2))),
    "OPENCV": (2, lambda *rest: ("opencv", rest)),
    "FULL_OPENCV": (2, lambda *rest: ("opencv", rest)),
    "OPENCV_FISHEYE": (2, lambda *rest: ("fisheye", rest)),
    "SIMPLE_RADIAL_FISHEYE": (1, lambda k: ("fisheye", (k,))),
    "RADIAL_FISHEYE": (1, lambda k1, k2: ("fisheye", (k1, k2))),
}


def matches(path: Path) -> bool:
    """Whether a folder is such a scene, or such a model."""
    return path.is_dir() and _model(path) is not None


def read(path: Path, downscale: int | None = None) -> PosedScene:
    """Read a folder.

    Args:
        path: of the scene, or of its model.
        downscale: take ``images_4`` for 4; by default ``images`` if it is there, else the largest pictures.

    Raises:
        InputError: the model is damaged, there is no such folder of pictures, or no photo can be used.
    """
    found = _model(path)
    if found is None:
        raise InputError(f"{path} holds no model of COLMAP")
    model, suffix = found
    tables = colmap_files.read(model, suffix)
    into = Gathering(_scene(path, model))
    pictures = into.folders.of_pictures(into.folder, downscale)
    paths = _paths(into, pictures, [row.name for row in tables.images])
    depths = _Depths(tables.points)
    for row in sorted(tables.images, key=lambda row: row.name):
        with into.photo(row.name):
            pose = _pose(row)
            near, far = depths.of(row.points, pose)
            into.add(paths[row.name], pose, _optics(tables.cameras.get(row.camera), row.camera), near=near, far=far)
    without = len(into.folders.pictures(pictures)) - len(tables.images)
    if without > 0:
        into.notes.append(f"{without} pictures in {pictures.name} have no pose in the model")
    points, colours = finite_points(tables.points.place, tables.points.colour)
    return into.scene("colmap", points=points, colours=colours)


def write(
    folder: Path,
    photos: Sequence[PosedPhoto],
    points: np.ndarray | None = None,
    colours: np.ndarray | None = None,
    *,
    binary: bool = True,
) -> None:
    """Write ``sparse/0`` for photos that lie in the folder's ``images``, and points [k, 3] with uint8 colours.

    Raises:
        InputError: a photo lies elsewhere.
    """
    cameras: dict[CameraRow, int] = {}
    rows = []
    for photo in photos:
        number = cameras.setdefault(_camera_row(photo), len(cameras) + 1)
        rows.append(_image_row(photo, folder / "images", number))
    place = np.empty((0, 3)) if points is None else np.asarray(points, np.float64)
    colour = np.zeros((len(place), 3), np.uint8) if colours is None else colours
    table = PointRows(np.arange(1, len(place) + 1), place, colour)
    tables = Tables({number: row for row, number in cameras.items()}, rows, table)
    model = folder / "sparse" / "0"
    try:
        model.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {model}: {error.strerror or error}") from error
    for name, data in colmap_files.encode(tables, ".bin" if binary else ".txt").items():
        write_bytes(model / name, data)


def _model(path: Path) -> tuple[Path, str] | None:
    """Where the model is, and the suffix of its files."""
    folders = [path / place for place in _PLACES]
    return next(((folder, suffix) for folder in folders if (suffix := colmap_files.suffix_of(folder))), None)


def _scene(path: Path, model: Path) -> Path:
    """The folder that holds the pictures' folder: the one given, or one above it, if it is the model's own."""
    above = path.resolve().parents[:3] if model.samefile(path) else ()
    return next((folder for folder in (path, *above) if _has_pictures(folder)), path)


def _has_pictures(folder: Path) -> bool:
    return any(found.is_dir() for found in folder.glob("images*"))


def _paths(into: Gathering, pictures: Path, names: Sequence[str]) -> dict[str, Path]:
    """The picture of each image: of its name, or its name with another suffix; smaller ones by order, as LLFF's."""
    found = {name: _picture(into.folders, pictures / name) for name in names}
    there = into.folders.pictures(pictures)
    if any(found.values()) or pictures.name == "images" or len(there) != len(names):
        return {name: path or pictures / name for name, path in found.items()}
    into.notes.append(f"pictures in {pictures.name} have other names than in the model: they are taken in their order")
    return {name: pictures / other for name, other in zip(sorted(names), there, strict=True)}


def _picture(folders: Folders, path: Path) -> Path | None:
    return path if folders.has(path) else folders.picture(path.with_suffix(""))


def _pose(row: ImageRow) -> np.ndarray:
    """From the camera to the world, as ours."""
    length = math.hypot(*row.quaternion)
    if not 0 < length < math.inf:
        raise InputError(f"its rotation is the quaternion {row.quaternion}, which has no direction")
    w, x, y, z = (part / length for part in row.quaternion)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    place = -turn.T @ np.array(row.translation)
    return from_opencv(np.concatenate([turn.T, place[:, None]], 1))


def _optics(row: CameraRow | None, number: int) -> Optics:
    if row is None:
        raise InputError(f"its camera {number} is not among the cameras")
    if row.model not in _LENSES:
        raise InputError(f"its camera is of the model {row.model}: {', '.join(_LENSES)} work")
    if min(row.size) < 1:
        raise InputError(f"its camera has {row.size[0]}x{row.size[1]} pixels")
    focals, lens = _LENSES[row.model]
    numbers = row.parameters
    focal, centre, rest = numbers[:focals], numbers[focals : focals + 2], numbers[focals + 2 :]
    return Optics(row.size, (focal[0], focal[-1]), None, (centre[0], centre[1]), lens(*rest))


class _Depths:
    """How far ahead of an image the points are that it shows."""

    def __init__(self, points: PointRows):
        order = np.argsort(points.number)
        self._number, self._place = points.number[order], points.place[order]

    def of(self, points: np.ndarray, pose: np.ndarray) -> tuple[float | None, float | None]:
        """The nearest and farthest of those numbered ``points``, but for a thousandth; None where there are none."""
        at = np.searchsorted(self._number, points).clip(max=max(len(self._number) - 1, 0))
        known = at[self._number[at] == points] if len(self._number) else at[:0]
        depth = (self._place[known] - pose[:, 3]) @ -pose[:, 2]
        depth = depth[np.isfinite(depth) & (depth > 0)]
        if not len(depth):
            return None, None
        near, far = np.percentile(depth, [_NEAREST, _FARTHEST])
        return float(near), float(far)


def _camera_row(photo: PosedPhoto) -> CameraRow:
    kind, given = photo.lens or ("", ())
    most = {"": 0, "opencv": 8 if any(given[4:]) else 4, "fisheye": 4}[kind]
    model = {
        ("", 0): "PINHOLE",
        ("opencv", 4): "OPENCV",
        ("opencv", 8): "FULL_OPENCV",
        ("fisheye", 4): "OPENCV_FISHEYE",
    }
    numbers = (*given, *[0.0] * most)[:most]
    return CameraRow(model[kind, most], photo.size, (*photo.focal, *photo.centre, *numbers))


def _image_row(photo: PosedPhoto, pictures: Path, camera: int) -> ImageRow:
    if not photo.path.is_relative_to(pictures):
        raise InputError(f"{photo.path} does not lie in {pictures}, where COLMAP's pictures do")
    pose = from_opencv(photo.pose)
    turn = pose[:, :3].T
    translation = tuple((-turn @ pose[:, 3]).tolist())
    name = photo.path.relative_to(pictures).as_posix()
    return ImageRow(name, camera, _quaternion(turn), translation, np.empty(0, np.int64))


def _quaternion(turn: np.ndarray) -> tuple[float, ...]:
    """(w, x, y, z) of a rotation [3, 3]: the eigenvector of the largest eigenvalue of Bar-Itzhack's matrix (2000)."""
    (a, b, c), (d, e, f), (g, h, i) = turn.tolist()
    lower = [
        [a + e + i, 0, 0, 0],
        [h - f, a - e - i, 0, 0],
        [c - g, b + d, e - a - i, 0],
        [d - b, c + g, f + h, i - a - e],
    ]
    vector = np.linalg.eigh(np.array(lower))[1][:, -1]
    return tuple((vector * (1 if vector[0] >= 0 else -1)).tolist())
