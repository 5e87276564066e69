"""From a field back to a picture, at any size and crop."""

import os
from pathlib import Path

import torch

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.files.images import WRITABLE_SUFFIXES, write_image
from neuralfields.render.imaging import as_light, displayed, image_values

_LIGHT = (".exr", ".hdr")


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
