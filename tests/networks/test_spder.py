"""SPDER: the damped sine near zero, its symmetry, statistics of a fresh network, and a fit beside SIREN's."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.networks import Siren, Spder


def damped(z: Tensor, damping: str) -> Tensor:
    return Spder(1, 1, width=1, depth=1, omega=1.0, damping=damping)._activation(z)


def test_the_slope_of_the_root_version() -> None:
    z = torch.tensor([-40.0, -1.0, -1e-6, 0.0, 1e-12, 0.3, 7.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(damped(z, "sqrt").sum(), z)
    wanted = z.cos() * z.abs().sqrt() + z.sin() * z.sign() / (2 * z.abs().sqrt())
    torch.testing.assert_close(slope, torch.where(z == 0, 0.0, wanted))


@pytest.mark.parametrize("damping", ["sqrt", "arctan", "log"])
def test_all_is_finite_at_zero(damping: str) -> None:
    z = torch.zeros(3, requires_grad=True)
    h = damped(z, damping)
    (slope,) = torch.autograd.grad(h.sum(), z)
    assert torch.equal(h, torch.zeros(3))
    torch.testing.assert_close(slope, torch.zeros(3), rtol=0, atol=1e-14)
    field = Spder(2, 1, width=4, depth=3, damping=damping)
    for layer in field.layers:
        torch.nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    field(torch.zeros(1, 2)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in field.parameters())


@pytest.mark.parametrize(("damping", "sign"), [("sqrt", -1), ("log", -1), ("arctan", 1)])
def test_symmetry(damping: str, sign: int) -> None:
    z = torch.linspace(0.1, 9, 50, dtype=torch.float64)
    torch.testing.assert_close(damped(-z, damping), sign * damped(z, damping))


def test_values_of_the_dampings() -> None:
    z = torch.linspace(-9, 9, 50, dtype=torch.float64)
    torch.testing.assert_close(damped(z, "sqrt"), z.sin() * z.abs().sqrt())
    torch.testing.assert_close(damped(z, "arctan"), z.sin() * z.arctan())
    torch.testing.assert_close(damped(z, "log"), z.sin() * (1 + z.abs()).log())


@pytest.mark.parametrize(
    ("damping", "means", "deviations"),
    [
        ("sqrt", (0, 0, 0, 0, 0, 0), (2.46, 1.22, 0.93, 0.87, 0.88, 0.87)),
        ("arctan", (0.03, 0.47, 0.54), (1.01, 0.49, 0.39)),
    ],
)
def test_statistics_of_a_fresh_network(damping: str, means: tuple[float, ...], deviations: tuple[float, ...]) -> None:
    torch.manual_seed(0)
    field = Spder(2, 1, damping=damping)
    h = torch.rand(4000, 2) * 2 - 1
    with torch.no_grad():
        for layer, mean, deviation in zip(list(field.layers)[:-1], means, deviations, strict=False):
            h = field._activation(field.omega * layer(h))
            assert float(h.mean()) == pytest.approx(mean, abs=0.1)
            assert float(h.std()) == pytest.approx(deviation, rel=0.1)


def test_parameter_count_of_the_paper() -> None:
    assert sum(p.numel() for p in Spder(2, 1).parameters()) == 329_985


def test_a_fit_is_better_than_with_plain_sines() -> None:
    """At SPDER's rate, from the same start, on a picture of waves and an edge."""
    axis = (torch.arange(20) + 0.5) / 10 - 1
    x = torch.cartesian_prod(axis, axis)
    y = ((x[:, :1] > x[:, 1:]).float() + (9 * x[:, :1]).sin() * (5 * x[:, 1:]).cos()) / 2
    losses = {}
    for cls in (Siren, Spder):
        torch.manual_seed(0)
        field = cls(2, 1, width=48, depth=4)
        adam = torch.optim.Adam(field.parameters(), lr=1e-4)
        for _ in range(120):
            adam.zero_grad()
            loss = (field(x) - y).square().mean()
            loss.backward()
            adam.step()
        losses[cls] = float((field(x) - y).detach().square().mean())
    assert losses[Spder] < losses[Siren] / 10


@pytest.mark.parametrize(
    "arguments",
    [{"depth": 0}, {"width": 0}, {"omega": 0.0}, {"omega": math.nan}, {"damping": "cube"}],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, float]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        Spder(2, 1, **arguments)  # type: ignore[arg-type]
