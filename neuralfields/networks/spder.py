"""SPDER: sines whose size grows slowly with their argument, so that they tell where a point is.

@article{shah2023spder,
  title={SPDER: Semiperiodic Damping-Enabled Object Representation},
  author={Shah, Kathan and Sitawarin, Chawin},
  journal={arXiv:2306.15242}, year={2023}}
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields.checks import one_of, positive
from neuralfields.field import Field
from neuralfields.networks.layers import init_sine, linears, through


def _root(z: Tensor) -> Tensor:
    """sqrt(|z|), but with derivative 0 where |z| < 1e-30; the sine beside it makes the product's derivative 0 too."""
    return F.threshold(z.abs(), 1e-30, 1e-30).sqrt()


DAMPINGS = {"sqrt": _root, "arctan": torch.arctan, "log": lambda z: z.abs().log1p()}


class Spder(Field):
    """h' = sin(z) damping(z) with z = omega (W h + b), then a linear map.

    Weights and biases as in ``Siren``. With the square root, the second derivative grows without bound near z = 0, so
    it is not for losses on Laplacians; with log(1 + |z|) it jumps there; with the arctangent all is smooth.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers.
        omega: frequency of all layers.
        damping: "sqrt", sqrt(|z|), for images and video; "arctan", arctan(z), for audio; "log", log(1 + |z|).

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Shah, Sitawarin, SPDER: Semiperiodic Damping-Enabled Object Representation, arXiv 2023"
    lr_scale = 0.1

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 6, omega: float = 30.0, damping: str = "sqrt"
    ):
        super().__init__()
        positive(omega=omega)
        one_of(DAMPINGS, damping=damping)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.omega, self.damping = float(omega), damping
        self.layers = linears(in_dim, out_dim, width, depth)
        init_sine(self.layers, self.omega)

    def forward(self, x: Tensor) -> Tensor:
        return through(x, self.layers, self._activation, self.omega)

    def _activation(self, z: Tensor) -> Tensor:
        return z.sin() * DAMPINGS[self.damping](z)
