"""SL2A: learnable Chebyshev polynomials in the first layer only, low-rank ReLU layers modulated by it after.

@inproceedings{heidari2025sl2a,
  title={SL2A-INR: Single-Layer Learnable Activation for Implicit Neural Representation},
  author={Heidari, Moein and Rezaeian, Reza and Azad, Reza and Merhof, Dorit and others},
  booktitle={ICCV}, year={2025}}
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.checks import between
from neuralfields.field import Field
from neuralfields.networks.bases import chebyshev_sum
from neuralfields.networks.layers import LayerNorm, layer_sizes


class SL2A(Field):
    """s = LayerNorm(sum_ik a_oik T_k(tanh x_i)); h' = relu(U V (s h) + b) with h_0 = s; then a linear map of s h.

    The product with s comes before every layer, the last one too, as in the code; the paper's formula shows it for the
    hidden layers. tanh maps the box to [-0.76, 0.76], so the highest frequencies of T_k, at its ends, are not used.
    One call makes ``in_dim * degree`` values per point.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of all layers.
        depth: number of ReLU layers.
        degree: of the polynomials; larger for finer signals. The paper's scripts have 256, their class 512.
        rank: of the ReLU layers' matrices, at most ``width``.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Heidari et al., SL2A-INR: Single-Layer Learnable Activation for INR, ICCV 2025"

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 3, degree: int = 256, rank: int = 128
    ):
        super().__init__()
        layer_sizes(in_dim, out_dim, width, depth)
        between(1, 1 << 12, degree=degree)
        between(1, width, rank=rank)
        self.in_dim, self.out_dim = in_dim, out_dim
        # Xavier as PyTorch counts the fans of a tensor [in, width, degree + 1].
        bound = math.sqrt(6 / ((in_dim + width) * (degree + 1)))
        self.coefficients = nn.Parameter(torch.empty(width, in_dim, degree + 1).uniform_(-bound, bound))
        self.norm = LayerNorm(width)
        self.layers = nn.ModuleList(_LowRank(width, rank) for _ in range(depth))
        self.last = nn.Linear(width, out_dim)

    def forward(self, x: Tensor) -> Tensor:
        s = self.norm(chebyshev_sum(x, self.coefficients))
        h = s
        for layer in self.layers:
            h = layer(s * h).relu()
        return self.last(s * h)


class _LowRank(nn.Module):
    """(U V) h + b as two products."""

    def __init__(self, width: int, rank: int):
        super().__init__()
        rows, columns = 1 / math.sqrt(rank), 1 / math.sqrt(width)
        self.first = nn.Parameter(torch.empty(rank, width).uniform_(-rows, rows))  # as the code: its fan-in is the rank
        self.second = nn.Parameter(torch.empty(width, rank).uniform_(-columns, columns))
        self.bias = nn.Parameter(torch.empty(width).uniform_(-rows, rows))

    def forward(self, h: Tensor) -> Tensor:
        return F.linear(F.linear(h, self.first), self.second, self.bias)
