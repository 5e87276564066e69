"""Gaussian activations: the bell and its two conventions, statistics of a fresh network, GARF's peculiarities."""

import math

import pytest
import torch

from neuralfields.errors import InputError
from neuralfields.networks import Garf, Gauss
from neuralfields.networks.layers import bell


def test_the_bell_and_its_slope() -> None:
    sigma = 0.1
    z = torch.tensor([-0.3, -0.1, 0.0, 0.02, 0.25], dtype=torch.float64, requires_grad=True)
    h = bell(z / (math.sqrt(2) * sigma))
    torch.testing.assert_close(h, (-z.square() / (2 * sigma**2)).exp())
    assert float(h.detach()[2]) == 1
    (slope,) = torch.autograd.grad(h.sum(), z)
    torch.testing.assert_close(slope, -z / sigma**2 * h)


def test_the_two_conventions() -> None:
    assert Garf(2, 1, width=4).scale == pytest.approx(7.07, abs=0.01)


@pytest.mark.parametrize(
    ("scale", "means"), [(30.0, (0.04, 0.23, 0.10, 0.15)), (10.0, (0.12, 0.38, 0.21, 0.30))], ids=["30", "10"]
)
def test_statistics_of_a_fresh_network(scale: float, means: tuple[float, ...]) -> None:
    """The mean activation, layer by layer, over several networks: one alone differs by more."""
    torch.manual_seed(0)
    found = torch.zeros(4)
    with torch.no_grad():
        for _ in range(8):
            h = torch.rand(1000, 2) * 2 - 1
            for i, layer in enumerate(list(Gauss(2, 1, scale=scale).layers)[:-1]):
                h = bell(scale * layer(h))
                found[i] += h.mean() / 8
    torch.testing.assert_close(found, torch.tensor(means), rtol=0.25, atol=0.02)


def test_values_and_parameter_count() -> None:
    assert sum(p.numel() for p in Gauss(2, 3).parameters()) == 198_915
    field = Gauss(2, 1, width=3, depth=2, scale=2.0).double()
    x = torch.rand(5, 2).double() * 2 - 1
    first, second, last = field.layers
    torch.testing.assert_close(field(x), last((-4 * second((-4 * first(x) ** 2).exp()) ** 2).exp()))


@torch.no_grad()
def test_the_first_layer_of_garf_ignores_what_all_channels_share() -> None:
    field = Garf(3, 1, width=8).double()
    x = torch.rand(5, 3).double() * 2 - 1
    before = field(x)
    field.layers[0].bias += 0.3  # type: ignore[operator, union-attr]
    torch.testing.assert_close(field(x), before)
    field.layers[1].bias += 0.3  # type: ignore[operator, union-attr]
    assert (field(x) - before).abs().max() > 1e-3


@torch.no_grad()
def test_garf_joins_the_first_layer_where_it_should() -> None:
    field = Garf(2, 1, width=4, depth=4, sigma=0.5, skip=1).double()
    first, one, two, three, last = field.layers
    assert [layer.in_features for layer in field.layers] == [2, 4, 4, 8, 4]
    x = torch.rand(5, 2).double() * 2 - 1

    def bump(z: torch.Tensor) -> torch.Tensor:
        return (-2 * z.square()).exp()

    z = first(x)
    start = bump(z - z.mean(-1, keepdim=True))
    joined = torch.cat([start, bump(two(bump(one(start))))], -1)
    torch.testing.assert_close(field(x), last(bump(three(joined))))


def test_the_sizes_of_garf() -> None:
    sizes = [(layer.in_features, layer.out_features) for layer in Garf(3, 4).layers]
    assert sizes == [(3, 256), *[(256, 256)] * 5, (512, 256), (256, 4)]
    assert [layer.in_features for layer in Garf(3, 4, depth=2, skip=0).layers] == [3, 256, 512]
    assert [layer.in_features for layer in Garf(3, 4, depth=2).layers] == [3, 256, 256]


@pytest.mark.parametrize("arguments", [{"depth": 0}, {"width": 0}, {"scale": 0.0}, {"scale": math.nan}], ids=str)
def test_arguments_out_of_range(arguments: dict[str, float]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        Gauss(2, 1, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [{"depth": 0}, {"width": 0}, {"sigma": -1.0}, {"skip": -1}], ids=str)
def test_arguments_out_of_range_of_garf(arguments: dict[str, float]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        Garf(2, 1, **arguments)  # type: ignore[arg-type]
