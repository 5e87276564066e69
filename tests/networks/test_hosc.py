"""HOSC: its limits, its slope, and a sharpness that is learnt."""

import math

import pytest
import torch
from bare import bare
from torch import Tensor

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.networks import Hosc


def unit(beta: float, omega: float) -> Hosc:
    """The activation alone: one unit whose maps are the identity."""
    return bare(Hosc(1, 1, width=1, depth=1, beta=beta, first_omega=omega))


X = torch.linspace(-0.9, 0.9, 36).double()[:, None]


@torch.no_grad()
def test_a_small_beta_gives_a_sine_a_large_one_a_square_wave() -> None:
    torch.testing.assert_close(unit(1e-4, 5.0)(X), 1e-4 * (5 * X).sin(), rtol=1e-7, atol=0)
    torch.testing.assert_close(unit(1e4, 5.0)(X), (5 * X).sin().sign())
    assert float(unit(8.0, 5.0)(X).abs().max()) < 1


def test_the_slope() -> None:
    """omega beta cos(omega x) (1 - tanh^2(beta sin(omega x))), which is omega beta at 0."""
    x = torch.tensor([[0.0], [1e-6], [math.pi], [0.3]], dtype=torch.float64)
    slope = nf.calculus.gradient(unit(3.0, 2.0), x).detach()
    wanted = 6 * (2 * x).cos() * (1 - (3 * (2 * x).sin()).tanh().square())
    torch.testing.assert_close(slope, wanted)
    assert float(slope[0]) == 6


@torch.no_grad()
def test_the_frequencies_act_where_they_should() -> None:
    field = Hosc(2, 1, width=3, depth=2, beta=2.0, first_omega=7.0, hidden_omega=11.0).double()
    x = torch.rand(5, 2).double()
    first, second, last = field.layers
    wanted = last((2 * (11 * second((2 * (7 * first(x)).sin()).tanh())).sin()).tanh())
    torch.testing.assert_close(field(x), wanted)


@pytest.mark.parametrize("beta", [0.05, 1.0, 8.0, 30.0])
def test_a_learnt_beta_starts_where_it_is_told(beta: float) -> None:
    x = torch.rand(5, 2)
    values: list[Tensor] = []
    for learnable in (False, True):
        torch.manual_seed(0)
        values.append(Hosc(2, 1, width=8, beta=beta, learnable=learnable)(x).detach())
    torch.testing.assert_close(*values)


def test_each_layer_learns_its_beta() -> None:
    field = Hosc(2, 1, width=8, depth=3, beta=0.1, learnable=True)
    fixed = Hosc(2, 1, width=8, depth=3, beta=0.1)
    assert sum(p.numel() for p in field.parameters()) == sum(p.numel() for p in fixed.parameters()) + 3
    assert field.betas is not None
    field(torch.rand(9, 2)).square().sum().backward()
    assert field.betas.grad is not None and bool((field.betas.grad != 0).all())


@pytest.mark.parametrize("name", ["depth", "width", "beta", "first_omega", "hidden_omega"])
def test_arguments_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.* 0"):
        Hosc(2, 1, **{name: 0})
