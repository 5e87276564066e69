"""``march`` by the C++ core."""

import ctypes

import torch
from torch import Tensor

from neuralfields.ops.march.reference import MOST
from neuralfields.ops.native.calling import call, direct_refusal

_MOST_CELLS = 1024  # per axis


class Terrain(ctypes.Structure):
    """``nf::Terrain`` in march.hpp."""

    _fields_ = (
        ("occupied", ctypes.c_void_p),
        ("cells", ctypes.c_int32),
        ("unbounded", ctypes.c_int32),
        *((name, ctypes.c_float) for name in ("step", "cone", "near")),
    )


def terrain(occupied: Tensor, step: float, cone: float, near: float, unbounded: bool) -> Terrain:
    """As the C++ core reads it; the grid must live as long, and be contiguous."""
    return Terrain(occupied.data_ptr(), len(occupied), unbounded, step, cone, near)


def refusal_of_grid(occupied: Tensor) -> str | None:
    """Why the core cannot march through a grid."""
    if not occupied.is_contiguous() or occupied.device.type != "cpu":
        return "takes a contiguous occupancy grid on the CPU"
    return f"takes up to {_MOST_CELLS} cells along an axis" if len(occupied) > _MOST_CELLS else None


def refuse(
    rays: Tensor,
    occupied: Tensor,
    step: float,
    cone: float = 0.0,
    near: float = 0.0,
    unbounded: bool = False,
    jitter: Tensor | None = None,
    limit: int = MOST,
) -> str | None:
    return direct_refusal(rays, *(() if jitter is None else (jitter,)), others=[occupied]) or refusal_of_grid(occupied)


@torch.no_grad()
def march(
    rays: Tensor,
    occupied: Tensor,
    step: float,
    cone: float = 0.0,
    near: float = 0.0,
    unbounded: bool = False,
    jitter: Tensor | None = None,
    limit: int = MOST,
) -> tuple[Tensor, Tensor, Tensor]:
    rays, jitter = rays.detach().contiguous(), None if jitter is None else jitter.detach().contiguous()
    given = terrain(occupied, step, cone, near, unbounded), rays, len(rays), jitter
    count = torch.empty(len(rays), dtype=torch.int64)
    call("nf_march_count", *given, min(limit, MOST), count)
    ends = count.cumsum(0)
    total = int(ends[-1]) if len(rays) else 0
    start, end = rays.new_empty(total), rays.new_empty(total)
    call("nf_march", *given, count, ends, start, end)
    return start, end, count
