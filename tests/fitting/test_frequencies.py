"""The main frequency of values at points, and how flat their spectrum is."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.fitting.frequencies import flatness, main_frequency


def line(n: int) -> Tensor:
    """The centres of n cells."""
    return ((2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1)[:, None]


def test_five_half_periods() -> None:
    x = line(300)
    wave = (5 * math.pi * x).sin()
    assert main_frequency(x, wave) == pytest.approx(2.5)
    assert main_frequency(x, wave + 0.3 * (40 * x).cos()) == pytest.approx(2.5)
    shuffled = torch.randperm(300)
    assert main_frequency(x[shuffled], wave[shuffled]) == pytest.approx(2.5)
    both_ends = torch.linspace(-1, 1, 300, dtype=torch.float64)[:, None]
    assert main_frequency(both_ends, (5 * math.pi * both_ends).sin()) == pytest.approx(2.5, rel=1 / 200)
    assert main_frequency(x, torch.ones_like(x)) == 0


def test_outputs_are_added_up() -> None:
    x = line(200)
    two = torch.cat([(3 * math.pi * x).sin(), 2 * (8 * math.pi * x).sin()], 1)
    assert main_frequency(x, two) == pytest.approx(4)


def test_the_highest_axis_counts() -> None:
    x = torch.cartesian_prod(line(40)[:, 0], line(60)[:, 0])
    values = (2 * math.pi * x[:, :1]).sin() * (6 * math.pi * x[:, 1:]).cos()
    assert main_frequency(x, values) == pytest.approx(3)
    assert main_frequency(x.flip(1), values) == pytest.approx(3)


@pytest.mark.parametrize(("dims", "n"), [(1, 400), (2, 4000)])
def test_scattered_points(dims: int, n: int) -> None:
    torch.manual_seed(0)
    x = torch.rand(n, dims, dtype=torch.float64) * 2 - 1
    values = (4 * math.pi * x[:, -1:]).sin() + 0.1 * torch.randn(n, 1)
    assert main_frequency(x, values) == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("x", [line(300), torch.rand(3000, 1, dtype=torch.float64) * 2 - 1], ids=["grid", "scattered"])
def test_an_axis_on_which_nothing_moves_has_no_frequency(x: Tensor) -> None:
    wave = (5 * math.pi * x).sin()
    beside = torch.cat([torch.full_like(x, 0.3), x], 1)
    assert main_frequency(beside, wave) == main_frequency(x, wave) == pytest.approx(2.5, rel=0.02)
    assert flatness(beside, wave) == flatness(x, wave)
    for points in (beside[:1], beside[:1].expand(9, 2)):
        values = torch.rand(len(points), 2, dtype=torch.float64)
        assert main_frequency(points, values) == 0
        assert flatness(points, values) == 1


def test_flatness() -> None:
    torch.manual_seed(0)
    x = line(4096)
    assert flatness(x, torch.randn(4096, 1)) == pytest.approx(math.exp(-0.5772), abs=0.03)
    assert flatness(x, (5 * math.pi * x).sin()) < 1e-3
    assert flatness(x, torch.zeros_like(x)) == 1
