"""Multiplicative filter networks: statistics, sums of frequencies, ranges, Gabor filters by hand and without gamma."""

import math

import pytest
import torch
from torch import Tensor, nn

from neuralfields.errors import InputError
from neuralfields.networks import FourierNet, GaborNet
from neuralfields.networks.layers import products


def states(field: FourierNet, x: Tensor) -> list[Tensor]:
    return products([sines(x).sin() for sines in field.filters], list(field.layers)[:-1])


@torch.no_grad()
@pytest.mark.parametrize(
    ("weight_scale", "wanted"), [(1.0, (0.707, 0.290, 0.121, 0.055)), (6.0, (0.707, 0.707, 0.707, 0.707))]
)
def test_statistics_of_a_fresh_network(weight_scale: float, wanted: tuple[float, ...]) -> None:
    """Smaller with depth as published, the same with the scale of BACON."""
    torch.manual_seed(0)
    field = FourierNet(2, 1, weight_scale=weight_scale)
    for state, std in zip(states(field, torch.rand(4000, 2) * 2 - 1), wanted, strict=True):
        assert float(state.std()) == pytest.approx(std, rel=0.1)


@torch.no_grad()
def test_the_range_of_every_tensor() -> None:
    torch.manual_seed(0)
    field = FourierNet(3, 1, width=256, depth=4)
    for sines in field.filters:
        bound = 256 / 2 / math.sqrt(3)  # the sheet's factor of 128 for four filters
        assert 0.97 * bound < float(sines.weight.abs().max()) <= bound  # type: ignore[operator, union-attr]
        assert 0.97 * math.pi < float(sines.bias.abs().max()) <= math.pi  # type: ignore[operator, union-attr]
    for layer in list(field.layers)[:-1]:
        assert 0.97 / 16 < float(layer.weight.abs().max()) <= 1 / 16  # type: ignore[operator, union-attr]
    assert len(field.filters) == 4 and len(field.layers) == 4


@torch.no_grad()
def test_every_frequency_is_a_signed_sum_of_the_filters() -> None:
    torch.manual_seed(0)
    field = FourierNet(1, 1, width=2, depth=3).double()
    frequencies = [(1.0, 2.0), (5.0, 7.0), (20.0, 21.0)]
    for sines, values in zip(field.filters, frequencies, strict=True):
        sines.weight.copy_(torch.tensor(values)[:, None])  # type: ignore[operator, union-attr]
    x = torch.arange(128).double()[:, None] * (2 * math.pi / 128)
    energy = torch.fft.rfft(field(x)[:, 0], norm="forward").abs().square()
    first, second, third = (torch.tensor(values) for values in frequencies)
    sums = {0}  # of the last map's bias, and of biases further up: a shorter sum
    for level in ([third], [second, third], [first, second, third]):
        found = torch.zeros(1)
        for values in level:
            signed = torch.cat([values, -values])
            found = (found[:, None] + signed).flatten()
        sums |= {int(value) for value in found.abs()}
    outside = [k for k in range(len(energy)) if k not in sums]
    assert len(outside) > 10
    assert float(energy[outside].sum()) < 1e-20 * float(energy.sum())
    assert sum(bool(energy[k] > 1e-12) for k in sums) > 15


@torch.no_grad()
def test_a_product_of_two_sines_is_a_sum_of_two() -> None:
    field = FourierNet(1, 1, width=1, depth=2).double()
    hidden, last = field.layers
    for layer in (hidden, last):
        nn.init.ones_(layer.weight)  # type: ignore[arg-type]
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    x = torch.linspace(-1, 1, 50).double()[:, None]
    one, other = (sines(x) for sines in field.filters)
    torch.testing.assert_close(field(x), ((one - other).cos() - (one + other).cos()) / 2)


@torch.no_grad()
def test_gabor_filters_without_gamma_are_sines() -> None:
    gabor, fourier = GaborNet(2, 3, width=16).double(), FourierNet(2, 3, width=16).double()
    nn.init.zeros_(gabor.gammas)
    fourier.load_state_dict({k: v for k, v in gabor.state_dict().items() if k not in ("gammas", "centres")})
    x = torch.rand(9, 2).double() * 2 - 1
    torch.testing.assert_close(gabor(x), fourier(x))


@torch.no_grad()
def test_a_gabor_filter_by_hand() -> None:
    field = GaborNet(2, 1, width=3, depth=1).double()
    x = torch.rand(5, 2).double() * 2 - 1
    distance = (x[:, None] - field.centres[0].T).square().sum(-1)
    wave = field.filters[0](x).sin() * torch.exp(-field.gammas[0] / 2 * distance)
    torch.testing.assert_close(field(x), field.layers[0](wave))


@torch.no_grad()
def test_the_distribution_of_gamma() -> None:
    torch.manual_seed(0)
    field = GaborNet(2, 1, width=4096, depth=2, alpha=6.0, beta=2.0)
    gammas, centres = field.gammas, field.centres
    assert float(gammas.mean()) == pytest.approx(1.5, rel=0.05)  # shape / rate = (6 / 2) / 2
    assert float(gammas.var()) == pytest.approx(0.75, rel=0.1)  # shape / rate^2
    assert float(centres.abs().max()) <= 1 and float(centres.std()) == pytest.approx(3**-0.5, rel=0.05)
    for sines, gamma in zip(field.filters, gammas, strict=True):
        bound = 256 / 2 * gamma.sqrt()
        share = sines.weight.abs() / bound[:, None]  # type: ignore[operator, union-attr]
        assert float(share.max()) <= 1.0001
        assert float(share.mean()) == pytest.approx(0.5, rel=0.05)


def test_parameter_counts() -> None:
    assert sum(p.numel() for p in FourierNet(2, 1).parameters()) == 4 * 3 * 256 + 3 * 257 * 256 + 257
    assert sum(p.numel() for p in GaborNet(2, 1).parameters()) == 4 * 6 * 256 + 3 * 257 * 256 + 257


SHARED = ["depth", "width", "input_scale", "weight_scale"]


@pytest.mark.parametrize(
    ("cls", "name"),
    [*((FourierNet, name) for name in SHARED), *((GaborNet, name) for name in (*SHARED, "alpha", "beta"))],
)
def test_arguments_out_of_range(cls: type[GaborNet], name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.* 0"):
        cls(2, 1, **{name: 0})
