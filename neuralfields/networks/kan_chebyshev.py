"""ChebyKAN: a learnable Chebyshev polynomial of tanh on every edge.

@article{ss2024chebyshev,
  title={Chebyshev Polynomial-Based Kolmogorov-Arnold Networks},
  author={SS, Sidharth and AR, Keerthana and R, Gokul and KP, Anas},
  journal={arXiv:2405.07200}, year={2024}}
"""

import torch
from torch import Tensor, nn

from neuralfields.checks import between
from neuralfields.field import Field
from neuralfields.networks.bases import chebyshev_sum
from neuralfields.networks.layers import LayerNorm, layer_sizes


class ChebyKan(Field):
    """h'_o = sum_ik c_oik T_k(tanh h_i), with a LayerNorm between two layers; c ~ N(0, 1/(in (degree + 1))^2).

    The repository takes arccos of tanh, whose gradient is NaN where tanh saturates; here it is finite everywhere. With
    ``depth=0`` this is a first layer for another network, as in ``Chain(ChebyKan(2, 256, depth=0, degree=128), ...)``.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of hidden layers; there is one layer of edges more.
        degree: of the polynomials.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "SS et al., Chebyshev Polynomial-Based Kolmogorov-Arnold Networks, arXiv 2024"
    lr_scale = 0.2

    def __init__(self, in_dim: int, out_dim: int, *, width: int = 32, depth: int = 2, degree: int = 4):
        super().__init__()
        between(1, 1 << 12, degree=degree)
        self.in_dim, self.out_dim = in_dim, out_dim
        sizes = layer_sizes(in_dim, out_dim, width, depth)
        self.layers = nn.ParameterList(torch.randn(b, a, degree + 1) / (a * (degree + 1)) for a, b in sizes)
        self.norms = nn.ModuleList(LayerNorm(width) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        for coefficients, norm in zip(hidden, self.norms, strict=True):
            x = norm(chebyshev_sum(x, coefficients))
        return chebyshev_sum(x, last)
