"""The definition of ``grid_encode`` in plain PyTorch: differentiable to any order, right under ``torch.func``."""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neuralfields.ops.grid_encode.layout import PRIMES, GridLayout, Level


def reference(x: Tensor, table: Tensor, layout: GridLayout, interpolation: str = "linear") -> Tensor:
    dense = [level for level in layout.table if not level.hashed]
    hashed = [level for level in layout.table if level.hashed]
    unit = ((x + 1) / 2).clamp(0, 1)
    # A table's columns are gathered one by one: the backward of a 1-D index_select is several times faster than that
    # of an embedding.
    columns = table.unbind(1)
    parts = [
        _encode_levels(unit, columns, levels, layout, interpolation, index)
        for levels, index in ((dense, _dense_index), (hashed, _hash_index))
        if levels
    ]
    return torch.cat(parts, 1).flatten(1)


def _encode_levels(
    unit: Tensor,
    columns: Sequence[Tensor],
    levels: list[Level],
    layout: GridLayout,
    interpolation: str,
    index: Callable[[list[Tensor], list[Level]], Tensor],
) -> Tensor:
    """Features [n, levels, features] of levels that are indexed the same way."""
    scale = unit.new_tensor([level.scale for level in levels])
    position = unit[:, None, :] * scale[:, None] + 0.5
    cell = position.detach().floor()
    fraction = position - cell
    if interpolation == "smoothstep":
        fraction = fraction * fraction * (3 - 2 * fraction)
    # NaN has no cell: it takes part as a weight, so that the result is NaN, and never as an index.
    cell = cell.nan_to_num(0.0).long()
    lower, upper = 1 - fraction, fraction
    rows, weights = [], []
    for corner in itertools.product((0, 1), repeat=layout.dim):
        vertex = [cell[..., axis] + bit for axis, bit in enumerate(corner)]
        rows.append(index(vertex, levels))
        weight = torch.ones_like(unit[:, :1])
        for axis, bit in enumerate(corner):
            weight = weight * (upper if bit else lower)[..., axis]
        weights.append(weight)
    row = torch.stack(rows, -1)
    weight = torch.stack(weights, -1)
    flat = row.flatten()
    return torch.stack([(column.index_select(0, flat).view_as(row) * weight).sum(-1) for column in columns], -1)


def _dense_index(vertex: list[Tensor], levels: list[Level]) -> Tensor:
    """Row of a vertex in a level that stores every vertex, x fastest."""
    like = vertex[0]
    resolution = like.new_tensor([level.resolution for level in levels])
    row, stride = like, resolution
    for coordinate in vertex[1:]:
        row = row + coordinate * stride
        stride = stride * resolution
    size = like.new_tensor([level.size for level in levels])
    # The half-cell offset lets the last corner step past the last vertex; it wraps, as in the canonical layout.
    return row % size + like.new_tensor([level.start for level in levels])


def _hash_index(vertex: list[Tensor], levels: list[Level]) -> Tensor:
    """Row of a vertex in a hashed level: products with large primes, xor-ed, modulo the level's size (a power of 2)."""
    like = vertex[0]
    row = like
    for coordinate, prime in zip(vertex[1:], PRIMES[1:], strict=False):
        row = row ^ (coordinate * prime & 0xFFFFFFFF)
    size = like.new_tensor([level.size for level in levels])
    return row % size + like.new_tensor([level.start for level in levels])
