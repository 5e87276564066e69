"""KAN: a learnable B-spline on every edge, in place of activations on nodes; evaluated as a product with a matrix.

@inproceedings{liu2025kan,
  title={KAN: Kolmogorov-Arnold Networks},
  author={Liu, Ziming and Wang, Yixuan and Vaidya, Sachin and Ruehle, Fabian and Halverson, James and others},
  booktitle={ICLR}, year={2025}}
@article{coffman2025matrixkan,
  title={MatrixKAN: Parallelized Kolmogorov-Arnold Network},
  author={Coffman, Cale and Chen, Lizhong},
  journal={arXiv:2502.07176}, year={2025}}
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.field import Field
from neuralfields.networks.bases import check_splines, splines
from neuralfields.networks.layers import layer_sizes


class Kan(Field):
    """h'_o = sum_i w_oi silu(h_i) + s_oi sum_j c_oij B_j(h_i), with B-splines B_j on [-1, 1].

    Layers and initialisation are those of the repository efficient-kan. The grid is uniform and stays as it is: no
    adaptation to the data. Hidden values may leave [-1, 1]; as in that repository nothing keeps them inside, and
    ``degree`` intervals further out only the path over silu remains. The field is ``degree - 1`` times continuously
    differentiable. With ``depth=0`` it is a sum of functions of one coordinate each: a first layer with a fine grid for
    another network, as in ``Chain(Kan(2, 256, depth=0, grid=128), MLP(256, 3))``.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of hidden layers; there is one layer of edges more.
        grid: number of intervals; 5 is the papers', 32 or more suits images.
        degree: of the splines.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Liu et al., KAN: Kolmogorov-Arnold Networks, ICLR 2025"

    def __init__(self, in_dim: int, out_dim: int, *, width: int = 32, depth: int = 2, grid: int = 5, degree: int = 3):
        super().__init__()
        check_splines(grid, degree)
        self.in_dim, self.out_dim = in_dim, out_dim
        sizes = layer_sizes(in_dim, out_dim, width, depth)
        self.layers = nn.ModuleList(_Layer(a, b, grid, degree) for a, b in sizes)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class _Layer(nn.Module):
    """Silu and splines of every input, summed with weights."""

    def __init__(self, in_dim: int, out_dim: int, grid: int, degree: int):
        super().__init__()
        self.grid, self.degree = grid, degree
        bound = 1 / math.sqrt(in_dim)
        self.base = nn.Parameter(torch.empty(out_dim, in_dim).uniform_(-bound, bound))
        self.scale = nn.Parameter(torch.empty(out_dim, in_dim).uniform_(-bound, bound))
        # The splines start as a fit of small noise at the ends of the intervals.
        noise = (torch.rand(out_dim, in_dim, grid + 1) - 0.5) * (0.1 / grid)
        at_ends = splines(torch.linspace(-1, 1, grid + 1, dtype=torch.float64), grid, degree)
        fit = torch.linalg.solve(at_ends @ at_ends.T, at_ends)  # the least of all coefficients that fit
        self.coefficients = nn.Parameter(noise @ fit.to(noise))

    def forward(self, x: Tensor) -> Tensor:
        basis = splines(x, self.grid, self.degree).flatten(-2)
        weights = (self.coefficients * self.scale[..., None]).flatten(1)
        return F.linear(F.silu(x), self.base) + F.linear(basis, weights)
