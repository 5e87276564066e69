"""OpenEXR pictures, through the OpenEXR wheel. Source: Technical Introduction to OpenEXR, openexr.com."""

import contextlib
import io
import math
import threading
from typing import Any

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.pixels import FAINT, check_bytes, check_size, straight

_FLOAT32_RANGE = (np.finfo(np.float32).min, np.finfo(np.float32).max)
_redirecting = threading.Lock()  # sys.stdout is one for all threads
_LAYOUTS = (("R", "G", "B", "A"), ("R", "G", "B"), ("Y", "A"), ("Y",))


def decode(data: bytes) -> np.ndarray:
    """Give linear light [height, width, channels] of the data window of the first part, float16 or float32.

    R, G, B with or without A, Y with or without A, or a single channel of any name; further channels beside R, G, B
    are left out. EXR colours are premultiplied; where some alpha is not 1 they are divided by it, as float32. Colours
    under alpha 0 (light without cover) or below ``FAINT`` stay as they are. All parts and channels count for the
    limits, as OpenEXR decodes them all.

    Raises:
        FileFormatError: a damaged or truncated file.
        InputError: deep, subsampled, integer or otherwise named channels, or more than ``MAX_PIXELS`` or ``MAX_BYTES``.
    """
    import OpenEXR

    headers: list[dict[str, Any]] = [part.header for part in OpenEXR.File(io.BytesIO(data), header_only=True).parts]
    if any(header["type"] not in (OpenEXR.scanlineimage, OpenEXR.tiledimage) for header in headers):
        raise InputError("it is a deep EXR file: flatten it first")
    sizes = [_size(header) for header in headers]
    for size in sizes:
        check_size(*size)
    check_bytes(sum(4 * math.prod(size) * len(header["channels"]) for size, header in zip(sizes, headers, strict=True)))
    width, height = sizes[0]
    names = _wanted(headers[0])
    # a file with missing rows gives no parts and prints a warning, which must not get into the program's output
    with _redirecting, contextlib.redirect_stdout(io.StringIO()):
        file = OpenEXR.File(io.BytesIO(data), separate_channels=True)
    if not file.parts:
        raise FileFormatError("it is truncated or damaged: some of its rows cannot be read")
    planes = [file.channels()[name].pixels for name in names]
    if any(plane.shape != (height, width) or plane.dtype.kind != "f" for plane in planes):
        raise InputError(f"its channels {', '.join(names)} are not all {width}x{height} floats, as its header says")
    values = np.stack(planes, axis=-1)
    if names[-1] != "A" or len(names) == 1 or (values[..., -1] == 1).all():
        return values
    return np.clip(straight(values, FAINT), *_FLOAT32_RANGE).astype(np.float32)


def encode(values: np.ndarray) -> bytes:
    """Give a file's bytes for ``values`` [height, width, 1..4], float16 or float32, linear, alpha straight.

    Lossless but for the multiplication with alpha that EXR asks for (alpha 0 takes the colours with it, and below
    ``FAINT`` they come back multiplied).
    """
    import OpenEXR

    names = {1: ("Y",), 2: ("Y", "A"), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}[values.shape[-1]]
    if names[-1] == "A":
        alpha = values[..., -1:].astype(np.float32)
        values = np.concatenate([values[..., :-1] * alpha, alpha], axis=-1).astype(values.dtype)
    planes = {name: np.ascontiguousarray(values[..., index]) for index, name in enumerate(names)}
    stream = io.BytesIO()
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, planes).write(stream)
    return stream.getvalue()


def _size(header: dict[str, Any]) -> tuple[int, int]:
    """Width and height of a part's data window."""
    (left, top), (right, bottom) = (corner.tolist() for corner in header["dataWindow"])
    return right - left + 1, bottom - top + 1


def _wanted(header: dict[str, Any]) -> tuple[str, ...]:
    """The names of the channels that make the picture."""
    channels = {channel.name: channel for channel in header["channels"]}
    names = next((layout for layout in _LAYOUTS if set(layout) <= set(channels)), tuple(channels))
    if "RY" in channels or (len(names) > 1 and names not in _LAYOUTS):
        raise InputError(f"its channels are {', '.join(channels)}: R, G, B[, A] or Y[, A] or a single one would work")
    return names
