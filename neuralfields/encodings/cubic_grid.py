"""Dense grid with cubic interpolation, the baseline that any network ought to be compared with.

@article{keys1981cubic,
  title={Cubic Convolution Interpolation for Digital Image Processing},
  author={Keys, Robert G.},
  journal={IEEE Transactions on Acoustics, Speech, and Signal Processing}, volume={29}, number={6}, year={1981}}
@article{kim2025grids,
  title={Grids Often Outperform Implicit Neural Representations},
  author={Kim, Namhoon and Fridovich-Keil, Sara}, journal={arXiv:2506.11139}, year={2025}}
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neuralfields.checks import between, one_of
from neuralfields.encodings.tables import encoded, per_axis
from neuralfields.field import Field
from neuralfields.ops import PlaneLayout

CUBIC = ("catmull_rom", "b_spline")


class CubicGrid(Field):
    """f = sum over the 4^n vertices around x of w(x_1 - i_1) ... w(x_n - i_n) G[i], with a cubic kernel w.

    "catmull_rom" (Keys' kernel with a = -1/2) goes through the vertices' values, is exact for quadratic functions and
    has continuous first derivatives. "b_spline" smooths the vertices' values, is exact for linear functions and has
    continuous second derivatives, which a loss on Laplacians needs. Beyond the box the vertices of its border go on,
    so near the border neither is exact. Kim and Fridovich-Keil take Keys' kernel with a = -3/4, in two dimensions.

    The features are the values themselves, or are read by a network. The table starts as U(-1e-4, 1e-4).

    Args:
        in_dim: number of coordinates, 1 to 3.
        resolution: vertices per axis, one number or a list.
        features: values per vertex and of the result, 1 to 1024.
        interpolation: "catmull_rom" or "b_spline".

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Keys, Cubic Convolution Interpolation for Digital Image Processing, IEEE TASSP 1981"
    lr_scale = 100.0
    tables = ("table",)

    def __init__(
        self,
        in_dim: int,
        *,
        resolution: int | Sequence[int] = 128,
        features: int = 3,
        interpolation: str = "catmull_rom",
    ):
        super().__init__()
        between(1, 3, in_dim=in_dim)
        between(1, 1024, features=features)
        one_of(CUBIC, interpolation=interpolation)
        self.layout = PlaneLayout(in_dim, [range(in_dim)], per_axis(resolution, in_dim))
        self.interpolation = interpolation
        self.in_dim, self.out_dim = in_dim, features
        self.table = nn.Parameter(torch.empty(self.layout.entries, features).uniform_(-1e-4, 1e-4))

    def forward(self, x: Tensor) -> Tensor:
        return encoded(x, self.table, self.layout, self.interpolation)[..., 0, :]
