"""COLMAP's files of cameras, images and points, as text and binary, into plain tables and back.

COLMAP documentation, "Output Format". Binary files are little-endian and begin with the number of records; what they
promise is compared with what they have before anything of that size is made.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from neuralfields.errors import FileFormatError
from neuralfields.files.content import content, decoding

T = TypeVar("T")
_COUNT = struct.Struct("<Q")
_CAMERA = struct.Struct("<iiQQ")
_IMAGE = struct.Struct("<i7di")
_SEEN = np.dtype([("x", "<f8"), ("y", "<f8"), ("point", "<i8")])
_POINT = struct.Struct("<Q3d3BdQ")
_TRACK = 8  # bytes of each view of a point


class Model(NamedTuple):
    number: int
    parameters: int


MODELS = {
    "SIMPLE_PINHOLE": Model(0, 3),
    "PINHOLE": Model(1, 4),
    "SIMPLE_RADIAL": Model(2, 4),
    "RADIAL": Model(3, 5),
    "OPENCV": Model(4, 8),
    "OPENCV_FISHEYE": Model(5, 8),
    "FULL_OPENCV": Model(6, 12),
    "FOV": Model(7, 5),
    "SIMPLE_RADIAL_FISHEYE": Model(8, 4),
    "RADIAL_FISHEYE": Model(9, 5),
    "THIN_PRISM_FISHEYE": Model(10, 12),
}
_NAMES = {model.number: name for name, model in MODELS.items()}


@dataclass(frozen=True)
class CameraRow:
    """A camera: the name of its model, (width, height), and the model's parameters."""

    model: str
    size: tuple[int, int]
    parameters: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ImageRow:
    """An image: from the world to the camera by a quaternion (w, x, y, z) and a translation; the points it shows."""

    name: str
    camera: int
    quaternion: tuple[float, ...]
    translation: tuple[float, ...]
    points: np.ndarray  # [m] int64, numbers of points


@dataclass(frozen=True, eq=False)
class PointRows:
    """Points: their numbers [k] int64, places [k, 3] float64 and colours [k, 3] uint8."""

    number: np.ndarray
    place: np.ndarray
    colour: np.ndarray


@dataclass(frozen=True, eq=False)
class Tables:
    """What a folder with a model holds; cameras by their numbers."""

    cameras: dict[int, CameraRow]
    images: list[ImageRow]
    points: PointRows


def suffix_of(folder: Path) -> str | None:
    """ ".bin" or ".txt" where the folder holds a model, binary if both."""
    for suffix in (".bin", ".txt"):
        if all((folder / f"{name}{suffix}").is_file() for name in ("cameras", "images")):
            return suffix
    return None


def read(folder: Path, suffix: str) -> Tables:
    """Read a model; one without points is complete.

    Raises:
        FileFormatError: a file is damaged or truncated.
        InputError: a file cannot be read.
    """
    form = _FORMS[suffix]
    file = folder / f"points3D{suffix}"
    return Tables(
        _decoded(folder / f"cameras{suffix}", lambda data: dict(form.cameras(data))),
        _decoded(folder / f"images{suffix}", lambda data: list(form.images(data))),
        _decoded(file, form.points) if file.is_file() else _points([]),
    )


def encode(tables: Tables, suffix: str) -> dict[str, bytes]:
    """The bytes of ".bin" or ".txt" files by their names; no point tells the images that show it."""
    form = _FORMS[suffix]
    parts = {"cameras": form.write_cameras, "images": form.write_images, "points3D": form.write_points}
    return {f"{name}{suffix}": write(tables) for name, write in parts.items()}


def _decoded(path: Path, decode: Callable[[bytes], T]) -> T:
    data = content(path, "file of COLMAP")
    with decoding(str(path)):
        return decode(data)


# Binary ---------------------------------------------------------------------------------------------------------------


def _promised(data: bytes, least: int, what: str) -> int:
    """The number of records, which have at least so many bytes each."""
    count = _COUNT.unpack_from(data)[0] if len(data) >= _COUNT.size else 0
    if len(data) < _COUNT.size or count * least > len(data) - _COUNT.size:
        raise FileFormatError(f"it is truncated: it promises {count} {what} and has {len(data)} bytes")
    return count


def _cameras_of_binary(data: bytes) -> Iterator[tuple[int, CameraRow]]:
    at = _COUNT.size
    for _ in range(_promised(data, _CAMERA.size, "cameras")):
        number, model, width, height = _CAMERA.unpack_from(data, at)
        if model not in _NAMES:
            raise FileFormatError(f"camera {number} is of model {model}: there are 0 to {max(_NAMES)}")
        numbers = struct.Struct(f"<{MODELS[_NAMES[model]].parameters}d")
        yield number, CameraRow(_NAMES[model], (width, height), numbers.unpack_from(data, at + _CAMERA.size))
        at += _CAMERA.size + numbers.size


def _images_of_binary(data: bytes) -> Iterator[ImageRow]:
    at = _COUNT.size
    for _ in range(_promised(data, _IMAGE.size + 1 + _COUNT.size, "images")):
        _, *numbers, camera = _IMAGE.unpack_from(data, at)
        end = data.index(b"\0", at + _IMAGE.size)
        name = data[at + _IMAGE.size : end].decode("utf-8", "surrogateescape")
        seen = _COUNT.unpack_from(data, end + 1)[0]
        at = end + 1 + _COUNT.size
        if seen * _SEEN.itemsize > len(data) - at:
            raise FileFormatError(f"it is truncated: image {name!r} promises {seen} points")
        points = np.frombuffer(data, _SEEN, seen, at)["point"]
        at += seen * _SEEN.itemsize
        yield ImageRow(name, camera, tuple(numbers[:4]), tuple(numbers[4:]), points[points >= 0].astype(np.int64))


