"""``pixel_rays`` by the C++ core."""

import ctypes

import torch
from torch import Tensor

from neuralfields.ops.native.calling import invoke
from neuralfields.ops.pixel_rays.reference import PosedPixels


class _Photos(ctypes.Structure):
    """``nf::PosedPixels`` in pixel_rays.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("stored", "chosen", "starts", "widths", "planes", "turns", "eyes")),
        *((name, ctypes.c_int64) for name in ("channels", "size", "views")),
    )


def pixel_rays(photos: PosedPixels, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    index, n = index.contiguous(), len(index)
    p, chosen = photos, None if photos.chosen is None else photos.chosen.data_ptr()
    held = (t.data_ptr() for t in (p.starts, p.widths, p.planes, p.turns, p.eyes))
    given = _Photos(p.stored.data_ptr(), chosen, *held, p.stored.shape[1], p.size, len(p.widths))
    rays, values, view = torch.empty(n, 6), torch.empty(n, 4), torch.empty(n, dtype=torch.int64)
    if invoke("nf_pixel_rays", given, index, n, rays, values, view, torch.get_num_threads(), result=ctypes.c_int32):
        raise IndexError(f"index out of range: there are {p.size} pixels")
    return rays, values, view
