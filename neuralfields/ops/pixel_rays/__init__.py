"""Rays through pixels of pictures that pinhole cameras took, and what the pixels hold: a batch of photos in one call.

Contract of ``pixel_rays(photos, index)`` -> (rays [n, 6] float32, values [n, 4] float32, view [n] int64):
    photos: ``PosedPixels``. index: [n] int64, numbers from 0 to below ``photos.size``.
    rays: origin and direction of length one through the pixels' middles, computed in float64 in the order that the
    reference has, then rounded. values: colour and alpha in [0, 1], 1 where pictures have none. view: of each pixel.
    Every implementation gives the same bits. Raises IndexError for a number that there is none of.
All tensors are on the CPU. Not differentiable.
"""

from torch import Tensor, float64, int32, int64, uint8

from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.native.calling import direct_refusal
from neuralfields.ops.pixel_rays import reference
from neuralfields.ops.pixel_rays.reference import PosedPixels


def _check(photos: PosedPixels, index: Tensor) -> None:
    if photos.stored.dtype != uint8 or photos.stored.dim() != 2 or photos.stored.shape[1] not in (3, 4):
        raise InputError(f"pixels are [n, 3 or 4] uint8, got {list(photos.stored.shape)} {photos.stored.dtype}")
    if index.dim() != 1:
        raise InputError(f"index is [n], the pixels' numbers, got {list(index.shape)}")
    for name, wanted in (("chosen", int32), ("starts", int64), ("widths", int64)):
        tensor = getattr(photos, name)
        if tensor is not None and (tensor.dtype is not wanted or tensor.dim() != 1):
            raise InputError(f"{name} is [n] {wanted}, got {list(tensor.shape)} {tensor.dtype}")


def _refuse(photos: PosedPixels, index: Tensor) -> str | None:
    if not index.is_cpu or index.dtype is not int64:
        return f"takes an int64 index on the cpu, not {index.dtype} on {index.device}"
    cameras = photos.planes, photos.turns, photos.eyes
    if any(t.dtype is not float64 for t in cameras):
        return "takes cameras in float64"
    held = photos.stored, photos.starts, photos.widths, *cameras, *(() if photos.chosen is None else (photos.chosen,))
    if not all(t.is_cpu and t.is_contiguous() for t in held):
        return "takes contiguous tensors on the cpu"
    return direct_refusal(others=[index, *held])


pixel_rays = Op(
    "pixel_rays",
    reference.pixel_rays,
    (Kernel("cpu", "neuralfields.ops.pixel_rays.cpu:pixel_rays", 0, _refuse),),
    check=_check,
    differentiable=False,
)

__all__ = ["PosedPixels", "pixel_rays"]
