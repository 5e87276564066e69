"""8-bit pictures through Pillow: JPEG, WebP, BMP, GIF, TIFF."""

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files.pixels import check_size, upright

if TYPE_CHECKING:
    from PIL import Image

_opening = threading.Lock()  # Pillow's pixel limit and Python's warning filters are one for all threads


@contextlib.contextmanager
def without_limit() -> Iterator[None]:
    """Open pictures without Pillow's pixel limit and warnings: ``check_size`` takes their place."""
    from PIL import Image

    with _opening, warnings.catch_warnings(action="ignore"):
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def decode(data: bytes, kind: str) -> np.ndarray:
    """Give the first picture [height, width, channels], uint8, upright, from a file of Pillow's format ``kind``.

    Palettes and CMYK become RGB, a transparent colour an alpha channel; colour profiles are not applied. Raises what
    Pillow raises on damage (truncation included), and InputError for more than ``MAX_PIXELS`` or ``MAX_BYTES``.
    """
    from PIL import Image

    with without_limit():
        picture = Image.open(io.BytesIO(data), formats=[kind])
        # Pillow turns TIFF itself
        orientation = 1 if kind == "TIFF" else picture.getexif().get(0x0112, 1)
    with picture:
        check_size(*picture.size, bytes_per_pixel=len(_plain(picture)))
        picture.load()
        values = np.asarray(picture if picture.mode == _plain(picture) else picture.convert(_plain(picture)))
    return upright(values.reshape(*values.shape[:2], -1), orientation)


def header_size(file: BinaryIO) -> tuple[int, int] | None:
    """(width, height) of the upright picture in a file, without decoding it; None where Pillow does not know it."""
    from PIL import Image

    try:
        with without_limit(), Image.open(file) as picture:
            # Pillow turns TIFF itself
            sideways = picture.format != "TIFF" and picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            width, height = picture.size
            return (height, width) if sideways else (width, height)
    except (OSError, ValueError, SyntaxError):
        return None


def encode(values: np.ndarray, kind: str) -> bytes:
    """Give a file's bytes for ``values`` [height, width, channels], uint8: PNG, JPEG at quality 95, lossless WebP."""
    from PIL import Image

    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True, "exact": True}, "PNG": {}}
    stream = io.BytesIO()
    picture = Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)
    try:
        picture.save(stream, kind, **options[kind])
    except (OSError, ValueError) as error:  # WebP ends at 16383 pixels a side, JPEG at 65535
        raise InputError(f"{kind} cannot hold {picture.width}x{picture.height} pixels ({error})") from error
    return stream.getvalue()


def _plain(picture: "Image.Image") -> str:
    """The mode of 8-bit grey or RGB, with or without alpha, that holds all of the picture."""
    grey = picture.mode in ("1", "L", "LA")
    alpha = picture.mode in ("LA", "RGBA", "PA") or picture.has_transparency_data
    return ("L" if grey else "RGB") + ("A" if alpha else "")
