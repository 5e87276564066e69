"""A field over the plane as an array of pixels, and colours as screens show them."""

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field, device_of, dtype_of, evaluate

_ROWS_PIXELS = 1 << 18
_MAX_PIXELS = 1 << 28


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
    x = left + (torch.arange(width, dtype=torch.float64) * 2 + 1) / (2 * width) * (right - left)
    y = top + (torch.arange(height, dtype=torch.float64) * 2 + 1) / (2 * height) * (bottom - top)
    return raster_values(field, x, y)


def raster_values(field: Field, x: Tensor, y: Tensor) -> np.ndarray:
    """A 2-D field's values [height, width, channels] in float32 at columns x [width] and rows y [height]."""
    device, dtype, width, height = device_of(field), dtype_of(field), len(x), len(y)
    values = np.empty((height, width, field.out_dim), np.float32)
    rows = max(1, _ROWS_PIXELS // width)
    for start in range(0, height, rows):
        part = y[start : start + rows]
        points = torch.stack([x.expand(len(part), -1), part[:, None].expand(-1, width)], -1).reshape(-1, 2)
        result = evaluate(field, points.to(device, dtype))
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


def over_grey(picture: np.ndarray, grey: float) -> np.ndarray:
    """The picture [..., 4], its alpha straight, on a background, as pages and viewers do it: mixed as displayed."""
    alpha = picture[..., 3:]
    return picture[..., :3] * alpha + grey * (1 - alpha)


def nearness(depth: Tensor, hit: Tensor, depths: tuple[float, float] | None = None) -> Tensor:
    """Depths [...] as grey [..., 3]: 1 for the nearest to 0.1 for the farthest of those that are hit, 0 for others.

    ``depths`` are the nearest and the farthest where they are not to be those of the picture.
    """
    if not hit.any():
        return depth.new_zeros(*depth.shape, 3)
    near, far = depths or (float(depth[hit].min()), float(depth[hit].max()))
    grey = torch.where(hit, 1 - 0.9 * ((depth - near) / max(far - near, 1e-6)).clamp(0, 1), 0.0)
    return grey[..., None].expand(*depth.shape, 3)
