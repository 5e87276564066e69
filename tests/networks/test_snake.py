"""Snake: its identity and slope, its limits, the variance that it keeps, and what it does beyond the samples."""

import math

import pytest
import torch
from bare import bare
from torch import nn

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.networks import Snake


def unit(a: float) -> Snake:
    """The activation alone: one unit whose maps are the identity."""
    return bare(Snake(1, 1, width=1, depth=1, a=a))


X = torch.arange(-30, 31).double()[:, None] / 10


@torch.no_grad()
@pytest.mark.parametrize("a", [0.3, 1.0, 20.0])
def test_the_identity(a: float) -> None:
    torch.testing.assert_close(unit(a)(X), X + 1 / (2 * a) - (2 * a * X).cos() / (2 * a))


@pytest.mark.parametrize("a", [0.3, 1.0, 20.0])
def test_the_slope(a: float) -> None:
    slope = nf.calculus.gradient(unit(a), X).detach()
    torch.testing.assert_close(slope, 1 + (2 * a * X).sin())
    assert float(slope.min()) >= 0 and float(slope.max()) <= 2


@torch.no_grad()
def test_a_small_a_leaves_the_argument() -> None:
    torch.testing.assert_close(unit(1e-6)(X), X, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("a", [0.5, 2.0, 20.0])
def test_the_variance_stays(a: float) -> None:
    """Of the activations about their mean, divided as the weights are, 1 for arguments from N(0, 1)."""
    torch.manual_seed(0)
    field = Snake(256, 1, a=a, depth=2)
    first, second, _ = field.layers
    x = torch.randn(4000, 256)
    z = first(x)
    assert float(z.var()) == pytest.approx(1, rel=0.05)
    h = z + (a * z).sin().square() / a
    bound = float(second.weight.abs().max())  # type: ignore[operator, union-attr]
    assert float(h.var(0).mean()) * 256 * bound**2 / 3 == pytest.approx(1, rel=0.05)
    if a == 0.5:
        assert 3 / 256 / bound**2 == pytest.approx(1.20, rel=0.01)
    assert not first.bias.any()  # type: ignore[operator, union-attr]


def test_a_learnt_a_starts_where_it_is_told() -> None:
    fields = []
    for learnable in (False, True):
        torch.manual_seed(0)
        fields.append(Snake(2, 1, width=8, a=3.0, learnable=learnable))
    x = torch.rand(5, 2)
    torch.testing.assert_close(fields[0](x), fields[1](x))
    counts = [sum(p.numel() for p in field.parameters()) for field in fields]
    assert counts[1] == counts[0] + 4 * 8


def test_a_learnt_a_stays_away_from_0() -> None:
    field = Snake(1, 1, width=4, depth=1, learnable=True)
    assert field.scales is not None
    nn.init.constant_(field.scales, -1000.0)
    x = torch.rand(5, 1)
    y = field(x)
    y.sum().backward()
    torch.testing.assert_close(y, field.layers[1](field.layers[0](x)))
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in field.parameters())


def test_an_optimizer_made_before_the_first_call_has_every_a() -> None:
    field = Snake(2, 1, width=8, learnable=True)
    before = field.scales.detach().clone()  # type: ignore[union-attr]
    nf.fit(field, torch.rand(8, 8), steps=2)
    assert bool((field.scales.detach() != before).any(1).all())  # type: ignore[union-attr]


def test_a_wave_goes_on_beyond_the_samples() -> None:
    """sin on half of the box, then on all of it."""
    errors = {}
    for name in ("snake", "tanh", "relu"):
        torch.manual_seed(0)
        field: nn.Module = Snake(1, 1, width=64, depth=1, a=15.0)
        if name != "snake":
            field = nn.Sequential(nn.Linear(1, 64), nn.Tanh() if name == "tanh" else nn.ReLU(), nn.Linear(64, 1))
        optimizer = torch.optim.Adam(field.parameters(), lr=1e-2)
        x = torch.linspace(-0.5, 0.5, 256)[:, None]
        for _ in range(400):
            optimizer.zero_grad()
            (field(x) - (10 * math.pi * x).sin()).square().mean().backward()
            optimizer.step()
        far = torch.linspace(0.5, 1, 256)[:, None]
        with torch.no_grad():
            errors[name] = float((field(far) - (10 * math.pi * far).sin()).square().mean())
    assert errors["snake"] < 0.8 * min(errors["tanh"], errors["relu"]), errors


@pytest.mark.parametrize("name", ["depth", "width", "a"])
def test_arguments_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.* 0"):
        Snake(2, 1, **{name: 0})
