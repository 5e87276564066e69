"""Tri-plane: a feature of a point is the sum of features of its projections onto planes.

@inproceedings{chan2022efficient,
  title={Efficient Geometry-aware {3D} Generative Adversarial Networks},
  author={Chan, Eric R. and Lin, Connor Z. and Chan, Matthew A. and Nagano, Koki and others},
  booktitle={CVPR}, year={2022}}
"""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

from neuralfields.checks import between, one_of
from neuralfields.encodings.tables import encoded, per_axis
from neuralfields.field import Field
from neuralfields.ops import PlaneLayout
from neuralfields.ops.plane_encode import INTERPOLATIONS


class TriPlane(Field):
    """f = P_xy(x, y) + P_xz(x, z) + P_yz(y, z), each plane a grid of features between which is interpolated.

    With ``n`` coordinates there are the n (n - 1) / 2 planes of all pairs; with two, one. The paper's planes come out
    of a generator; here they are parameters, which start as 0.1 N(0, 1), as TensoRF's do. The paper reads them with a
    softplus network of 1 x 64.

    Args:
        in_dim: number of coordinates, 2 to 16.
        resolution: vertices per axis, one number or a list.
        features: values per vertex and of the result, 1 to 1024.
        interpolation: one of ``ops.plane_encode.INTERPOLATIONS``; "b_spline" has continuous second derivatives.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Chan et al., Efficient Geometry-aware 3D Generative Adversarial Networks, CVPR 2022"
    lr_scale = 10.0
    tables = ("table",)

    def __init__(
        self, in_dim: int, *, resolution: int | Sequence[int] = 256, features: int = 32, interpolation: str = "linear"
    ):
        super().__init__()
        between(2, 16, in_dim=in_dim)
        between(1, 1024, features=features)
        one_of(INTERPOLATIONS, interpolation=interpolation)
        self.interpolation = interpolation
        self.layout = PlaneLayout(in_dim, tuple(combinations(range(in_dim), 2)), per_axis(resolution, in_dim))
        self.in_dim, self.out_dim = in_dim, features
        self.table = nn.Parameter(0.1 * torch.randn(self.layout.entries, features))

    def forward(self, x: Tensor) -> Tensor:
        return encoded(x, self.table, self.layout, self.interpolation).sum(-2)
