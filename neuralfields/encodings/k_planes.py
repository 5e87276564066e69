"""K-Planes: features of all planes along pairs of axes, multiplied, at several resolutions.

@inproceedings{fridovichkeil2023kplanes,
  title={K-Planes: Explicit Radiance Fields in Space, Time, and Appearance},
  author={Fridovich-Keil, Sara and Meanti, Giacomo and Warburg, Frederik and Recht, Benjamin and Kanazawa, Angjoo},
  booktitle={CVPR}, year={2023}}
"""

from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from operator import index, mul

import torch
from torch import Tensor, nn

from neuralfields.checks import between, one_of
from neuralfields.encodings.tables import encoded, per_axis
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.ops import PlaneLayout
from neuralfields.ops.plane_encode import INTERPOLATIONS

COMBINATIONS = ("product", "sum", "concat")


class KPlanes(Field):
    """f = concat over scales of prod over pairs (i, j) of P_ij(x_i, x_j), each plane a grid of features.

    Products let the planes select a place together, which sums cannot. Planes start as U(0.1, 0.5), away from zero,
    where a product has no gradient. With ``time`` the last axis is time: its planes start as ones, so that a fresh
    field is static, and have the same number of vertices in time at each scale.

    Args:
        in_dim: number of coordinates, 2 to 16.
        resolution: vertices per axis at scale 1, one number or a list.
        scales: factors of the resolution.
        features: values per vertex, 1 to 1024.
        combine: "product" or "sum" of the planes, ``len(scales) * features`` values; or "concat", all of them.
        interpolation: one of ``ops.plane_encode.INTERPOLATIONS``; "b_spline" has continuous second derivatives.
        time: whether the last axis is time.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Fridovich-Keil et al., K-Planes: Explicit Radiance Fields in Space, Time, and Appearance, CVPR 2023"
    lr_scale = 10.0
    tables = ("table",)

    def __init__(
        self,
        in_dim: int,
        *,
        resolution: int | Sequence[int] = 128,
        scales: Sequence[int] = (1, 2, 4),
        features: int = 32,
        combine: str = "product",
        interpolation: str = "linear",
        time: bool = False,
    ):
        super().__init__()
        between(2, 16, in_dim=in_dim)
        between(1, 1024, features=features)
        one_of(COMBINATIONS, combine=combine)
        one_of(INTERPOLATIONS, interpolation=interpolation)
        scales = list(map(index, scales))
        if not scales or min(scales) < 1:
            raise InputError(f"scales are one whole number or more, each positive, got {scales}")
        base, pairs = per_axis(resolution, in_dim), list(combinations(range(in_dim), 2))
        moving = in_dim - 1 if time else None
        shapes = [[base[d] * (1 if d == moving else scale) for d in pair] for scale in scales for pair in pairs]
        self.layout = PlaneLayout(in_dim, pairs * len(scales), shapes)
        self.combine, self.scales, self.interpolation = combine, len(scales), interpolation
        each = len(pairs) if combine == "concat" else 1
        self.in_dim, self.out_dim = in_dim, len(scales) * each * features
        self.table = nn.Parameter(torch.empty(self.layout.entries, features).uniform_(0.1, 0.5))
        with torch.no_grad():
            for plane in self.layout.planes:
                if moving in plane.axes:
                    self.table[plane.start : plane.start + plane.size] = 1.0

    @property
    def bands(self) -> list[int]:
        """The scale of each value, 0 for the first."""
        return [scale for scale in range(self.scales) for _ in range(self.out_dim // self.scales)]

    def forward(self, x: Tensor) -> Tensor:
        planes = encoded(x, self.table, self.layout, self.interpolation)
        if self.combine == "concat":
            return planes.flatten(-2)
        planes = planes.unflatten(-2, (self.scales, -1))
        # One factor after the other: its derivatives are right to any order, also where a factor is zero.
        return (planes.sum(-2) if self.combine == "sum" else reduce(mul, planes.unbind(-2))).flatten(-2)
