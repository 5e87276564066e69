"""sinc activations, whose shifts span all signals of limited band.

@inproceedings{saratchandran2024sampling,
  title={A Sampling Theory Perspective on Activations for Implicit Neural Representations},
  author={Saratchandran, Hemanth and Ramasinghe, Sameera and Shevchenko, Violetta and Long, Alexander and Lucey, Simon},
  booktitle={ICML}, year={2024}}
"""

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.layers import linears, through

# sin(y) / y is the sum of the first times y^(2k), its derivative of the second times y^(2k + 1).
_VALUE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(5)]
_SLOPE = [(-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 5)]


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
        return through(x, self.layers, _sinc, self.omega)


def _sinc(y: Tensor) -> Tensor:
    """sin(y) / y with derivatives of full precision near 0."""
    if not torch.compiler.is_compiling():  # see with_own_derivative
        return _Sinc.apply(y)  # type: ignore[no-any-return]
    near, far = _sides(y)
    return torch.where(near == y, _series(near, _VALUE), far.sin() / far)


class _Sinc(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(y: Tensor) -> Tensor:  # type: ignore[override]
        return torch.where(y == 0, 1.0, y.sin() / y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:  # type: ignore[override]
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        y, sinc = ctx.saved_tensors
        near, far = _sides(y)
        # The difference loses its digits near 0.
        return grad * torch.where(near == y, near * _series(near, _SLOPE), (y.cos() - sinc) / far)


def _sides(y: Tensor) -> tuple[Tensor, Tensor]:
    """y where it is near 0 and 0 elsewhere, 1 where it is near 0 and y elsewhere."""
    small = y.abs() < 0.1
    return torch.where(small, y, 0.0), torch.where(small, 1.0, y)


def _series(y: Tensor, coefficients: list[float]) -> Tensor:
    square = y.square()
    *others, result = coefficients
    for coefficient in reversed(others):
        result = result * square + coefficient
    return cast("Tensor", result)
