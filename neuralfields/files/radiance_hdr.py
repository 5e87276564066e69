"""Radiance pictures (.hdr, .pic): RGB with a shared exponent.

Source: G. Ward, "Real Pixels", Graphics Gems II, 1991.
"""

import re

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.pixels import check_size, upright

# the resolution line names the slower axis first; as EXIF orientations
_ORIENTATIONS = {"-Y+X": 1, "-Y-X": 2, "+Y-X": 3, "+Y+X": 4, "+X-Y": 5, "-X-Y": 8, "-X+Y": 7, "+X+Y": 6}


def decode(data: bytes) -> np.ndarray:
    """Give linear light [height, width, 3], float32, upright, from the bytes of a flat or run-length coded file.

    Values are as stored: the EXPOSURE line is not divided out.

    Raises:
        FileFormatError: a damaged or truncated file.
        InputError: XYZ colours, the run-length code of before 1991, or more than ``MAX_PIXELS`` or ``MAX_BYTES``.
    """
    found = re.match(rb"#\?[^\0]*?\n\n([+-])([XY]) (\d{1,9}) ([+-])([XY]) (\d{1,9})\n", data)
    if found is None:
        raise FileFormatError("its Radiance header has no resolution line such as '-Y 480 +X 640'")
    if b"FORMAT=32-bit_rle_xyze" in data[: found.end()]:
        raise InputError("it holds XYZ colours, and only RGB is read: convert it with 'ra_xyze -r'")
    axes = b"".join(found.group(1, 2, 4, 5)).decode()
    if axes not in _ORIENTATIONS:
        raise FileFormatError(f"its resolution line names an axis twice: {axes}")
    rows, columns = int(found[3]), int(found[6])
    check_size(columns, rows, bytes_per_pixel=3 * 4)
    rgbe = _rows(data, found.end(), rows, columns)
    # exponent 0 means black; the range of e - 136 fits float32 with its subnormals
    scale = np.where(rgbe[..., 3:] > 0, np.ldexp(np.float32(1), rgbe[..., 3:].astype(np.int32) - 136), np.float32(0))
    return upright(rgbe[..., :3] * scale, _ORIENTATIONS[axes])


def encode(values: np.ndarray) -> bytes:
    """Give a file's bytes for ``values`` [height, width, 3], float32, not negative.

    Each value is off by at most 2^-8 of the brightest channel of its pixel; below 1e-38 all is black.
    """
    height, width, _ = values.shape
    if values.min() < 0:
        raise InputError("a Radiance file cannot hold negative values: .exr would work")
    _, exponent = np.frexp(values.max(axis=-1, keepdims=True))
    mantissa = np.rint(np.ldexp(values, 8 - exponent)).clip(max=255)
    stored = np.where((exponent > -128) & (mantissa.max(axis=-1, keepdims=True) > 0), exponent + 128, 0)
    if stored.max() > 255:
        raise InputError("values from 1.7e38 do not fit a Radiance file: .exr would work")
    rgbe = np.concatenate([np.where(stored > 0, mantissa, 0), stored], axis=-1).astype(np.uint8)
    header = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode()
    if not 8 <= width < 32768:
        return header + rgbe.tobytes()
    # runs of literals only: a flat row could be taken for the start of a coded one
    starts = np.arange(0, width, 128)
    planes = np.insert(rgbe.swapaxes(1, 2), starts, np.minimum(128, width - starts).astype(np.uint8), axis=2)
    marks = np.broadcast_to(np.array([2, 2, width >> 8, width & 255], np.uint8), (height, 4))
    return header + np.concatenate([marks, planes.reshape(height, -1)], axis=1).tobytes()


def _rows(data: bytes, at: int, rows: int, columns: int) -> np.ndarray:
    """The stored bytes [rows, columns, 4]."""
    out = np.empty((rows, columns, 4), np.uint8)
    for row in out:
        if 8 <= columns < 32768 and data[at : at + 4] == bytes([2, 2, columns >> 8, columns & 255]):
            at += 4
            for channel in range(4):
                row[:, channel], at = _plane(data, at, columns)
            continue
        flat = np.frombuffer(data[at : at + 4 * columns], np.uint8)
        if flat.size < row.size:
            raise FileFormatError(f"it is truncated after {len(data)} bytes")
        row[:] = flat.reshape(columns, 4)
        if (row[:, :3] == 1).all(axis=-1).any():
            raise InputError("it uses the run-length code of before 1991: write it again with a current program")
        at += 4 * columns
    return out


def _plane(data: bytes, at: int, columns: int) -> tuple[np.ndarray, int]:
    """One channel of one row, and where the next begins."""
    plane = bytearray()
    while len(plane) < columns:
        if at + 1 >= len(data):
            raise FileFormatError(f"it is truncated after {len(data)} bytes")
        count = data[at]
        if count > 128:
            plane += data[at + 1 : at + 2] * (count - 128)
            at += 2
        else:
            plane += data[at + 1 : at + 1 + count]
            at += 1 + count
        if count == 0 or at > len(data):
            raise FileFormatError(f"its run-length code is damaged near byte {at}")
    if len(plane) > columns:
        raise FileFormatError(f"a run passes the end of its row near byte {at}")
    return np.frombuffer(plane, np.uint8), at
