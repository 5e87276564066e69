"""Encodings side by side."""

import torch
from torch import Tensor, nn

from neuralfields.errors import InputError
from neuralfields.field import Field


class Concat(Field):
    """The values of several fields at the same coordinates, one after the other.

    Raises:
        InputError: there is no field, something else than one, or they take different numbers of coordinates.
    """

    def __init__(self, *parts: Field):
        super().__init__()
        if not parts or not all(isinstance(part, Field) for part in parts):
            kinds = [type(part).__name__ for part in parts]
            raise InputError(f"fields side by side are one or more, and nothing else, got {kinds}")
        if len({part.in_dim for part in parts}) != 1:
            sizes = [part.in_dim for part in parts]
            raise InputError(f"fields side by side take the same number of coordinates, got {sizes}")
        self.in_dim, self.out_dim = parts[0].in_dim, sum(part.out_dim for part in parts)
        self.parts = nn.ModuleList(parts)

    @property
    def bands(self) -> list[int] | None:
        """Those of all parts, each from its own lowest on; None where a part has none."""
        found = [getattr(part, "bands", None) for part in self.parts]
        return None if None in found else [int(band) for bands in found for band in bands]  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([part(x) for part in self.parts], -1)