def _points_of_binary(data: bytes) -> PointRows:
    at, rows = _COUNT.size, []
    for _ in range(_promised(data, _POINT.size, "points")):
        row = _POINT.unpack_from(data, at)
        rows.append(row[:7])
        at += _POINT.size + row[8] * _TRACK
    if at > len(data):
        raise FileFormatError(f"it is truncated: the last point ends at byte {at}, the file at {len(data)}")
    return _points(rows)


def _points(rows: Sequence[Sequence[float]]) -> PointRows:
    """Of rows with number, place and colour."""
    table = np.array(rows, np.float64).reshape(-1, 7)
    if not (np.abs(table[:, [0, 4, 5, 6]]) < 2**62).all():
        raise FileFormatError("a point's number or colour is too large, or none")
    return PointRows(table[:, 0].astype(np.int64), table[:, 1:4], table[:, 4:].clip(0, 255).astype(np.uint8))


def _binary_cameras(tables: Tables) -> bytes:
    rows = [
        _CAMERA.pack(number, MODELS[row.model].number, *row.size)
        + struct.pack(f"<{len(row.parameters)}d", *row.parameters)
        for number, row in tables.cameras.items()
    ]
    return _COUNT.pack(len(rows)) + b"".join(rows)


def _binary_images(tables: Tables) -> bytes:
    parts = [_COUNT.pack(len(tables.images))]
    for number, row in enumerate(tables.images, 1):
        seen = np.zeros(len(row.points), _SEEN)
        seen["point"] = row.points
        name = row.name.encode("utf-8", "surrogateescape")
        parts += [_IMAGE.pack(number, *row.quaternion, *row.translation, row.camera), name, b"\0"]
        parts += [_COUNT.pack(len(seen)), seen.tobytes()]
    return b"".join(parts)


def _binary_points(tables: Tables) -> bytes:
    rows = [_POINT.pack(number, *place, *colour, 0.0, 0) for number, place, colour in _each(tables.points)]
    return _COUNT.pack(len(rows)) + b"".join(rows)


def _each(points: PointRows) -> Iterator[tuple[int, list[float], list[int]]]:
    return zip(points.number.tolist(), points.place.tolist(), points.colour.tolist(), strict=True)


# Text -----------------------------------------------------------------------------------------------------------------


def _lines(data: bytes) -> list[str]:
    """Without comments. Empty ones count among images: what shows no point has one."""
    lines = [line.strip() for line in data.decode("utf-8", "surrogateescape").splitlines()]
    return [line for line in lines if not line.startswith("#")]


def _cameras_of_text(data: bytes) -> Iterator[tuple[int, CameraRow]]:
    for line in filter(None, _lines(data)):
        number, model, width, height, *parameters = line.split()
        if model not in MODELS:
            raise FileFormatError(f"camera {number} is of model {model!r}: there are {', '.join(MODELS)}")
        if len(parameters) != MODELS[model].parameters:
            claim = f"{MODELS[model].parameters} parameters"
            raise FileFormatError(f"camera {number} has {len(parameters)} parameters: {model} has {claim}")
        yield int(number), CameraRow(model, (int(width), int(height)), tuple(map(float, parameters)))


def _images_of_text(data: bytes) -> Iterator[ImageRow]:
    lines = _lines(data)
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    for line, shown in zip(lines[::2], [*lines[1::2], ""], strict=False):
        words = line.split(maxsplit=9)
        if len(words) != 10:
            raise FileFormatError(f"it has the line {line[:60]!r}, an image's has 9 numbers and a name")
        numbers = tuple(map(float, words[1:8]))
        points = np.array(shown.split()[2::3], np.int64)
        yield ImageRow(words[9], int(words[8]), numbers[:4], numbers[4:], points[points >= 0])


def _points_of_text(data: bytes) -> PointRows:
    return _points([[float(word) for word in line.split(maxsplit=7)[:7]] for line in filter(None, _lines(data))])


def _text_cameras(tables: Tables) -> bytes:
    rows = ([number, row.model, *row.size, *row.parameters] for number, row in tables.cameras.items())
    return _written("CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]", rows)


def _text_images(tables: Tables) -> bytes:
    heading = "IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME, then POINTS2D[] as (X, Y, POINT3D_ID)"
    rows: list[list[object]] = []
    for number, row in enumerate(tables.images, 1):
        rows.append([number, *row.quaternion, *row.translation, row.camera, row.name])
        rows.append([word for point in row.points.tolist() for word in (0, 0, point)])
    return _written(heading, rows)


def _text_points(tables: Tables) -> bytes:
    rows = ([number, *place, *colour, 0] for number, place, colour in _each(tables.points))
    return _written("POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[]", rows)


def _written(heading: str, rows: Iterable[Sequence[object]]) -> bytes:
    lines = [f"# {heading}", *(" ".join(map(str, row)) for row in rows), ""]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


class _Form(NamedTuple):
    cameras: Callable[[bytes], Iterator[tuple[int, CameraRow]]]
    images: Callable[[bytes], Iterator[ImageRow]]
    points: Callable[[bytes], PointRows]
    write_cameras: Callable[[Tables], bytes]
    write_images: Callable[[Tables], bytes]
    write_points: Callable[[Tables], bytes]


_FORMS = {
    ".bin": _Form(
        _cameras_of_binary, _images_of_binary, _points_of_binary, _binary_cameras, _binary_images, _binary_points
    ),
    ".txt": _Form(_cameras_of_text, _images_of_text, _points_of_text, _text_cameras, _text_images, _text_points),
}
