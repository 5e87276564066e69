"""FKAN: learnable Fourier series in the first layer, then a gated network.

@inproceedings{mehrabian2025fkan,
  title={Implicit Neural Representations with Fourier Kolmogorov-Arnold Networks},
  author={Mehrabian, Ali and Mojarad Adi, Parsa and Heidari, Moein and Hacihaliloglu, Ilker},
  booktitle={ICASSP}, year={2025}}
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.checks import between, one_of, positive
from neuralfields.field import Field
from neuralfields.networks.bases import harmonics
from neuralfields.networks.layers import LayerNorm, layer_sizes, through

_ACTIVATIONS = ("gated", "tanh")


class Fkan(Field):
    """LayerNorm(sum_ig A_oig cos(g x_i) + B_oig sin(g x_i) + c_o), then layers with an activation, then a linear map.

    The activation of the code is (z + tanh(omega z)) sigmoid(z), that of the paper tanh(omega z). Frequencies g are
    integers in radians: 270 of them reach 86 periods across the box.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the first layer.
        depth: number of layers after it.
        frequencies: in the series; pi/2 per sample along the finest axis is the Nyquist rule.
        activation: "gated" as the code, "tanh" as the paper.
        omega: steepness of the tanh; weights after the first layer are U(±sqrt(6/fan_in)/omega), where the last map's
            fan_in is taken as ``width``, as in the authors' code.
        uniform: all layers are ``width`` wide. If not, they are 2 width and the last 4 width, as in the code.
        smooth: coefficients start as N(0, 1/g^4) in place of N(0, 1/frequencies), both over ``in_dim``.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Mehrabian et al., Implicit Neural Representations with Fourier Kolmogorov-Arnold Networks, ICASSP 2025"
    lr_scale = 0.1

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 128,
        depth: int = 4,
        frequencies: int = 270,
        activation: str = "gated",
        omega: float = 30.0,
        uniform: bool = False,
        smooth: bool = False,
    ):
        super().__init__()
        positive(omega=omega)
        between(1, (1 << 16) // (1 if uniform else 4), width=width)
        between(1, 256, depth=depth)
        between(1, 1 << 12, frequencies=frequencies)
        one_of(_ACTIVATIONS, activation=activation)
        layer_sizes(in_dim, out_dim, width, depth)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.frequencies, self.gated, self.omega = frequencies, activation == "gated", float(omega)
        g = torch.arange(1, frequencies + 1).repeat(2)  # cosines, then sines
        scale = g**-2.0 if smooth else torch.full([len(g)], frequencies**-0.5)
        self.coefficients = nn.Parameter(torch.randn(width, in_dim, len(g)) * scale / math.sqrt(in_dim))
        self.bias = nn.Parameter(torch.zeros(width))
        self.norm = LayerNorm(width)
        hidden = [width] * depth if uniform else [2 * width] * (depth - 1) + [4 * width]
        layers = [nn.Linear(a, b) for a, b in pairwise([width, *hidden, out_dim])]
        self.layers = nn.ModuleList(layers)
        for layer, fan_in in zip(layers, [width, *hidden[:-1], width], strict=True):
            bound = math.sqrt(6 / fan_in) / omega
            nn.init.uniform_(layer.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        basis = harmonics(x, self.frequencies).flatten(-2)
        return through(self.norm(F.linear(basis, self.coefficients.flatten(1), self.bias)), self.layers, self._activate)

    def _activate(self, z: Tensor) -> Tensor:
        steep = torch.tanh(self.omega * z)
        return (z + steep) * torch.sigmoid(z) if self.gated else steep
