"""TIFF pictures of more than 8 bits, through tifffile (Pillow reduces them or refuses). Source: TIFF 6.0, Adobe, 1992."""

import io
from typing import Any

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.pixels import check_size, straight, upright

_GREY_INVERTED, _GREY, _RGB = 0, 1, 2  # PhotometricInterpretation
_ASSOCIATED = 1  # ExtraSamples: alpha, multiplied in
_LZW = 5


def decode(data: bytes) -> np.ndarray | None:
    """Give the first picture [height, width, channels], upright, as stored; None if 8 bits hold it (then Pillow reads it).

    uint16, float16, float32, and float64 as float32.

    Raises:
        FileFormatError: a damaged or truncated file.
        InputError: other sample types, colours or compressions, or more than ``MAX_PIXELS`` pixels.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        check_size(page.imagewidth, page.imagelength)
        if page.bitspersample <= 8:
            return None
        _check(page, len(data))
        if page.compression == _LZW:
            raise InputError("16-bit LZW")
        values = page.asarray()
    if page.axes == "SYX":
        values = np.moveaxis(values, 0, -1)
    values = np.reshape(values, (page.imagelength, page.imagewidth, -1))
    if page.photometric == _GREY_INVERTED:
        values = 65535 - values
    if values.dtype == np.float64:
        values = values.astype(np.float32)
    return upright(_with_alpha(values, page), page.tags.valueof(274, 1))


def encode(values: np.ndarray) -> bytes:
    """Give a file's bytes for ``values`` [height, width, 1..4], uint8, uint16 or float32; deflate, alpha straight."""
    import tifffile

    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        values if values.shape[-1] > 1 else values[..., 0],
        photometric="rgb" if values.shape[-1] > 2 else "minisblack",
        planarconfig="contig" if values.shape[-1] > 1 else None,
        extrasamples=["unassalpha"] if values.shape[-1] in (2, 4) else None,
        compression="zlib",
        metadata=None,
    )
    return stream.getvalue()
