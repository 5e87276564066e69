"""Periodic features: equal at both ends of the box with all derivatives, and what passes through."""

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor

from neuralfields import Chain, calculus
from neuralfields.encodings import Periodic
from neuralfields.errors import InputError
from neuralfields.networks import MLP


def ends(axis: int) -> tuple[Tensor, Tensor]:
    left = torch.rand(6, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    right = left.clone()
    left[:, axis], right[:, axis] = -1, 1
    return left, right


def test_whatever_reads_them_is_periodic_to_the_last_bit() -> None:
    torch.manual_seed(0)
    field = Chain(Periodic(3, harmonics=3, axes=[0, 2]), MLP(13, 1, width=8, depth=1, activation="tanh"))
    for axis in (0, 2):
        left, right = ends(axis)
        assert torch.equal(field(left), field(right))
        assert torch.equal(calculus.gradient(field, left), calculus.gradient(field, right))
        assert torch.equal(calculus.laplacian(field, left), calculus.laplacian(field, right))
    left, right = ends(1)
    assert (field(left) - field(right)).abs().min() > 1e-3


def test_values_by_hand() -> None:
    y = Periodic(2, harmonics=2, axes=[1]).double()(torch.tensor([0.3, -0.5], dtype=torch.float64))
    u = 2 * math.pi * 0.25
    wanted = [0.3, math.sin(u), math.sin(2 * u), math.cos(u), math.cos(2 * u)]
    torch.testing.assert_close(y, torch.tensor(wanted, dtype=torch.float64))


def test_it_repeats_outside_the_box() -> None:
    field, x = Periodic(2, harmonics=2).double(), torch.rand(5, 2).double()
    torch.testing.assert_close(field(x + torch.tensor([4.0, -2.0])), field(x))


@pytest.mark.parametrize(
    "arguments",
    [{"harmonics": 0}, {"axes": []}, {"axes": [2]}, {"axes": [0, 0]}, {"axes": [-1]}, {"in_dim": 0}],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=rf"{name}.* {re.escape(str(value))}"):
        Periodic(**{"in_dim": 2} | arguments)
