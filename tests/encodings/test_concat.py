"""Encodings side by side."""

import pytest
import torch

from neuralfields.encodings import Concat, FourierFeatures, PositionalEncoding
from neuralfields.errors import InputError


def test_values_in_order() -> None:
    first, second, x = FourierFeatures(2, features=4), PositionalEncoding(2, octaves=1), torch.rand(3, 2)
    field = Concat(first, second)
    assert field.out_dim == 10
    assert torch.equal(field(x), torch.cat([first(x), second(x)], -1))


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"\[2, 3\]"):
        Concat(FourierFeatures(2), FourierFeatures(3))
    with pytest.raises(InputError):
        Concat()
