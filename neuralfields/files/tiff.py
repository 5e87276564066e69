"""TIFF pictures of more than 8 bits, through tifffile (Pillow reduces them or refuses).

Source: TIFF revision 6.0, Adobe, 1992.
"""

import io
import logging
import math
import struct
import zlib
from typing import Any, cast

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files import pillow
from neuralfields.files.pixels import FAINT, check_bytes, check_size, straight, upright

_GREY_INVERTED, _GREY, _RGB = 0, 1, 2  # PhotometricInterpretation
_COLOURS = {_GREY_INVERTED: 1, _GREY: 1, _RGB: 3}
_ASSOCIATED, _UNASSOCIATED = 1, 2  # ExtraSamples: alpha, multiplied into the colours or not
_UNSIGNED, _UNDEFINED = 1, 4  # SampleFormat
_LZW, _PACKBITS = 5, 32773
_COMPRESSIONS = {1: "none", _LZW: "LZW", 8: "deflate", 32946: "deflate", _PACKBITS: "PackBits"}
_SILENCE = logging.NullHandler()


def decode(data: bytes) -> np.ndarray | None:
    """Give the first picture [height, width, channels], upright; None if 8 bits hold it (then Pillow reads it).

    The dtype is the file's, uint16, float16 or float32, and float32 for float64.

    Raises:
        FileFormatError: a damaged or truncated file.
        InputError: other sample types, colours or compressions, or more than ``MAX_PIXELS`` or ``MAX_BYTES``.
    """
    import tifffile

    # tifffile logs what it also raises; without a handler Python would print it
    logging.getLogger("tifffile").addHandler(_SILENCE)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        check_size(page.imagewidth, page.imagelength, page.samplesperpixel * -(-page.bitspersample // 8))
        if page.bitspersample <= 8:
            if page.sampleformat not in (_UNSIGNED, _UNDEFINED):
                raise InputError(f"its {page.bitspersample}-bit samples are not unsigned: save them as uint8")
            return None
        _check(page, len(data))
        if page.compression in (_LZW, _PACKBITS):
            return decode(_uncompressed(page, data))
        if page.compression != 1:
            _check_inflated(page, data)
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


def _check(page: Any, size: int) -> None:
    """Raise unless the samples are of a kind that is read and all of them are in the file of ``size`` bytes."""
    if page.dtype is None or page.dtype.name not in ("uint16", "float16", "float32", "float64"):
        raise InputError(
            f"its samples are {page.dtype or f'of {page.bitspersample} bits'}: uint8, uint16 or float work"
        )
    colours = _COLOURS.get(page.photometric)
    if colours is None or page.axes not in ("YX", "YXS", "SYX") or page.samplesperpixel - colours not in (0, 1):
        kind = getattr(page.photometric, "name", page.photometric)
        raise InputError(
            f"its {page.samplesperpixel} samples per pixel are {kind}: grey or RGB, with or without alpha, work"
        )
    if page.photometric == _GREY_INVERTED and page.dtype.kind == "f":
        raise InputError("its floats count from white: save them as ordinary grey")
    if page.compression not in _COMPRESSIONS or page.predictor not in (1, 2):
        found = ", ".join(getattr(tag, "name", str(tag)) for tag in (page.compression, page.predictor))
        raise InputError(
            f"its compression and predictor are {found}: LZW, deflate, PackBits or none, not on floats, work"
        )
    check_bytes(math.prod(_segment_size(page)))
    if page.compression != 1 and page.fillorder != 1:
        raise InputError("the bits of its compressed bytes are reversed (FillOrder 2): save it anew")
    ends = [
        offset + count if count else size + 1
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    ]
    if not ends or max(ends) > size:
        raise FileFormatError(f"it is truncated after {size} bytes")


def _segment_size(page: Any) -> tuple[int, int]:
    """Bytes per row, and rows, of a tile or of a strip that is not the last."""
    sample = page.dtype.itemsize * (page.samplesperpixel if page.planarconfig == 1 else 1)
    if page.is_tiled:
        return sample * page.tilewidth, page.tilelength
    return sample * page.imagewidth, min(page.rowsperstrip, page.imagelength)


def _check_inflated(page: Any, data: bytes) -> None:
    """Raise unless each segment inflates to at most its size, because tifffile would inflate it without end."""
    size = math.prod(_segment_size(page))
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if len(zlib.decompressobj().decompress(data[offset : offset + count], size + 1)) > size:
            raise FileFormatError(f"its segment at byte {offset} inflates to more than its {size} bytes of pixels")


def _with_alpha(values: np.ndarray, page: Any) -> np.ndarray:
    """Make alpha straight, or drop a fourth (second) channel that is marked as something else."""
    if values.shape[-1] == _COLOURS[page.photometric] or not page.extrasamples:
        return values
    if page.extrasamples[0] != _ASSOCIATED:
        return values if page.extrasamples[0] == _UNASSOCIATED else values[..., :-1]
    top = 65535 if values.dtype == np.uint16 else 1
    divided = straight(values / np.float64(top), FAINT if top == 1 else 0) * top
    return (np.rint(divided.clip(0, top)) if top > 1 else divided).astype(values.dtype)


def _uncompressed(page: Any, data: bytes) -> bytes:
    """The same TIFF file uncompressed.

    tifffile does not know LZW, and takes PackBits to a list of Python numbers without end. Pillow knows both for 8-bit
    grey, so each strip or tile is given to Pillow as a picture of its bytes. Predictors, tiles and planes are left to
    tifffile.
    """
    import tifffile

    stride, step = _segment_size(page)
    per_plane = -(-page.imagelength // step)
    parts = []
    for index, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        rows = step if page.is_tiled else min(step, page.imagelength - index % per_plane * step)
        parts.append(_bytes(data[offset : offset + count], page.compression, stride, rows))
    offsets = len(data) + np.cumsum([0] + [len(part) for part in parts[:-1]])
    stream = io.BytesIO(data + b"".join(parts))
    with tifffile.TiffFile(stream, mode="r+") as file:
        tags = cast(Any, file.pages[0]).tags
        tags["Compression"].overwrite(1)
        tags["TileOffsets" if page.is_tiled else "StripOffsets"].overwrite(offsets.tolist())
        tags["TileByteCounts" if page.is_tiled else "StripByteCounts"].overwrite([len(part) for part in parts])
        return stream.getvalue()


def _bytes(coded: bytes, compression: int, stride: int, rows: int) -> bytes:
    """Decode one segment by way of a TIFF file of 8-bit grey, ``rows`` of ``stride`` pixels, that holds only it."""
    tags = {256: stride, 257: rows, 258: 8, 259: int(compression), 262: _GREY, 273: 8, 278: rows, 279: len(coded)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack("<2sHI", b"II", 42, 8 + len(coded) + len(coded) % 2)
    padding = b"\0" * (len(coded) % 2)
    return pillow.decode(head + coded + padding + struct.pack("<H", len(tags)) + entries + bytes(4), "TIFF").tobytes()
