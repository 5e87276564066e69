"""BSRBF-KAN: B-splines and Gaussian bumps on every edge, with common weights.

@article{ta2024bsrbf,
  title={BSRBF-KAN: A Combination of B-splines and Radial Basis Functions in Kolmogorov-Arnold Networks},
  author={Ta, Hoang-Thang},
  journal={arXiv:2406.11173}, year={2024}}
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.field import Field
from neuralfields.networks.bases import check_splines, splines
from neuralfields.networks.layers import LayerNorm, bell, layer_sizes

END = 1.5  # of the grid


class BsrbfKan(Field):
    """h'_o = sum_i w_oi silu(n_i) + sum_ij c_oij (B_j(n_i) + exp(-((n_i - g_j)/d)^2)) with n = LayerNorm(h).

    ``grid + degree`` B-splines B_j and as many centres g_j, d apart, on [-1.5, 1.5]. The first layer has no LayerNorm:
    of two coordinates it would leave the sign of their difference only. Further out than the grid the bumps and splines
    vanish and silu remains.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of hidden layers; there is one layer of edges more.
        grid: number of intervals.
        degree: of the splines.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Ta, BSRBF-KAN: A Combination of B-splines and Radial Basis Functions in KANs, arXiv 2024"

    def __init__(self, in_dim: int, out_dim: int, *, width: int = 32, depth: int = 2, grid: int = 5, degree: int = 3):
        super().__init__()
        check_splines(grid, degree)
        self.in_dim, self.out_dim = in_dim, out_dim
        sizes = layer_sizes(in_dim, out_dim, width, depth)
        self.layers = nn.ModuleList(_Layer(a, b, grid, degree) for a, b in sizes)
        self.norms = nn.ModuleList(LayerNorm(width) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.layers
        x = first(x)
        for norm, layer in zip(self.norms, others, strict=True):
            x = layer(norm(x))
        return x


class _Layer(nn.Module):
    """Silu and the basis of every input, summed with weights."""

    def __init__(self, in_dim: int, out_dim: int, grid: int, degree: int):
        super().__init__()
        self.grid, self.degree = grid, degree
        count = grid + degree
        base, fine = 1 / math.sqrt(in_dim), 1 / math.sqrt(in_dim * count)
        self.base = nn.Parameter(torch.empty(out_dim, in_dim).uniform_(-base, base))
        self.coefficients = nn.Parameter(torch.empty(out_dim, in_dim * count).uniform_(-fine, fine))

    def forward(self, x: Tensor) -> Tensor:
        count = self.grid + self.degree
        # In units of the centres' distance.
        centres = torch.arange(count, dtype=x.dtype, device=x.device)
        bumps = bell(((x + END) * ((count - 1) / (2 * END)))[..., None] - centres)
        basis = splines(x, self.grid, self.degree, END) + bumps
        return F.linear(F.silu(x), self.base) + F.linear(basis.flatten(-2), self.coefficients)
