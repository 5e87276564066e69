"""Activations that are not periodic: values by hand, their kinships, the kink."""

import math
from typing import Any

import pytest
import torch
from bare import bare

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.networks import NonPeriodic

NAMES = ["laplacian", "super_gaussian", "multi_quadratic", "quadratic"]


def unit(activation: str, **options: float) -> NonPeriodic:
    """The activation alone: one unit whose maps are the identity."""
    return bare(NonPeriodic(1, 1, activation=activation, width=1, depth=1, **options))


X = torch.arange(-20, 21).double()[:, None] / 10


@torch.no_grad()
@pytest.mark.parametrize(
    ("activation", "options", "wanted"),
    [
        ("laplacian", {"a": 0.5}, math.exp(-0.6)),
        ("super_gaussian", {"a": 0.5, "b": 3.0}, math.exp(-0.09 / 0.5) ** 3),
        ("multi_quadratic", {"a": 2.0}, 1 / math.sqrt(1.36)),
        ("quadratic", {"a": 2.0}, 1 / 1.36),
    ],
)
def test_by_hand(activation: str, options: dict[str, Any], wanted: float) -> None:
    assert unit(activation, **options)(X[[17, 23]]).flatten().tolist() == pytest.approx([wanted] * 2)


@torch.no_grad()
@pytest.mark.parametrize("activation", NAMES)
def test_one_at_0_even_and_falling(activation: str) -> None:
    values = unit(activation)(X)[:, 0]
    assert float(values[20]) == 1 == float(values.max())
    torch.testing.assert_close(values, values.flip(0))
    assert bool((values[20:].diff() <= 0).all()) and float(values[-1]) < 0.05


@torch.no_grad()
def test_kinships() -> None:
    torch.testing.assert_close(unit("multi_quadratic", a=3.0)(X).square(), unit("quadratic", a=3.0)(X))
    # A power of a Gaussian is a narrower one.
    torch.testing.assert_close(unit("super_gaussian", a=1.0, b=4.0)(X), unit("super_gaussian", a=0.5, b=1.0)(X))


def test_the_kink() -> None:
    slope = nf.calculus.gradient(unit("laplacian", a=0.5), torch.tensor([[0.0], [1e-9], [-1e-9]]).double())
    assert slope.flatten().tolist() == pytest.approx([0.0, -2.0, 2.0])


@torch.no_grad()
@pytest.mark.parametrize("activation", NAMES)
def test_it_comes_after_every_map_but_the_last(activation: str) -> None:
    field, one = NonPeriodic(2, 3, activation=activation, width=5, depth=2, a=0.8).double(), unit(activation, a=0.8)
    x = torch.rand(4, 2).double()
    first, second, last = field.layers
    phi = one(first(x)[..., None])[..., 0]
    torch.testing.assert_close(field(x), last(one(second(phi)[..., None])[..., 0]))


@pytest.mark.parametrize("arguments", [{"a": 0.0}, {"b": -1.0}, {"a": math.nan}, {"depth": 0}], ids=str)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        NonPeriodic(2, 1, **arguments)


def test_an_unknown_activation() -> None:
    with pytest.raises(InputError, match="one of laplacian, super_gaussian, multi_quadratic, quadratic, got 'relu'"):
        NonPeriodic(2, 1, activation="relu")
