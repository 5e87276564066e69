"""Images as signals: x[..., 0] points right, x[..., 1] down, and the box is filled along both axes."""

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from neuralfields import metrics, ops
from neuralfields.errors import InputError
from neuralfields.field import Field, FieldLike
from neuralfields.files.images import Pixels, read_image
from neuralfields.files.pixels import check_finite, check_size
from neuralfields.geometry import Frame
from neuralfields.protocols import Batch
from neuralfields.render.imaging import displayed, image_values
from neuralfields.signals.lattice import Lattice, LatticeSignal, compared

_CHUNK = 1 << 16
_PREVIEW_PIXELS = 256


class Image(LatticeSignal):
    """An image of 1 to 4 channels, kept in the bits of its file.

    Integers become values in [0, 1] (display-referred, sRGB); linear images (EXR, HDR) keep theirs. Alpha is straight.

    Args:
        pixels: as read by ``files.images``; see ``Image.read`` and ``Image.from_array``.
        name: what the image is called in reports.
        holdout: share of the pixels that training never sees, 0 to below 1.

    Raises:
        InputError: there are fewer than 2 pixels.

    Attributes:
        values: [height, width, channels], uint8, uint16, float16 or float32.
        linear: whether the values are scene-referred (HDR) and may exceed 1.
    """

    in_dim = 2
    kind = "image"
    options: ClassVar[tuple[str, ...]] = ("holdout",)

    def __init__(self, pixels: Pixels, *, name: str = "image", holdout: float = 0.0):
        self.values, self.linear, self.name = pixels.values, pixels.linear, name
        height, width, self.out_dim = self.values.shape
        if height * width < 2:
            raise InputError(f"{name} has a single pixel: an image that can be fitted has 2 or more")
        self.lattice = Lattice((height, width), holdout)
        self.frame = Frame.of_box((0, 0), (width, height), "px")

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, holdout: float = 0.0) -> "Image":
        """Read PNG, TIFF, JPEG, WebP, EXR, HDR, NPY or NPZ.

        Raises:
            InputError: the file is missing, damaged, not an image, or has fewer than 2 pixels.
        """
        return cls(read_image(path), name=Path(path).name, holdout=holdout)

    @classmethod
    def from_array(cls, array: Any, *, name: str = "array", holdout: float = 0.0) -> "Image":
        """An image from [height, width] or [height, width, channels]: integers in their full range, or floats.

        Raises:
            InputError: the shape or the type of the numbers does not make an image, or some are not finite.
        """
        return cls(_pixels_of(np.asarray(array)), name=name, holdout=holdout)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.values.shape  # type: ignore[return-value]

    def at(self, index: Tensor) -> Batch:
        """The pixels with these numbers [n], row by row from the top left."""
        return Batch(self.lattice.coordinates(index), ops.take_values(self._stored, index), index=index)

    def detail(self, n: int, *, seed: int) -> Tensor:
        """Coordinates [n, 2] anywhere in pixels, which are drawn with a density in proportion to the local contrast.

        That is the length of the gradient (of the values' asinh if linear), summed over channels; with a little
        everywhere, so that a flat image is covered evenly. Held-out pixels have no part in it.
        """
        contrast = self._contrast()
        contrast += 1e-2 * contrast.mean() + 1e-9
        course = np.cumsum(contrast, dtype=np.float64)
        random = np.random.default_rng(seed)
        index = np.searchsorted(course, random.random(n) * course[-1]).clip(max=self.size - 1)
        spread = (2 * random.random((n, 2)) - 1) / (self.shape[1], self.shape[0])
        return self.lattice.coordinates(torch.from_numpy(index)) + torch.from_numpy(spread).float()

    @property
    def headline(self) -> str:
        """ "relative_mse" for linear images, whose values have no upper end, else "psnr"."""
        return "relative_mse" if self.linear else "psnr"

    def measure(self, field: FieldLike, *, thorough: bool = False) -> dict[str, float]:
        """``metrics.errors`` of all pixels; ``thorough`` adds ssim (not if linear) and those of held-out pixels."""
        # One block for all values: many small ones between the field's temporaries would tear the memory to pieces.
        found = torch.empty(self.size, self.out_dim) if thorough else None
        values = metrics.errors(compared(field, self.chunks(_CHUNK), found))
        if found is not None and not self.linear and min(self.shape[:2]) >= metrics.SSIM_TAPS:
            truth = torch.from_numpy(self.to_float(self.values))
            values["ssim"] = metrics.ssim(found.view(self.shape), truth)
        if thorough and self.lattice.holdout:
            held = metrics.errors(compared(field, self.held_out(_CHUNK)))
            values |= {f"{name}_holdout": value for name, value in held.items()}
        return values

    def to_float(self, values: np.ndarray) -> np.ndarray:
        """Stored numbers as float32 in the field's units."""
        if values.dtype.name in ("uint8", "uint16"):
            return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
        return values.astype(np.float32)

    def prepare(self) -> None:
        """Nothing: the pixels are there."""

    @property
    def extent(self) -> str:
        """ "512x512, 3 channels"."""
        height, width, channels = self.shape
        return f"{width}x{height}, {channels} channels"

    @property
    def awaited(self) -> str:
        """Nothing."""
        return ""

    @property
    def notes(self) -> list[str]:
        """None."""
        return []

    def cost(self, size_in_bytes: int) -> dict[str, float]:
        """Bits per pixel."""
        return {"bits_per_pixel": metrics.bits_per_pixel(size_in_bytes, self.size)}

    def preview(self, field: Field) -> np.ndarray:
        """The field on at most 256 pixels a side."""
        height, width, _ = self.shape
        scale = min(1.0, _PREVIEW_PIXELS / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return displayed(image_values(field, size), linear=self.linear)

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "shape": list(self.shape),
            "dtype": str(self.values.dtype),
            "colour": "linear" if self.linear else "srgb",
            "holdout": self.lattice.holdout,
            "sha256": self._sha256,
        }

    def _contrast(self) -> np.ndarray:
        """Of each pixel [height, width], from its differences to the four beside it that are trained on too."""
        trained = np.ones(self.size, bool)
        for index in self.lattice.held_out(_CHUNK):
            trained[index.numpy()] = False
        trained = trained.reshape(self.shape[:2])
        contrast = np.zeros(self.shape[:2], np.float32)
        for channel in np.moveaxis(self.values, -1, 0):
            values = self.to_float(channel)
            values = np.arcsinh(values) if self.linear else values
            contrast += np.hypot(_slopes(values, trained), _slopes(values.T, trained.T).T)
        return contrast

    @cached_property
    def _sha256(self) -> str:
        digest = hashlib.sha256(f"{self.values.dtype.str} {self.shape}".encode())
        digest.update(np.ascontiguousarray(self.values).data)
        return digest.hexdigest()

    @cached_property
    def _stored(self) -> Tensor:
        """The values [size, channels] as a tensor: the same memory wherever torch can use it."""
        native, flat = self.values.dtype.newbyteorder("="), self.values.reshape(-1, self.out_dim)
        return torch.from_numpy(np.require(flat, native, ["C", "A", "W"]))


def _slopes(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Central differences along rows, one-sided ones beside the ends and what is not known, 0 where it is alone."""
    both = known[:, 1:] & known[:, :-1]
    steps = np.diff(values, axis=1) * both
    total, count = np.zeros_like(values), np.zeros(values.shape, np.uint8)
    for side in (slice(1, None), slice(None, -1)):
        total[:, side] += steps
        count[:, side] += both
    return total / np.maximum(count, 1)


def _pixels_of(array: np.ndarray) -> Pixels:
    if not (array.ndim == 2 or (array.ndim == 3 and 1 <= array.shape[2] <= 4)):
        raise InputError(f"an image is [height, width] or [height, width, 1..4], got an array {list(array.shape)}")
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.dtype.name not in ("uint8", "uint16", "float16", "float32"):
        raise InputError(f"an image holds uint8, uint16 or floats, got {array.dtype}")
    check_size(array.shape[1], array.shape[0])
    check_finite(values := array.reshape(*array.shape[:2], -1))
    floats = values.dtype.kind == "f"
    return Pixels(np.ascontiguousarray(values), linear=floats and bool(values.min() < 0 or values.max() > 1))
