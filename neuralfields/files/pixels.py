"""What every picture reader gives, and what the readers share."""

from dataclasses import dataclass

import numpy as np

from neuralfields.errors import FileFormatError, InputError

# both are refused from the header, before anything of that size is allocated
MAX_PIXELS = 2**28
MAX_BYTES = 2**31  # of decoded samples; decoders hold a small multiple of it for a while
FAINT = 1e-4  # alpha of floats below it counts as 0: dividing by it would blow the colours up


@dataclass(frozen=True)
class Pixels:
    """What a picture file holds.

    ``values`` is [height, width, channels], C-contiguous, uint8 | uint16 | float16 | float32, with the file's own bits.
    Channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA; rows from top to bottom; alpha is straight (not multiplied in).
    ``linear`` is true for scene-referred floats (EXR, HDR), false for display-referred values (sRGB).
    """

    values: np.ndarray
    linear: bool


def check_size(width: int, height: int, bytes_per_pixel: int = 1) -> None:
    """Raise InputError unless a picture of this size has pixels, at most ``MAX_PIXELS`` and ``MAX_BYTES`` in all."""
    if width < 1 or height < 1:
        raise FileFormatError(f"it has {width}x{height} pixels, so there is no picture in it")
    if width * height > MAX_PIXELS:
        raise InputError(f"it has {width}x{height} pixels, and at most {MAX_PIXELS} are read: cut it or scale it down")
    check_bytes(width * height * bytes_per_pixel)


def check_bytes(count: int) -> None:
    """Raise InputError for more than ``MAX_BYTES`` bytes of decoded samples."""
    if count > MAX_BYTES:
        raise InputError(f"it decodes to {count} bytes, and at most {MAX_BYTES} are read: cut it or scale it down")


def check_finite(values: np.ndarray) -> None:
    """Raise InputError if a pixel of ``values`` [height, width, channels] is NaN or infinite."""
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        bad = ~np.isfinite(values).all(axis=-1)
        y, x = divmod(int(bad.argmax()), values.shape[1])
        raise InputError(f"{bad.sum()} of {bad.size} pixels are not finite, the first at (x={x}, y={y})")


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Turn ``values`` [height, width, channels] as the EXIF tag ``orientation`` (1..8, others mean 1) asks for."""
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return values


def straight(values: np.ndarray, smallest: float = 0) -> np.ndarray:
    """Divide the colours of ``values`` [..., colours + 1] by the last channel, as float64.

    Alpha 0, or below ``smallest``, leaves them.
    """
    alpha = values[..., -1:].astype(np.float64)
    return np.concatenate([values[..., :-1] / np.where((alpha > 0) & (alpha >= smallest), alpha, 1), alpha], axis=-1)
