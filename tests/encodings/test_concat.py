"""Encodings side by side."""

import pytest
import torch

from neuralfields.encodings import CoarseToFine, Concat, FourierFeatures, HashGrid, Periodic, PositionalEncoding
from neuralfields.errors import InputError


def test_values_in_order() -> None:
    first, second, x = FourierFeatures(2, features=4), PositionalEncoding(2, octaves=1), torch.rand(3, 2)
    field = Concat(first, second)
    assert field.out_dim == 10
    assert torch.equal(field(x), torch.cat([first(x), second(x)], -1))


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"\[2, 3\]"):
        Concat(FourierFeatures(2), FourierFeatures(3))
    with pytest.raises(InputError, match="one or more"):
        Concat()
    with pytest.raises(InputError, match="Linear"):
        Concat(FourierFeatures(2), torch.nn.Linear(2, 3))  # type: ignore[arg-type]


def test_bands_are_those_of_the_parts() -> None:
    grid, waves = HashGrid(2, levels=3, features=2), PositionalEncoding(2, octaves=1)
    field = Concat(grid, waves)
    assert field.bands == [0, 0, 1, 1, 2, 2, -1, -1, 0, 0, 0, 0]
    assert Concat(grid, Periodic(2)).bands is None
    with pytest.raises(InputError, match="Concat has no bands"):
        CoarseToFine(Concat(grid, Periodic(2)))
    masked = CoarseToFine(field)
    masked.advance(0.1)
    assert masked.mask().tolist() == [0] * 6 + [1] * 2 + [0] * 4
