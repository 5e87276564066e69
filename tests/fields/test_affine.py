"""The fixed scale and offset."""

import pytest
import torch

from neuralfields.errors import InputError
from neuralfields.fields import Affine


def test_scale_and_offset() -> None:
    field = Affine(2, scale=3.0, offset=-1.0)
    assert torch.equal(field(torch.tensor([[2.0, 0.0]])), torch.tensor([[5.0, -1.0]]))
    assert (field.in_dim, field.out_dim) == (2, 2)
    assert not list(field.parameters())
    assert torch.equal(Affine(1)(torch.tensor([7.0])), torch.tensor([7.0]))


def test_no_values() -> None:
    with pytest.raises(InputError, match=r"dim is between 1 and 65536.*got 0"):
        Affine(0)
