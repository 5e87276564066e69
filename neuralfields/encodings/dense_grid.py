"""Dense grid of features, or a pyramid of them whose levels add up.

@inproceedings{sun2022direct,
  title={Direct Voxel Grid Optimization: Super-fast Convergence for Radiance Fields Reconstruction},
  author={Sun, Cheng and Sun, Min and Chen, Hwann-Tzong}, booktitle={CVPR}, year={2022}}
@inproceedings{takikawa2021neural,
  title={Neural Geometric Level of Detail: Real-time Rendering with Implicit {3D} Shapes},
  author={Takikawa, Towaki and Litalien, Joey and Yin, Kangxue and Kreis, Karsten and others},
  booktitle={CVPR}, year={2021}}
"""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from neuralfields.checks import between, one_of
from neuralfields.encodings.tables import encoded, per_axis
from neuralfields.field import Field
from neuralfields.ops import PlaneLayout
from neuralfields.ops.plane_encode import INTERPOLATIONS


class DenseGrid(Field):
    """f = sum over levels k of G_k(x), each a grid with a vertex everywhere, between which is interpolated.

    Each level has twice the cells of the one before, and so all its vertices. The sum up to a level is a field of its
    own, a level of detail (``levels``). The features may be the values themselves, or be read by a network. One level
    is the grid of Sun et al., sums over levels are those of Takikawa et al. (whose grids are sparse).

    Args:
        in_dim: number of coordinates, 1 to 4.
        resolution: vertices per axis of the coarsest level, one number or a list.
        levels: number of grids.
        features: values per vertex and of the result, 1 to 1024.
        interpolation: one of ``ops.plane_encode.INTERPOLATIONS``; "b_spline" has continuous second derivatives.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Sun et al., Direct Voxel Grid Optimization, CVPR 2022"
    lr_scale = 100.0
    tables = ("table",)

    def __init__(
        self,
        in_dim: int,
        *,
        resolution: int | Sequence[int] = 128,
        levels: int = 1,
        features: int = 4,
        interpolation: str = "linear",
    ):
        super().__init__()
        between(1, 4, in_dim=in_dim)
        between(1, 16, levels=levels)
        between(1, 1024, features=features)
        one_of(INTERPOLATIONS, interpolation=interpolation)
        self.interpolation = interpolation
        base = per_axis(resolution, in_dim)
        shapes = [[((vertices - 1) << level) + 1 for vertices in base] for level in range(levels)]
        self.layout = PlaneLayout(in_dim, [range(in_dim)] * levels, shapes)
        self.in_dim, self.out_dim = in_dim, features
        self.table = nn.Parameter(torch.empty(self.layout.entries, features).uniform_(-1e-4, 1e-4))

    def levels(self, x: Tensor) -> list[Tensor]:
        """The features summed up to each level, from coarse to fine; the last is the field's value."""
        return list(accumulate(encoded(x, self.table, self.layout, self.interpolation).unbind(-2)))

    def forward(self, x: Tensor) -> Tensor:
        return self.levels(x)[-1]
