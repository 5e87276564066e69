"""The long tail of picture formats, through imageio: PNM (PBM, PGM, PPM), QOI, DDS."""

import math
import re

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files import pillow
from neuralfields.files.pixels import check_size

PNM = re.compile(rb"P[1-6]\s")
_PNM_COLOUR = re.compile(rb"P[36](?:(?:\s++|#[^\n]*\n)++(\d++)){3}")  # possessive: linear in the header's length


def decode(data: bytes, suffix: str) -> np.ndarray:
    """Give the picture [height, width, channels], uint8, or uint16 for a PGM of more than 8 bits.

    Raises what imageio raises on damage, and InputError for more than ``MAX_PIXELS`` or ``MAX_BYTES``, or for
    16-bit colours, which are not read without loss.
    """
    import imageio.v3 as imageio

    colour = _PNM_COLOUR.match(data)
    if colour and int(colour[1]) > 255:
        raise InputError(f"its colours go up to {int(colour[1])}, at most 255 work: save it as 16-bit PNG or TIFF")
    with pillow.without_limit():
        opened = imageio.imopen(data, "r", extension=suffix)
    with opened as file:
        found = file.properties(index=0)
        height, width, *channels = found.shape
        check_size(width, height, bytes_per_pixel=math.prod(channels) * found.dtype.itemsize)
        values = file.read(index=0)
    if values.dtype == np.int32:  # what Pillow makes of 16-bit grey
        values = values.astype(np.uint16)
    if values.dtype == np.bool_:
        values = values * np.uint8(255)
    return np.asarray(values).reshape(height, width, -1)
