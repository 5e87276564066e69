"""Encodings side by side."""

import torch
from torch import Tensor, nn

from neuralfields.errors import InputError
from neuralfields.field import Field


class Concat(Field):
    """The values of several fields at the same coordinates, one after the other.

    Raises:
        InputError: there is no field, or they take different numbers of coordinates.
    """

    def __init__(self, *parts: Field):
        super().__init__()
        if len({part.in_dim for part in parts}) != 1:
            sizes = [part.in_dim for part in parts]
            raise InputError(f"fields side by side take the same number of coordinates, got {sizes}")
        self.in_dim, self.out_dim = parts[0].in_dim, sum(part.out_dim for part in parts)
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([part(x) for part in self.parts], -1)
