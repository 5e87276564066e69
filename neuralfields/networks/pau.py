"""Padé activation units: rational activations whose coefficients are trained.

@inproceedings{molina2020pade,
  title={Pad{\\'e} Activation Units: End-to-end Learning of Flexible Activation Functions in Deep Networks},
  author={Molina, Alejandro and Schramowski, Patrick and Kersting, Kristian},
  booktitle={ICLR}, year={2020}}
"""

import torch
from torch import Tensor, nn

from neuralfields.checks import one_of, positive
from neuralfields.field import Field
from neuralfields.networks.layers import linears, scaled

# (a_0..a_5, b_1..b_4): the leaky ReLU's of the paper's code, the others by least squares on [-3, 3] with b_4 >= 0.01.
_STARTS = {
    "gaussian": ((1.00065, 0.0, -0.182044, 0.0, 0.00907062, 0.0), (0.00736168, 0.303561, 0.001, 0.0525355)),
    "sine": ((0.0, 1.00796, 0.0, -0.0376359, 0.0, -0.00660535), (0.0263204, 0.108396, 0.001, 0.01)),
    "leaky_relu": (
        (0.0335583603, 0.505000375, 1.65343934, 2.01001052, 0.931901999, 0.152424124),
        (3.30847488e-06, 3.98021568, 5.12471206e-07, 0.301830109),
    ),
}


class Pau(Field):
    """h' = F(omega (W h + b)) with F(z) = sum_j a_j z^j / (1 + sum_k |b_k z^k|) of its own in each layer.

    The numerator has degree 5, the denominator 4 and no zero, which is the "safe" unit of the paper's code. F starts as
    the function it is named after on [-3, 3] only. Far out it is (a_5 z + a_4) / |b_4| - a_5 |b_3| sign(z) / b_4^2: at
    first 0.505 z + 3.09 for leaky_relu, -0.66 z + 0.07 sign(z) for sine, 0.17 for gaussian. Weights and biases are
    PyTorch's default. The coefficients' rate is a tenth of the weights'.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers.
        start: what F is at first: gaussian, exp(-z^2/2); sine; or leaky_relu, that of the paper, with slope 0.01. The
            first two are not the paper's.
        omega: scale of F's argument; larger for finer signals. The paper's is 1.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Molina, Schramowski, Kersting, Padé Activation Units, ICLR 2020"
    lr_scale = 2.0

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        start: str = "gaussian",
        omega: float = 30.0,
    ):
        super().__init__()
        positive(omega=omega)
        one_of(_STARTS, start=start)
        self.in_dim, self.out_dim, self.omega = in_dim, out_dim, float(omega)
        self.layers = linears(in_dim, out_dim, width, depth)
        self.activations = nn.ModuleList(_Rational(width, start) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer, activation in zip(hidden, self.activations, strict=True):
            x = activation(scaled(layer, self.omega, x))
        return last(x)


class _Rational(Field):
    """F for each value: a field of its own because of its rate."""

    lr_scale = 0.1 * Pau.lr_scale

    def __init__(self, width: int, start: str):
        super().__init__()
        self.in_dim = self.out_dim = width
        numerator, denominator = _STARTS[start]
        self.numerator = nn.Parameter(torch.tensor(numerator))
        self.denominator = nn.Parameter(torch.tensor(denominator))

    def forward(self, x: Tensor) -> Tensor:
        size = x.abs()
        return _horner(x, self.numerator) / (1 + size * _horner(size, self.denominator.abs()))


def _horner(x: Tensor, coefficients: Tensor) -> Tensor:
    *others, result = coefficients
    for coefficient in reversed(others):
        result = result * x + coefficient
    return result
