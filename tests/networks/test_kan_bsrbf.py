"""BSRBF-KAN: the formula, common weights of bumps and splines, and coordinates that keep their lengths."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.networks import BsrbfKan
from neuralfields.networks.bases import splines


def test_the_number_of_parameters() -> None:
    edges = 2 * 16 + 16 * 16 + 16 * 3
    field = BsrbfKan(2, 3, width=16, depth=2, grid=5, degree=3)
    assert sum(p.numel() for p in field.parameters()) == edges * (1 + 8) + 2 * 2 * 16


@torch.no_grad()
def test_the_formula() -> None:
    field = BsrbfKan(2, 3, width=5, depth=1, grid=4, degree=3).double()
    h = x = torch.rand(7, 2).double() * 4 - 2
    centres = [-1.5 + 0.5 * j for j in range(7)]
    for i, layer in enumerate(field.layers):
        h = F.layer_norm(h, [5]) if i else h
        bumps = torch.stack([(-(((h - c) / 0.5) ** 2)).exp() for c in centres], -1)
        basis = (splines(h, 4, 3, 1.5) + bumps).flatten(1)
        h = F.silu(h) @ layer.base.T + basis @ layer.coefficients.T  # type: ignore[operator]
    torch.testing.assert_close(field(x), h, rtol=1e-6, atol=1e-8)


@torch.no_grad()
def test_far_outside_the_grid_only_silu_remains() -> None:
    field = BsrbfKan(2, 3, depth=0)
    x = torch.tensor([[20.0, -20.0]])
    torch.testing.assert_close(field(x), F.silu(x) @ field.layers[0].base.T)  # type: ignore[operator]


@torch.no_grad()
def test_the_first_layer_sees_lengths_and_not_signs_only() -> None:
    torch.manual_seed(0)
    field = BsrbfKan(2, 1)
    near, far = field(torch.tensor([[0.2, 0.1], [0.8, 0.1]]))
    assert float((near - far).abs()) > 1e-3


@torch.no_grad()
def test_the_range_of_every_tensor() -> None:
    torch.manual_seed(0)
    layer = BsrbfKan(25, 40, depth=0, grid=6, degree=3).layers[0]
    for tensor, bound in ((layer.base, 1 / 5), (layer.coefficients, 1 / 15)):
        assert 0.97 * bound < float(tensor.abs().max()) <= bound  # type: ignore[operator, union-attr]


@pytest.mark.parametrize("arguments", [{"grid": 0}, {"degree": 9}, {"width": 0}, {"depth": -1}], ids=str)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        BsrbfKan(2, 1, **arguments)
