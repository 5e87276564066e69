"""What the JSON files of Blender, nerfstudio and instant-ngp scenes have in common: a list of frames.

Intrinsics stand at the top or in a frame, which counts more: ``fl_x``, ``fl_y``, ``cx``, ``cy``, ``w``, ``h`` in
pixels, or ``camera_angle_x``, ``camera_angle_y`` in radians; ``camera_model`` or ``is_fisheye`` with the coefficients
``k1``, ``k2``, ``p1``, ``p2``, ``k3``. ``transform_matrix`` is the pose as ``PosedPhoto`` has it. ``near`` and ``far``
of a frame are ours: distances as ``PosedPhoto`` has them; what is none is taken for not told.
"""

import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.content import content
from neuralfields.files.posed.gathering import Folders, Gathering
from neuralfields.files.posed.photos import Optics, distance_of

Tree = Mapping[str, Any]
_HUGE = 1e9  # pixels
_PINHOLES = ("SIMPLE_PINHOLE", "PINHOLE")
_OPENCV = ("SIMPLE_RADIAL", "RADIAL", "OPENCV")
_FISHEYES = ("SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE", "OPENCV_FISHEYE")
MODELS = (*_PINHOLES, *_OPENCV, "FULL_OPENCV", *_FISHEYES)
_ENDS = (".exr", ".png", ".npy", "_0001.png", "_0000.png", "_0001.exr")  # of depths and normals beside a picture
_RADIAL, _RATIONAL = ("k1", "k2", "p1", "p2", "k3"), ("k4", "k5", "k6")


def load(path: Path) -> dict[str, Any]:
    """The object in a JSON file whose ``frames`` are a list of objects.

    Raises:
        FileFormatError: it is no JSON, or another one.
        InputError: there is no such file, or it cannot be read.
    """
    data = content(path, "JSON file")
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"cannot read {path}: it is no JSON ({error})") from None
    frames = tree.get("frames") if isinstance(tree, dict) else None
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise FileFormatError(f"cannot read {path}: its 'frames' are no list of objects, as those of a scene are")
    return tree


def gather(into: Gathering, tree: Tree, place: "Place") -> None:
    """All frames of a file become photos of ``into``, or are left out."""
    shared = {key: value for key, value in tree.items() if key != "frames"}
    for number, frame in enumerate(tree["frames"]):
        name = str(frame.get("file_path", f"frame {number}"))
        with into.photo(name):
            path = place.picture(frame)
            others: dict[str, Any] = {"mask": place.file(frame, "mask_path", into.folders)}
            for kind in ("depth", "normal"):
                told = place.file(frame, f"{kind}_file_path", into.folders)
                others[kind] = told or _beside(path, kind, into.folders)
            time = number_of(frame, "time") if "time" in frame else None
            others |= {key: distance_of(frame.get(key)) for key in ("near", "far")}
            optics = optics_of({**shared, **frame})
            into.add(path, matrix_of(frame), optics, split=place.split_of(name), time=time, **others)


@dataclass(frozen=True)
class Place:
    """Where a file's paths begin, which of the pictures' resolutions is taken, and how photos are split.

    Attributes:
        folder: where the JSON file lies.
        split: of all its photos, or of each by the name it has in the file.
        downscale: 4 for images_4 instead of images.
    """

    folder: Path
    split: str | Mapping[str, str] | None = None
    downscale: int = 1

    def split_of(self, name: str) -> str | None:
        return self.split.get(posixpath.normpath(name)) if isinstance(self.split, Mapping) else self.split

    def picture(self, frame: Tree) -> Path:
        name = frame.get("file_path")
        if not isinstance(name, str) or not name or "\0" in name:
            raise InputError(f"its file_path is {name!r}, no path")
        path = Path(name)
        if self.downscale > 1:
            if not path.parent.name:
                raise InputError(f"its file_path names no folder, of which there could be one for 1/{self.downscale}")
            path = path.parent.with_name(f"{path.parent.name}_{self.downscale}") / path.name
        return self.folder / path

    def file(self, frame: Tree, key: str, folders: Folders) -> Path | None:
        """The file that a frame names under ``key``, where there is one."""
        name = frame.get(key)
        path = self.folder / name if isinstance(name, str) and "\0" not in name else None
        return path if path is not None and folders.has(path) else None


def number_of(tree: Tree, key: str) -> float:
    """A number of a JSON file, which may be NaN; raises InputError where something else stands."""
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"its {key} is {value!r}, no number")
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"its {key} is {str(value)[:12]}…, too large a number") from None


def matrix_of(frame: Tree) -> np.ndarray:
    """A frame's ``transform_matrix``; raises InputError where it is none."""
    given = frame.get("transform_matrix")
    try:
        if isinstance(given, list):
            return np.array(given, np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"its transform_matrix is {str(given)[:60]}, no matrix")


def optics_of(tree: Tree) -> Optics:
    """The intrinsics that a file tells.

    Raises:
        InputError: they are no numbers, or of a camera that is not known.
    """
    size = None
    if "w" in tree and "h" in tree:
        width, height = number_of(tree, "w"), number_of(tree, "h")
        if not (1 <= width < _HUGE and 1 <= height < _HUGE):
            raise InputError(f"its camera has {width:g}x{height:g} pixels")
        size = int(width), int(height)
    centre = (number_of(tree, "cx"), number_of(tree, "cy")) if "cx" in tree and "cy" in tree else None
    lens = _lens(tree)
    if "fl_x" in tree:
        across = number_of(tree, "fl_x")
        focal = across, number_of(tree, "fl_y") if "fl_y" in tree else across
        return Optics(size, focal, None, centre, lens)
    if "camera_angle_x" not in tree:
        raise InputError("nothing tells its focal length: fl_x or camera_angle_x would")
    down = number_of(tree, "camera_angle_y") if "camera_angle_y" in tree else None
    return Optics(size, None, (number_of(tree, "camera_angle_x"), down), centre, lens)


def _lens(tree: Tree) -> tuple[str, tuple[float, ...]] | None:
    model = tree.get("camera_model", "OPENCV_FISHEYE" if tree.get("is_fisheye") else "OPENCV")
    if model not in MODELS:
        raise InputError(f"its camera_model is {model!r}: {', '.join(MODELS)} work")
    if model in _PINHOLES:
        return None
    if model in _FISHEYES:
        return "fisheye", tuple(_coefficient(tree, key) for key in ("k1", "k2", "k3", "k4"))
    rational = tuple(_coefficient(tree, key) for key in _RATIONAL)
    if model != "FULL_OPENCV" and any(rational):
        raise InputError(f"its {model} camera has k4 = {rational[0]:g}: programs differ in what that means")
    found = tuple(_coefficient(tree, key) for key in _RADIAL) + rational
    return ("opencv", found) if any(found) else None


def _coefficient(tree: Tree, key: str) -> float:
    return number_of(tree, key) if tree.get(key) is not None else 0.0


def _beside(picture: Path, kind: str, folders: Folders) -> Path | None:
    """The file that Blender's scripts write beside r_0.png: r_0_depth_0001.png, or r_0_depth.exr."""
    return folders.beside(picture, [f"{picture.stem}_{kind}{end}" for end in _ENDS])
