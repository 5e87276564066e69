"""Point clouds as tables of numbers: text (.xyz, .pts, .txt, .csv) and NumPy arrays (.npy, .npz)."""

import io
import math
import re
from functools import partial
from typing import IO

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files import arrays
from neuralfields.files.mesh_arrays import MeshArrays, numbers

_MAX_UNPACKED = 2**30  # bytes as float64; a larger file may hold as many as it has itself
_NO_FACES = np.empty((0, 3), np.int64)
_COLUMNS = "x y z, also with nx ny nz or r g b (0 to 255), and with an intensity before these"


def decode_text(data: bytes) -> MeshArrays:
    """Read a table of 3, 4, 6 or 7 columns, between them blanks, commas or semicolons.

    The columns are x y z, an intensity (which is dropped) if their number is 4 or 7, and three more: colours if all are
    whole numbers from 0 to 255 and one exceeds 1, else normals. Lines that begin with # or // are comments; a first
    line with the number of points, or with names of columns, is passed over.

    Raises:
        FileFormatError: it is no such table.
    """
    text = re.sub(rb"^[ \t]*(#|//).*$", b"", data, flags=re.MULTILINE).replace(b",", b" ").replace(b";", b" ").strip()
    first, _, rest = text.partition(b"\n")
    if rest and (len(first.split()) == 1 or re.match(rb"[A-Za-z_]+(\s+[A-Za-z_]+)*\s*$", first)):
        text = rest.strip()
    columns = len(text.partition(b"\n")[0].split())
    found = numbers(text)
    if columns not in (3, 4, 6, 7) or len(found) % columns:
        lines = text.count(b"\n") + 1
        raise FileFormatError(f"it has {len(found)} numbers in {lines} lines: rows of {_COLUMNS} work")
    return _of_table(found.reshape(-1, columns))


def decode_npy(data: bytes) -> MeshArrays:
    """Read points [n, 3], [n, 4], [n, 6] or [n, 7], columns as in text.

    Raises:
        FileFormatError: a damaged or truncated file.
        InputError: another shape or dtype; pickled objects are never loaded.
    """
    return _of_table(_table(io.BytesIO(data), len(data)))


def decode_npz(data: bytes) -> MeshArrays:
    """The same for the only array of an .npz, or the one called points or vertices; a small file holds no huge one."""
    read = partial(_table, limit=max(_MAX_UNPACKED, len(data)))
    return _of_table(arrays.the_one(data, ("points", "vertices"), read))


def _table(stream: IO[bytes], size: int, limit: float = math.inf) -> np.ndarray:
    """The numbers of an .npy of ``size`` bytes, which are at most ``limit`` bytes as float64."""
    shape, column_major, dtype = arrays.header(stream)
    if len(shape) != 2 or shape[1] not in (3, 4, 6, 7) or dtype.kind not in "fiu":
        raise InputError(f"its array is {dtype.name} {list(shape)}: numbers [n, 3] or [n, 6] work, {_COLUMNS}")
    wanted = shape[0] * shape[1] * dtype.itemsize
    if 8 * shape[0] * shape[1] > limit:
        raise InputError(f"it unpacks to {shape[0]:,} points, too many for a file of its size: an .npy file works")
    content = stream.read(wanted) if wanted <= size else b""
    if len(content) != wanted:
        raise FileFormatError(f"it is truncated: its header promises {wanted} bytes of points")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if column_major else "C").astype(np.float64)


def _of_table(rows: np.ndarray) -> MeshArrays:
    """Points of ``rows`` [n, 3|4|6|7] float64."""
    more = rows[:, -3:] if rows.shape[1] > 4 else None
    if more is None:
        return MeshArrays(rows[:, :3], _NO_FACES)
    if len(more) and (more == np.rint(more)).all() and more.min() >= 0 and 1 < more.max() <= 255:
        return MeshArrays(rows[:, :3], _NO_FACES, colours=more.astype(np.uint8))
    return MeshArrays(rows[:, :3], _NO_FACES, normals=more)
