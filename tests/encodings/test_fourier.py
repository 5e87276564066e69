"""Fourier features: their kernel, their norm, and the exact values of the octaves."""

import math

import pytest
import torch

from neuralfields.encodings import FourierFeatures, PositionalEncoding
from neuralfields.errors import InputError


@pytest.mark.parametrize("sigma", [0.25, 0.5])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_inner_products_are_a_gaussian_kernel(dim: int, sigma: float) -> None:
    """E <g(u), g(v)> / m = exp(-2 pi^2 sigma^2 |u - v|^2), where u is in [0, 1]."""
    encoding = FourierFeatures(dim, features=40_000, sigma=sigma, seed=1).double()
    x = torch.rand(8, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    y = encoding(x)
    distance = torch.cdist(x, x) / 2
    wanted = (-2 * math.pi**2 * sigma**2 * distance.square()).exp()
    # The mean of 20,000 numbers between -1 and 1.
    torch.testing.assert_close(y @ y.T / 20_000, wanted, rtol=0, atol=4 / math.sqrt(20_000))
    assert float(wanted.min()) < 0.9


def test_values_by_hand() -> None:
    """sines then cosines of 2 pi B u; the left end of the box is u = 0."""
    field = FourierFeatures(2, features=6).double()
    x = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [0.3, -0.4]], dtype=torch.float64)
    phase = 2 * math.pi * torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.65, 0.3]], dtype=torch.float64) @ field.frequencies
    torch.testing.assert_close(field(x), torch.cat([phase.sin(), phase.cos()], -1))
    assert field(x)[0].tolist() == [0, 0, 0, 1, 1, 1]


def test_the_norm_is_constant() -> None:
    y = FourierFeatures(2, features=64, sigma=10.0).double()(torch.rand(9, 2).double())
    torch.testing.assert_close(y.square().sum(-1), torch.full((9,), 32.0).double())


def test_without_frequencies_nothing_varies() -> None:
    y = FourierFeatures(2, features=6, sigma=0.0)(torch.rand(4, 2))
    assert torch.equal(y, torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).expand(4, 6))


def test_the_frequencies_are_given_by_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = FourierFeatures(2, seed=5).frequencies
    torch.manual_seed(2)
    assert torch.equal(one, FourierFeatures(2, seed=5).frequencies)
    assert not torch.equal(one, FourierFeatures(2, seed=6).frequencies)
    assert float(one.std()) == pytest.approx(10, rel=0.2)
    assert torch.equal(FourierFeatures(2, seed=5, sigma=1.0).frequencies * 10, one)


def test_frequencies_are_kept_but_not_fitted() -> None:
    field = FourierFeatures(2, features=6)
    assert list(field.state_dict()) == ["frequencies"]
    assert not list(field.parameters())


def test_octaves_in_exact_values() -> None:
    y = PositionalEncoding(2, octaves=2).double()(torch.tensor([[0.5, -0.25]], dtype=torch.float64))
    half = math.sqrt(0.5)
    sines = [1.0, -half, 0.0, -1.0]
    cosines = [0.0, half, -1.0, 0.0]
    torch.testing.assert_close(y, torch.tensor([[0.5, -0.25, *sines, *cosines]], dtype=torch.float64))


@pytest.mark.parametrize(("dim", "octaves", "count"), [(3, 10, 63), (3, 4, 27), (1, 1, 3), (2, 32, 130)])
def test_number_of_values(dim: int, octaves: int, count: int) -> None:
    field = PositionalEncoding(dim, octaves=octaves)
    assert field.out_dim == count
    assert field(torch.zeros(1, dim)).shape == (1, count)


def test_the_highest_octave_has_the_frequency_it_says() -> None:
    """sin(2^(L-1) pi x) has its first peak at 2^-L."""
    field = PositionalEncoding(1, octaves=5)
    assert float(field(torch.tensor([[2.0**-5]]))[0, 5]) == pytest.approx(1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"features": 3},
        {"features": 0},
        {"features": -2},
        {"sigma": -1.0},
        {"sigma": math.nan},
        {"sigma": math.inf},
        {"in_dim": 0},
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, float]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        FourierFeatures(**{"in_dim": 2} | arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("octaves", [0, 33, -1])
def test_octaves_out_of_range(octaves: int) -> None:
    with pytest.raises(InputError, match="between 1 and 32"):
        PositionalEncoding(2, octaves=octaves)
