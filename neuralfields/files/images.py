"""Picture files, bit for bit: one way in, one way out. The formats are next door."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files import arrays, exr, others, pillow, png, radiance_hdr, tiff
from neuralfields.files.atomic import write_bytes
from neuralfields.files.content import content, decoding
from neuralfields.files.pixels import Pixels, check_finite

__all__ = ["IMAGE_SUFFIXES", "WRITABLE_SUFFIXES", "Pixels", "image_size", "read_image", "write_image"]


def read_image(path: str | os.PathLike[str]) -> Pixels:
    """Read a picture file with all its bits: the first frame or page, upright (EXIF), alpha straight.

    The content decides the format, whatever the suffix. Integers are display-referred
    (sRGB) over their whole range, EXR and HDR linear. Floats from NPY, NPZ and TIFF count as display-referred if all
    are in [0, 1], else as linear. Colour profiles, gamma and exposure notes are not applied.

    Returns:
        Pixels with values [height, width, 1..4], uint8 | uint16 | float16 | float32.

    Raises:
        FileFormatError: the content is damaged, truncated, or no picture.
        InputError: no such file, a kind of picture that is not read, NaN or infinity, too many pixels.
    """
    path = Path(path)
    data = content(path, "picture file")
    kind = next((kind for kind in _KINDS if kind.matches(data)), None)
    if kind is None:
        start = f"it is no picture, it begins with {data[:12]!r}"
        if path.suffix.lower() in IMAGE_SUFFIXES:
            raise FileFormatError(f"cannot read {path}: {start}")
        raise InputError(f"cannot read {path}: {start}; {path.suffix!r} is none of {_listed(IMAGE_SUFFIXES)}")
    with decoding(f"{path} ({kind.name})"):
        values = kind.decode(data)
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
        check_finite(values)
    floats = values.dtype.kind == "f"
    return Pixels(values, linear=floats and (kind.linear or bool(values.min() < 0 or values.max() > 1)))


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(width, height) of what ``read_image`` would give; from the header alone for PNG and what Pillow knows.

    Raises:
        FileFormatError, InputError: as for ``read_image``, but for damage behind the header.
    """
    path = Path(path)
    size = _size_ahead(path) if path.is_file() else None
    if size is None:
        height, width = read_image(path).values.shape[:2]
        size = width, height
    return size


