"""Activations that fit fine detail without being periodic; the Gaussian, of the same paper, has a file of its own.

@inproceedings{ramasinghe2022beyond,
  title={Beyond Periodicity: Towards a Unifying Framework for Activations in Coordinate-MLPs},
  author={Ramasinghe, Sameera and Lucey, Simon},
  booktitle={ECCV}, year={2022}}
"""

from collections.abc import Callable

from torch import Tensor

from neuralfields.checks import one_of, positive
from neuralfields.field import Field
from neuralfields.networks.layers import fading, linears, through

# By name: the function of z, a and b, and what a is where none is given.
_ACTIVATIONS: dict[str, tuple[Callable[[Tensor, float, float], Tensor], float]] = {
    "laplacian": (lambda z, a, b: fading(z.abs() * (-1 / a)), 0.1),
    "super_gaussian": (lambda z, a, b: fading(z.square() * (-b / (2 * a**2))), 0.1),
    "multi_quadratic": (lambda z, a, b: (1 + (a * z).square()).rsqrt(), 20.0),
    "quadratic": (lambda z, a, b: 1 / (1 + (a * z).square()), 10.0),
}


class NonPeriodic(Field):
    """h' = phi(W h + b) with a phi that is 1 at 0 and falls off to both sides, then a linear map.

    laplacian: exp(-|z| / a). super_gaussian: exp(-z^2 / (2 a^2))^b. multi_quadratic: 1 / sqrt(1 + (a z)^2).
    quadratic: 1 / (1 + (a z)^2). Weights and biases are PyTorch's default.
    The Laplacian has a kink at 0, where its derivative is taken as 0. The default scales and power are ours.

    Args:
        in_dim, out_dim: number of values in and out.
        activation: laplacian, super_gaussian, multi_quadratic or quadratic.
        width: of the hidden layers.
        depth: number of activated layers.
        a: the scale; 0.1, 0.1, 20 and 10 by default. Finer signals want a smaller one for the first two activations,
            a larger one for the others.
        b: the power of super_gaussian.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Ramasinghe, Lucey, Beyond Periodicity: Towards a Unifying Framework for Activations, ECCV 2022"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        activation: str = "laplacian",
        width: int = 256,
        depth: int = 4,
        a: float | None = None,
        b: float = 2.0,
    ):
        super().__init__()
        one_of(_ACTIVATIONS, activation=activation)
        self.in_dim, self.out_dim, self.activation = in_dim, out_dim, activation
        self.a, self.b = float(_ACTIVATIONS[activation][1] if a is None else a), float(b)
        positive(a=self.a, b=self.b)
        self.layers = linears(in_dim, out_dim, width, depth)

    def forward(self, x: Tensor) -> Tensor:
        phi, _ = _ACTIVATIONS[self.activation]
        return through(x, self.layers, lambda z: phi(z, self.a, self.b))
