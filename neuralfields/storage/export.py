"""From a field back to a picture, at any size and crop."""

import os
from pathlib import Path

import numpy as np
import torch

from neuralfields.errors import InputError
from neuralfields.field import Field, evaluate
from neuralfields.files.images import WRITABLE_SUFFIXES, write_image

_ROWS_PIXELS = 1 << 18
_MAX_PIXELS = 1 << 28
_LIGHT = (".exr", ".hdr")


def image_values(
    field: Field, size: tuple[int, int], *, crop: tuple[float, float, float, float] = (-1.0, -1.0, 1.0, 1.0)
) -> np.ndarray:
    """Evaluate a 2-D field on a raster of pixel centres.

    Args:
        field: from [n, 2] to [n, channels].
        size: (width, height) in pixels.
        crop: (left, top, right, bottom) in box coordinates, x to the right and y down.

    Returns:
        [height, width, channels] float32.

    Raises:
        InputError: the field is not over the plane, the size is not positive or above 2^28 pixels, the crop empty.
    """
    width, height = size
    left, top, right, bottom = crop
    if field.in_dim != 2:
        raise InputError(f"a picture needs a field over the plane, this one has {field.in_dim} coordinates")
    if min(size) < 1 or width * height > _MAX_PIXELS:
        raise InputError(f"a picture has between 1 and {_MAX_PIXELS} pixels, got {width}x{height}")
    if not (left < right and top < bottom):
        raise InputError(f"a crop goes from left to right and from top to bottom, got {crop}")
    device = next((t.device for t in field.state_dict().values()), torch.device("cpu"))
    x = left + (torch.arange(width, dtype=torch.float64) * 2 + 1) / (2 * width) * (right - left)
    y = top + (torch.arange(height, dtype=torch.float64) * 2 + 1) / (2 * height) * (bottom - top)
    values = np.empty((height, width, field.out_dim), np.float32)
    rows = max(1, _ROWS_PIXELS // width)
    for start in range(0, height, rows):
        part = y[start : start + rows]
        points = torch.stack([x.expand(len(part), -1), part[:, None].expand(-1, width)], -1).reshape(-1, 2)
        result = evaluate(field, points.float().to(device))
        values[start : start + rows] = result.reshape(len(part), width, -1).cpu().numpy()
    return values


def displayed(values: np.ndarray, *, linear: bool) -> np.ndarray:
    """Values [..., channels] as a screen shows them, in [0, 1]: linear light goes through the sRGB curve, not alpha."""
    colours = values.shape[-1] - (values.shape[-1] in (2, 4))
    shown = values.clip(0, 1)
    if linear:
        light = shown[..., :colours]
        curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
        shown[..., :colours] = curve
    return shown


def as_light(values: np.ndarray) -> np.ndarray:
    """Display-referred values [..., channels] as linear light: the inverse of the sRGB curve, not on alpha."""
    colours = values.shape[-1] - (values.shape[-1] in (2, 4))
    light = values.copy()
    shown = values[..., :colours].clip(0, None)
    light[..., :colours] = np.where(shown <= 0.04045, shown / 12.92, np.power((shown + 0.055) / 1.055, 2.4))
    return light


def export_image(
    field: Field,
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    crop: tuple[float, float, float, float] | None = None,
    bits: int | None = None,
) -> tuple[int, int]:
    """Write a 2-D field as a picture; the suffix decides the format.

    A field fitted to linear light (HDR) is written to PNG, JPEG and WebP, and to TIFF below 32 bits, as a screen shows
    it (clipped, sRGB curve); one fitted to display values is written to EXR and HDR as linear light. NPY, NPZ and
    32-bit TIFF take the values as they are.

    Args:
        field: a field over the plane; its frame gives the size of the image it was fitted to.
        path: .png, .tif, .jpg, .webp, .exr, .hdr, .npy or .npz.
        size: (width, height) in pixels; by default one pixel per unit of the frame.
        crop: (left, top, right, bottom) in pixels of the fitted image; all of it by default.
        bits: per channel, 8, 16 or 32 as the format allows.

    Returns:
        The size written.

    Raises:
        InputError: the suffix is unknown, the crop lies outside the image, or there is no frame to take a size from.
    """
    if Path(path).suffix.lower() not in WRITABLE_SUFFIXES:
        known = " ".join(sorted(WRITABLE_SUFFIXES))
        raise InputError(f"cannot export to {path}: the suffix is one of {known}")
    if field.frame is None and (size is None or crop is not None):
        raise InputError("this field does not know its image's size: give the size, and no crop")
    box = (-1.0, -1.0, 1.0, 1.0)
    if field.frame is not None:
        corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
        low, high = field.frame.to_world(corners).tolist()
        region = crop or (*low, *high)
        if not (low[0] <= region[0] < region[2] <= high[0] and low[1] <= region[1] < region[3] <= high[1]):
            text = ",".join(f"{value:g}" for value in region)
            raise InputError(
                f"the crop is left,top,right,bottom and must lie within the image, 0,0 to {high[0]:g},{high[1]:g}, "
                f"got {text}"
            )
        size = size or (max(1, round(region[2] - region[0])), max(1, round(region[3] - region[1])))
        inside = torch.tensor([region[:2], region[2:]], dtype=torch.float64)
        box = tuple(field.frame.to_box(inside).flatten().tolist())
    assert size is not None
    values = image_values(field, size, crop=box)  # type: ignore[arg-type]
    colour = field.provenance.get("signal", {}).get("colour")
    suffix = Path(path).suffix.lower()
    as_is = suffix in (".npy", ".npz") or (suffix in (".tif", ".tiff") and bits == 32)
    if colour == "linear" and not as_is and suffix not in _LIGHT:
        values = displayed(values, linear=True)
    if colour == "srgb" and suffix in _LIGHT:
        values = as_light(values)
    write_image(path, values, bits=bits)
    return size
