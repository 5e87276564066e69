"""A fixed scale and offset: the network works in the range it was made for, the field in the signal's units."""

import math

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.ops.field_step import Output


class Affine(Field):
    """y = scale * x + offset for each of ``dim`` values; nothing is learned.

    SIREN's images live in [-1, 1]: ``Chain(Siren(2, 3), Affine(3, scale=0.5, offset=0.5))`` gives [0, 1].

    Raises:
        InputError: an argument is out of range.
    """

    def __init__(self, dim: int, *, scale: float = 1.0, offset: float = 0.0):
        super().__init__()
        if not 1 <= dim <= 1 << 16 or not all(math.isfinite(value) for value in (scale, offset)):
            raise InputError(f"dim is between 1 and 65536, scale and offset finite, got {dim}, {scale} and {offset}")
        self.in_dim = self.out_dim = dim
        self.scale, self.offset = scale, offset

    def stages(self) -> list[Output]:
        return [Output("affine", self.scale, self.offset)]

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset
