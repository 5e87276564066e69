"""What the encodings by planes share: resolutions, values of all planes, and tables at another resolution."""

import math
from collections.abc import Sequence
from operator import index

import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.ops import PlaneLayout


def per_axis(resolution: int | Sequence[int], dim: int) -> tuple[int, ...]:
    """Vertices along each axis, of one number for all of them or of one for each.

    Raises:
        InputError: there are several, but not one for each axis.
    """
    found = tuple(map(index, resolution)) if isinstance(resolution, Sequence) else (index(resolution),) * dim
    if len(found) != dim:
        raise InputError(f"resolution is one number or one for each of {dim} axes, got {list(found)}")
    return found


def encoded(x: Tensor, table: Tensor, layout: PlaneLayout, interpolation: str = "linear") -> Tensor:
    """The features of each plane, [*batch, planes, features], at points [*batch, n]."""
    flat = ops.plane_encode(x.reshape(-1, layout.dim), table, layout, interpolation)
    return flat.view(*x.shape[:-1], len(layout.planes), table.shape[1])


@torch.no_grad()
def resampled(table: Tensor, layout: PlaneLayout, other: PlaneLayout) -> Tensor:
    """The table of another layout of the same planes with the same functions, linear between the old vertices.

    Where new vertices lie on old ones, the rows are the same to the last bit.
    """
    parts = []
    for old, new in zip(layout.planes, other.planes, strict=True):
        values = table[old.start : old.start + old.size].view(*reversed(old.resolution), -1)
        for axis, (before, after) in enumerate(zip(reversed(old.resolution), reversed(new.resolution), strict=True)):
            # Whole numbers: place * (after - 1) is where a new vertex lies in units of the old cells.
            place = torch.arange(after, device=table.device) * (before - 1)
            cell = (place // (after - 1)).clamp(max=before - 2)
            fraction = ((place - cell * (after - 1)) / (after - 1)).to(table.dtype)
            fraction = fraction.view(-1, *[1] * (values.dim() - axis - 1))
            values = torch.lerp(values.index_select(axis, cell), values.index_select(axis, cell + 1), fraction)
        parts.append(values.reshape(math.prod(new.resolution), -1))
    return torch.cat(parts)
