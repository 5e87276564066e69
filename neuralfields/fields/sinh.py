"""An output map for values of a high dynamic range: linear near zero, exponential far from it."""

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.ops.field_step import Output


class Sinh(Field):
    """y = scale * sinh(x) for each of ``dim`` values; nothing is learned.

    A network in front of it meets equal relative errors of small and of very large values with equal effort.

    Args:
        dim: number of values.
        scale: up to about this value the map is linear.

    Raises:
        InputError: ``dim`` or ``scale`` is not positive.
    """

    def __init__(self, dim: int, *, scale: float = 0.1):
        super().__init__()
        if dim < 1 or not 0 < scale < float("inf"):
            raise InputError(f"dim is 1 or more and scale positive, got {dim} and {scale}")
        self.in_dim = self.out_dim = dim
        self.scale = scale

    def stages(self) -> list[Output]:
        return [Output("sinh", self.scale)]

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x.sinh()
