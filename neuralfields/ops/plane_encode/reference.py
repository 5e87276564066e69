"""The definition of ``plane_encode`` in plain PyTorch: differentiable to any order, right under ``torch.func``."""

import torch
from torch import Tensor

from neuralfields.ops.plane_encode.layout import Plane, PlaneLayout

# Of cubic interpolation: for each of the four vertices around a cell the coefficients of 1, t, t^2 and t^3 in its
# weight, where t is the place in the cell.
CUBIC = {
    "catmull_rom": ((0, -1 / 2, 1, -1 / 2), (1, 0, -5 / 2, 3 / 2), (0, 1 / 2, 2, -3 / 2), (0, 0, -1 / 2, 1 / 2)),
    "b_spline": (
        (1 / 6, -1 / 2, 1 / 2, -1 / 6),
        (2 / 3, 0, -1, 1 / 2),
        (1 / 6, 1 / 2, 1 / 2, -1 / 2),
        (0, 0, 0, 1 / 6),
    ),
}


def reference(x: Tensor, table: Tensor, layout: PlaneLayout, interpolation: str = "linear") -> Tensor:
    unit = ((x + 1) / 2).clamp(0, 1)
    columns = table.unbind(1)
    return torch.cat([_encode_plane(unit, columns, plane, interpolation) for plane in layout.planes], 1)


def _encode_plane(unit: Tensor, columns: tuple[Tensor, ...], plane: Plane, interpolation: str) -> Tensor:
    """Features [n, features]."""
    row, weight, stride = None, None, 1
    for axis, vertices in zip(plane.axes, plane.resolution, strict=True):
        vertex, along = _along(unit[:, axis], vertices, interpolation)
        if row is None or weight is None:
            row, weight = plane.start + vertex, along
        else:
            row = (row[:, :, None] + vertex[:, None] * stride).flatten(1)
            weight = (weight[:, :, None] * along[:, None]).flatten(1)
        stride *= vertices
    assert row is not None and weight is not None  # a plane has an axis
    # One by one, as in grid_encode: the backward of a 1-D index_select is the fast one.
    flat = row.flatten()
    return torch.stack([(column.index_select(0, flat).view_as(row) * weight).sum(-1) for column in columns], -1)


def _along(unit: Tensor, vertices: int, interpolation: str) -> tuple[Tensor, Tensor]:
    """The vertices along one axis that each point is interpolated from, and their weights: both [n, 2] or [n, 4]."""
    position = unit * (vertices - 1)
    # NaN has no cell: it takes part as a weight, so that the result is NaN, and never as an index.
    cell = position.detach().nan_to_num(0.0).floor().clamp(max=vertices - 2)
    t = position - cell
    cell = cell.long()
    if interpolation in CUBIC:
        a, b, c, d = t.new_tensor(CUBIC[interpolation]).unbind(1)
        t = t[:, None]
        weight = ((d * t + c) * t + b) * t + a
        # Beyond its ends the grid goes on with the vertices there.
        return torch.stack([(cell - 1).clamp(min=0), cell, cell + 1, (cell + 2).clamp(max=vertices - 1)], 1), weight
    if interpolation == "smoothstep":
        t = t * t * (3 - 2 * t)
    return torch.stack([cell, cell + 1], 1), torch.stack([1 - t, t], 1)
