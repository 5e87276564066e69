"""Pictures as NumPy arrays: .npy, and .npz with one array or one called rgb or image."""

import io
import math
import zipfile
from collections.abc import Callable
from typing import IO

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.pixels import check_size

_NAMES = ("rgb", "image")
_PIECE = 2**20  # samples that are read at a time: only so many are held twice


def decode_npy(data: bytes) -> np.ndarray:
    """Give the array [height, width, channels], uint8 | uint16 | float16 | float32 (float64 is rounded to it).

    Raises:
        FileFormatError: a damaged or truncated file.
        InputError: another shape or dtype (pickled objects are never loaded), or over ``MAX_PIXELS`` or ``MAX_BYTES``.
    """
    return _array(io.BytesIO(data), len(data))


def decode_npz(data: bytes) -> np.ndarray:
    """The same for the picture in an .npz; raises InputError if it is not clear which array that is."""
    return the_one(data, _NAMES, _array)


def encode_npy(values: np.ndarray) -> bytes:
    """An .npy file's bytes for ``values``."""
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()


def encode_npz(values: np.ndarray) -> bytes:
    """A compressed .npz file's bytes, with ``values`` under the key image."""
    stream = io.BytesIO()
    np.savez_compressed(stream, image=values)
    return stream.getvalue()


def the_one(data: bytes, names: tuple[str, ...], read: Callable[[IO[bytes], int], np.ndarray]) -> np.ndarray:
    """What ``read``, given a stream and its length, makes of the only array of an .npz, or of one with these names.

    Raises:
        InputError: it is not clear which array that is.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        found = list(members) if len(members) == 1 else [name for name in names if name in members]
        if len(found) != 1:
            held, wanted = ", ".join(members) or "(none)", " or ".join(names)
            raise InputError(f"it holds the arrays {held}: a single one, or one called {wanted}, works")
        with archive.open(members[found[0]]) as stream:
            return read(stream, members[found[0]].file_size)


def header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns come first, and dtype of the .npy that begins here."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(stream)
    if version not in readers:
        raise InputError(f"its NPY format is {version[0]}.{version[1]}: 1.0 and 2.0 work")
    return readers[version](stream)


def _array(stream: IO[bytes], size: int) -> np.ndarray:
    """Read an array of at most ``size`` bytes, its header checked before anything is allocated."""
    shape, column_major, dtype = header(stream)
    if not (len(shape) == 2 or (len(shape) == 3 and 1 <= shape[2] <= 4)):
        raise InputError(f"its array is {list(shape)}: [height, width] or [height, width, 1..4] works")
    if dtype.name not in ("uint8", "uint16", "float16", "float32", "float64"):
        raise InputError(f"its array is {dtype.name}: uint8, uint16, float16, float32 or float64 works")
    check_size(shape[1], shape[0], bytes_per_pixel=math.prod(shape[2:]) * dtype.itemsize)
    count = math.prod(shape)
    wanted = count * dtype.itemsize
    if wanted > size:
        raise FileFormatError(f"it is truncated: its header promises {wanted} bytes of pixels")
    values = np.empty(count, np.float32 if dtype.itemsize == 8 else dtype.newbyteorder("="))
    for start in range(0, count, _PIECE):
        part = values[start : start + _PIECE]
        content = stream.read(part.size * dtype.itemsize)
        if len(content) != part.size * dtype.itemsize:
            raise FileFormatError(f"it is truncated: its header promises {wanted} bytes of pixels")
        part[:] = np.frombuffer(content, dtype)
    return values.reshape(shape, order="F" if column_major else "C").reshape(*shape[:2], -1)