def write_image(path: str | os.PathLike[str], values: np.ndarray, *, bits: int | None = None) -> None:
    """Write ``values`` [height, width, 1..4] as a picture file, whole or not at all; the suffix decides the format.

    Integers (uint8, uint16) are written as they are. Floats are display-referred and become integers of ``bits`` 8 (the
    default) or 16, clipped to [0, 1] and rounded, for PNG, TIFF, JPEG and WebP. They stay floats in NPY and NPZ, with
    ``bits=32`` in TIFF, and as linear light in EXR (``bits`` 16 or 32) and HDR. Alpha is straight.
    WebP is lossless and turns grey into RGB, as HDR does; JPEG has quality 95.

    Raises:
        InputError: an unknown suffix, a shape, dtype or ``bits`` that the format cannot hold, NaN or infinity, or a
            folder that cannot be written to.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InputError(f"cannot write {path}: unknown suffix {path.suffix!r}, use {_listed(WRITABLE_SUFFIXES)}")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")
    try:
        data = writer.encode(_stored(np.asarray(values), bits, writer))
    except InputError as error:
        raise type(error)(f"cannot write {path}: {error}") from None
    write_bytes(path, data)


def _size_ahead(path: Path) -> tuple[int, int] | None:
    """(width, height) from the header, or None where that takes a decoder."""
    try:
        with path.open("rb") as file:
            is_png = file.read(len(png.SIGNATURE)) == png.SIGNATURE
            file.seek(0)
            return png.header_size(file) if is_png else pillow.header_size(file)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


class _Kind(NamedTuple):
    name: str
    matches: Callable[[bytes], bool]
    decode: Callable[[bytes], np.ndarray]
    linear: bool = False


class _Writer(NamedTuple):
    encode: Callable[[np.ndarray], bytes]
    dtypes: tuple[str, ...]  # the first is the default for floats
    channels: tuple[int, ...] = (1, 2, 3, 4)


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(marks)


def _read_tiff(data: bytes) -> np.ndarray:
    values = tiff.decode(data)
    return pillow.decode(data, "TIFF") if values is None else values


def _write_png(values: np.ndarray) -> bytes:
    return png.encode(values) if values.dtype == np.uint16 else pillow.encode(values, "PNG")


def _with_colour(encode: Callable[[np.ndarray], bytes], values: np.ndarray) -> bytes:
    """Encode grey as RGB, for the formats without grey."""
    colours = values[..., [0, 0, 0, *range(1, values.shape[-1])]] if values.shape[-1] < 3 else values
    return encode(colours)


_KINDS = (
    _Kind("PNG", _starts(png.SIGNATURE), png.decode),
    _Kind("JPEG", _starts(b"\xff\xd8\xff"), partial(pillow.decode, kind="JPEG")),
    _Kind("WebP", lambda data: data[:4] + data[8:12] == b"RIFFWEBP", partial(pillow.decode, kind="WEBP")),
    _Kind("TIFF", _starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _read_tiff),
    _Kind("BMP", _starts(b"BM"), partial(pillow.decode, kind="BMP")),
    _Kind("GIF", _starts(b"GIF87a", b"GIF89a"), partial(pillow.decode, kind="GIF")),
    _Kind("EXR", _starts(b"\x76\x2f\x31\x01"), exr.decode, linear=True),
    _Kind("Radiance HDR", _starts(b"#?"), radiance_hdr.decode, linear=True),
    _Kind("PNM", lambda data: bool(others.PNM.match(data)), partial(others.decode, suffix=".pnm")),
    _Kind("QOI", _starts(b"qoif"), partial(others.decode, suffix=".qoi")),
    _Kind("DDS", _starts(b"DDS "), partial(others.decode, suffix=".dds")),
    _Kind("NPY", _starts(b"\x93NUMPY"), arrays.decode_npy),
    _Kind("NPZ", _starts(b"PK\x03\x04", b"PK\x05\x06"), arrays.decode_npz),
)
_INTEGERS, _FLOATS = ("uint8", "uint16"), ("float32", "float16")
_TIFF = _Writer(tiff.encode, (*_INTEGERS, "float32"))
_JPEG = _Writer(partial(pillow.encode, kind="JPEG"), ("uint8",), (1, 3))
_WRITERS = {
    ".png": _Writer(_write_png, _INTEGERS),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": _Writer(partial(_with_colour, partial(pillow.encode, kind="WEBP")), ("uint8",)),
    ".exr": _Writer(exr.encode, _FLOATS),
    ".hdr": _Writer(partial(_with_colour, radiance_hdr.encode), ("float32",), (1, 3)),
    ".npy": _Writer(arrays.encode_npy, (*_FLOATS, *_INTEGERS)),
    ".npz": _Writer(arrays.encode_npz, (*_FLOATS, *_INTEGERS)),
}
WRITABLE_SUFFIXES: frozenset[str] = frozenset(_WRITERS)
IMAGE_SUFFIXES: frozenset[str] = WRITABLE_SUFFIXES | {
    ".bmp", ".dds", ".gif", ".pbm", ".pgm", ".pic", ".pnm", ".ppm", ".qoi",
}  # fmt: skip


def _listed(suffixes: frozenset[str]) -> str:
    return ", ".join(sorted(suffixes))


def _stored(values: np.ndarray, bits: int | None, writer: _Writer) -> np.ndarray:
    """``values`` as the writer takes them: checked, and floats turned into what ``bits`` asks for."""
    if values.ndim != 3 or values.shape[-1] not in writer.channels or values.size == 0:
        allowed = "|".join(map(str, writer.channels))
        raise InputError(f"the array is {list(values.shape)}, [height, width, {allowed}] would work")
    check_finite(values)
    dtype = np.dtype(_target(values.dtype, bits, writer))
    if dtype.kind == "u" and values.dtype.kind == "f":
        top = np.iinfo(dtype).max
        wide = values.astype(np.promote_types(values.dtype, np.float32), copy=False)
        return np.rint(wide.clip(0, 1) * top).astype(dtype)
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(values, dtype)
    if dtype.kind == "f" and not np.isfinite(stored).all():
        raise InputError(f"values up to {np.abs(values).max():.4g} do not fit {dtype.name}")
    return stored


def _target(given: np.dtype, bits: int | None, writer: _Writer) -> str:
    """The name of the dtype to write."""
    if given.kind == "f" and bits is None:
        return given.name if writer.dtypes[0] == "float32" and given.name in writer.dtypes else writer.dtypes[0]
    if given.kind == "f":
        sizes = {np.dtype(name).itemsize * 8: name for name in reversed(writer.dtypes)}
        if bits not in sizes:
            raise InputError(f"the format cannot hold bits={bits}, it holds {' or '.join(map(str, sorted(sizes)))}")
        return sizes[bits]
    if given.name not in writer.dtypes:
        raise InputError(f"the format cannot hold {given.name}, {' or '.join(writer.dtypes)} would work")
    if bits not in (None, given.itemsize * 8):
        raise InputError(f"the array is {given.name} and written as it is, so bits={bits} cannot be met: give floats")
    return given.name
