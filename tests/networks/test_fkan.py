"""FKAN: the published size, the series, its statistics, and what a series fits exactly."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from neuralfields.errors import InputError
from neuralfields.networks import Fkan
from neuralfields.networks.bases import harmonics


def test_the_published_number_of_parameters() -> None:
    """436,367 in the paper's code, of which 12 numbers are never used."""
    assert sum(p.numel() for p in Fkan(2, 3).parameters()) + 12 == 436_367


@pytest.mark.parametrize(("uniform", "widths"), [(False, [10, 10, 20]), (True, [5, 5, 5])])
def test_widths(uniform: bool, widths: list[int]) -> None:
    field = Fkan(2, 3, width=5, depth=3, frequencies=2, uniform=uniform)
    assert [layer.out_features for layer in field.layers] == [*widths, 3]


@torch.no_grad()
@pytest.mark.parametrize("activation", ["gated", "tanh"])
def test_the_formula(activation: str) -> None:
    field = Fkan(2, 3, width=4, depth=2, frequencies=7, omega=20.0, activation=activation).double()
    field.bias.copy_(torch.randn(4))
    x = torch.rand(6, 2).double() * 2 - 1
    h = field.bias.expand(6, 4)
    for g in range(1, 8):
        h = h + (g * x).cos() @ field.coefficients[..., g - 1].T + (g * x).sin() @ field.coefficients[..., 7 + g - 1].T
    h = nn.functional.layer_norm(h, [4])
    *hidden, last = field.layers
    for layer in hidden:
        z = layer(h)
        h = (z + (20 * z).tanh()) * z.sigmoid() if activation == "gated" else (20 * z).tanh()
    torch.testing.assert_close(field(x), last(h))


@torch.no_grad()
def test_values_of_the_first_layer_have_unit_variance() -> None:
    torch.manual_seed(0)
    field = Fkan(2, 1, width=64, depth=1, frequencies=60)
    phase = torch.rand(4000, 2) * 2 * math.pi
    values = harmonics(phase, 60).flatten(-2) @ field.coefficients.flatten(1).T
    assert float(values.var()) == pytest.approx(1, rel=0.1)
    assert float(field.bias.abs().max()) == 0


@torch.no_grad()
def test_the_start_of_the_other_tensors() -> None:
    torch.manual_seed(0)
    field = Fkan(3, 1, width=64, depth=2, frequencies=50, smooth=True)
    deviation = field.coefficients.std((0, 1)) * math.sqrt(3)
    g = torch.arange(1, 51).repeat(2)
    torch.testing.assert_close(deviation * g**2, torch.ones(100), rtol=0, atol=0.3)
    fans = [64, 128, 64]  # the last as in the code: the first layer's width, not its own 256
    for layer, fan in zip(field.layers, fans, strict=True):
        bound = math.sqrt(6 / fan) / 30
        assert 0.95 * bound < float(layer.weight.abs().max()) <= bound  # type: ignore[operator, union-attr, arg-type]


@torch.no_grad()
def test_one_coefficient_alone_is_one_cosine() -> None:
    field = Fkan(3, 2, width=4, depth=1, frequencies=5, omega=1.0).double()
    field.norm = nn.Identity()  # type: ignore[assignment]
    field.coefficients.zero_()[..., 2] = 1
    x = torch.randn(6, 3).double()
    field.layers = nn.ModuleList([nn.Identity()])
    torch.testing.assert_close(field(x), (3 * x).cos().sum(-1, keepdim=True).expand(-1, 4))


@torch.no_grad()
def test_a_band_limited_signal_is_fitted_exactly_by_the_first_layer() -> None:
    x = torch.linspace(-1, 1, 400, dtype=torch.float64)[:, None]
    signal = 0.3 + 2 * (3 * x).cos() - (11 * x).sin() + 0.5 * (12 * x).cos()
    basis = torch.cat([torch.ones_like(x), harmonics(x, 12)[:, 0]], -1)
    field = Fkan(1, 1, width=1, depth=1, frequencies=12).double()
    field.norm, field.layers = nn.Identity(), nn.ModuleList([nn.Identity()])  # type: ignore[assignment]
    for columns, exact in ((25, True), (10, False)):  # the constant and all harmonics, or low cosines only
        found = torch.zeros(25, 1, dtype=torch.float64)
        found[:columns] = torch.linalg.lstsq(basis[:, :columns], signal, driver="gelsd").solution
        field.bias.copy_(found[0])
        field.coefficients.copy_(found[1:].T[None])
        assert (float((field(x) - signal).abs().max()) < 1e-9) == exact


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 0},
        {"width": 0},
        {"frequencies": 0},
        {"frequencies": 5000},
        {"width": 20_000},
        {"omega": 0.0},
        {"omega": math.inf},
        {"activation": "sine"},
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        Fkan(2, 1, **arguments)
