"""sinc activations, whose shifts span all signals of limited band.

@inproceedings{saratchandran2024sampling,
  title={A Sampling Theory Perspective on Activations for Implicit Neural Representations},
  author={Saratchandran, Hemanth and Ramasinghe, Sameera and Shevchenko, Violetta and Long, Alexander and Lucey, Simon},
  booktitle={ICML}, year={2024}}
"""

import math

import torch
from torch import Tensor, nn

from neuralfields.field import Field
from neuralfields.networks.layers import linears, positive, through

# sin(y) / y = sum of these times y^(2k).
_SERIES = [(-1) ** k / math.factorial(2 * k + 1) for k in range(5)]


class Sinc(Field):
    """h' = sin(omega z) / (omega z) with z = W h + b, and 1 where z is 0; then a linear map.

    Weights are Xavier-normal, biases zero.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers.
        omega: frequency, 10 to 30; larger for finer signals.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Saratchandran et al., A Sampling Theory Perspective on Activations for INRs, ICML 2024"

    def __init__(self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 4, omega: float = 30.0):
        super().__init__()
        positive(omega=omega)
        self.in_dim, self.out_dim, self.omega = in_dim, out_dim, float(omega)
        self.layers = linears(in_dim, out_dim, width, depth)
        for layer in self.layers:
            nn.init.xavier_normal_(layer.weight)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return through(x, self.layers, lambda z: _sinc(self.omega * z))


def _sinc(y: Tensor) -> Tensor:
    """The series near 0, where derivatives of the quotient lose their digits."""
    near = y.square() < 0.01
    square = y.square().clamp(max=0.01)
    series = torch.full_like(y, _SERIES[-1])
    for coefficient in _SERIES[-2::-1]:
        series = series * square + coefficient
    far = torch.where(near, 1.0, y)
    return torch.where(near, series, far.sin() / far)
