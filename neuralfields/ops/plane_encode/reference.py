"""The definition of ``plane_encode`` in plain PyTorch: differentiable to any order, right under ``torch.func``."""

import itertools

import torch
from torch import Tensor

from neuralfields.ops.plane_encode.layout import Plane, PlaneLayout


def reference(x: Tensor, table: Tensor, layout: PlaneLayout) -> Tensor:
    unit = ((x + 1) / 2).clamp(0, 1)
    columns = table.unbind(1)
    return torch.cat([_encode_plane(unit, columns, plane) for plane in layout.planes], 1)


def _encode_plane(unit: Tensor, columns: tuple[Tensor, ...], plane: Plane) -> Tensor:
    """Features [n, features]."""
    rows: list[Tensor] = []
    weights: list[Tensor] = []
    parts = [_along(unit[:, axis], vertices) for axis, vertices in zip(plane.axes, plane.resolution, strict=True)]
    for corner in itertools.product((0, 1), repeat=len(parts)):
        row, stride = torch.full_like(parts[0][0], plane.start), 1
        weight = torch.ones_like(unit[:, 0])
        for bit, (cell, fraction), vertices in zip(corner, parts, plane.resolution, strict=True):
            row = row + (cell + bit) * stride
            stride *= vertices
            weight = weight * (fraction if bit else 1 - fraction)
        rows.append(row)
        weights.append(weight)
    row, weight = torch.stack(rows, -1), torch.stack(weights, -1)
    # One by one, as in grid_encode: the backward of a 1-D index_select is the fast one.
    flat = row.flatten()
    return torch.stack([(column.index_select(0, flat).view_as(row) * weight).sum(-1) for column in columns], -1)


def _along(unit: Tensor, vertices: int) -> tuple[Tensor, Tensor]:
    """The cell along one axis, and the place in it."""
    position = unit * (vertices - 1)
    # NaN has no cell: it takes part as a weight, so that the result is NaN, and never as an index.
    cell = position.detach().nan_to_num(0.0).floor().clamp(max=vertices - 2)
    return cell.long(), position - cell
