"""XNet: the Cauchy activation by hand, its extrema and slope, what one unit can be, ranges of the initialisation."""

import math

import pytest
import torch
from bare import bare
from torch import Tensor, nn

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.fitting import Adam
from neuralfields.networks import XNet
from neuralfields.networks.layers import before_softplus


@torch.no_grad()
def unit(odd: float, even: float, d: float) -> XNet:
    """The activation alone: one unit whose maps are the identity."""
    field = bare(XNet(1, 1, width=1, depth=1))
    activation = field.activations[0]
    nn.init.constant_(activation.odd, odd)  # type: ignore[arg-type]
    nn.init.constant_(activation.even, even)  # type: ignore[arg-type]
    activation.distance.copy_(before_softplus(torch.tensor(d - 1e-3, dtype=torch.float64)))  # type: ignore[operator, union-attr]
    return field


X = torch.arange(-200, 201).double()[:, None] / 100


@torch.no_grad()
def test_values_at_0_and_at_the_extrema_of_the_odd_part() -> None:
    """lambda_2 / d^2, and ±lambda_1 / (2 d) at ±d."""
    assert float(unit(0.3, 0.7, 0.4)(torch.zeros(1, 1).double())) == pytest.approx(0.7 / 0.16)
    values = unit(0.6, 0.0, 0.5)(X)[:, 0]
    assert float(values.max()) == pytest.approx(0.6) and float(X[values.argmax()]) == 0.5
    assert float(values.min()) == pytest.approx(-0.6) and float(X[values.argmin()]) == -0.5


def test_the_slope() -> None:
    slope = nf.calculus.gradient(unit(0.3, 0.7, 0.4), X).detach()
    torch.testing.assert_close(slope, (0.3 * (0.16 - X**2) - 2 * 0.7 * X) / (X**2 + 0.16).square())


@torch.no_grad()
def test_one_unit_is_the_witch_of_agnesi() -> None:
    torch.testing.assert_close(unit(0.0, 1.0, 1.0)(X), 1 / (1 + X**2))


@torch.no_grad()
def test_d_stays_away_from_0() -> None:
    field = unit(0.0, 1.0, 1.0)
    nn.init.constant_(field.activations[0].distance, -1e4)  # type: ignore[arg-type]
    assert float(field(torch.zeros(1, 1).double())) == pytest.approx(1e6)


@torch.no_grad()
def test_the_initialisation() -> None:
    torch.manual_seed(0)
    field = XNet(3, 1, width=4096, depth=1, bandwidth=7.0)
    first, activation = field.layers[0], field.activations[0]
    assert float(first.weight.std()) == pytest.approx(7, rel=0.05)  # type: ignore[operator, union-attr]
    assert 6.9 < float(first.bias.abs().max()) <= 7  # type: ignore[operator, union-attr]
    d: Tensor = 1e-3 + nn.functional.softplus(activation.distance)  # type: ignore[arg-type]
    assert float(d.min()) == pytest.approx(0.1, rel=0.01) and float(d.max()) == pytest.approx(1, rel=0.01)
    assert float(d.log().mean()) == pytest.approx(math.log(0.1) / 2, rel=0.05)
    torch.testing.assert_close(activation.odd, d)
    torch.testing.assert_close(activation.even, d.square())


def test_the_activations_numbers_have_a_tenth_of_the_rate() -> None:
    field = XNet(2, 1, width=8, depth=2)
    optimizer = Adam(lr=1e-3)(field)
    rates = {round(group["lr"], 9): sum(p.numel() for p in group["params"]) for group in optimizer.param_groups}
    assert rates == {1e-3: 3 * 8 + 9 * 8 + 9, 1e-4: 2 * 3 * 8}


def test_a_jump_is_fitted_better_than_by_relus() -> None:
    """Heaviside's step, which the paper begins with."""
    errors = {}
    x = torch.linspace(-1, 1, 200)[:, None]
    for name in ("xnet", "relu"):
        torch.manual_seed(0)
        field: nn.Module = XNet(1, 1, width=32, depth=1)
        if name == "relu":
            field = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 1))
        optimizer = torch.optim.Adam(field.parameters(), lr=1e-2)
        for _ in range(300):
            optimizer.zero_grad()
            loss = (field(x) - (x > 0).float()).square().mean()
            loss.backward()
            optimizer.step()
        errors[name] = float(loss.detach())
    assert errors["xnet"] < 0.3 * errors["relu"], errors


@pytest.mark.parametrize("name", ["depth", "width", "bandwidth"])
def test_arguments_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.* 0"):
        XNet(2, 1, **{name: 0})
