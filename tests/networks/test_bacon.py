"""BACON: bands of its levels, period, frozen frequencies, statistics of a fresh network."""

import pytest
import torch
from torch import Tensor

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.networks import Bacon
from neuralfields.networks.layers import products
from neuralfields.objectives import MultiScale
from neuralfields.signals import as_signal


def spectrum(values: Tensor) -> Tensor:
    """Energy of each frequency 0, 1, … of one period."""
    return torch.fft.rfft(values[:, 0], norm="forward").abs().square()


@torch.no_grad()
def test_the_band_of_every_level() -> None:
    torch.manual_seed(0)
    field = Bacon(1, 1, width=64, rate=100.0, heads=[0, 1, 4]).double()
    assert field.band == 10
    x = torch.arange(200).double()[:, None] / 200 / field.scale
    for level, i in zip(field.levels(x), field.heads, strict=True):
        energy, limit = spectrum(level), (i + 1) * field.band
        assert float(energy[limit + 1 :].sum()) < 1e-6 * float(energy.sum())
        # Not by being smoother than it may be: the highest filters meet.
        assert float(energy[limit // 2 : limit + 1].sum()) > 1e-6 * float(energy.sum())


@torch.no_grad()
def test_the_band_is_that_of_each_axis() -> None:
    torch.manual_seed(0)
    field = Bacon(2, 1, width=32, depth=2, heads=[1], rate=12.0).double()
    grid = torch.arange(32).double() / 32 / field.scale
    values = field(torch.cartesian_prod(grid, grid)).reshape(32, 32)
    energy = torch.fft.fft2(values).abs().square()
    frequency = torch.fft.fftfreq(32, 1 / 32).abs()
    inside = (frequency[:, None] <= 6) & (frequency <= 6)
    assert field.band == 3
    assert float(energy[~inside].sum()) < 1e-6 * float(energy.sum())


@torch.no_grad()
@pytest.mark.parametrize("scale", [0.45, 0.5, 0.2])
def test_period(scale: float) -> None:
    field = Bacon(2, 3, width=16, scale=scale).double()
    x = torch.rand(20, 2).double() * 2 - 1
    for axis in (0, 1):
        shifted = x.clone()
        shifted[:, axis] += 1 / scale
        torch.testing.assert_close(field(shifted), field(x))


@torch.no_grad()
def test_statistics_of_a_fresh_network() -> None:
    """At every depth: linear outputs of standard deviation 1, products of sqrt(1/2)."""
    torch.manual_seed(0)
    depth = 9
    field = Bacon(2, 1, depth=depth, heads=list(range(depth)), rate=384.0)
    u = 2 * torch.pi * (torch.rand(4000, 2) - 0.5)
    filters = [(u @ f + phase).sin() for f, phase in zip(field.frequencies, field.phases, strict=True)]
    states = products(filters, field.layers)
    for i, state in enumerate(states):
        assert float(state.std()) == pytest.approx(0.5**0.5, rel=0.07), f"product {i}"
    for i, layer in enumerate(field.layers):
        assert float(layer(states[i]).std()) == pytest.approx(1.0, rel=0.07), f"linear map {i}"


def test_the_frequencies_stay_and_are_whole() -> None:
    torch.manual_seed(0)
    field = Bacon(2, 1, width=64, depth=3, heads=[1, 2], rate=30.0)
    before = field.frequencies.clone()
    phases = field.phases.detach().clone()
    nf.fit(field, torch.rand(8, 8), objective=MultiScale(), steps=3)
    assert torch.equal(field.frequencies, before)
    assert not torch.equal(field.phases.detach(), phases)
    assert sorted(before.unique().tolist()) == list(range(-5, 6))
    assert set(dict(field.named_parameters())) & {"frequencies"} == set()


@torch.no_grad()
def test_by_hand() -> None:
    field = Bacon(1, 1, width=2, depth=2, heads=[0, 1], rate=8.0, scale=0.25).double()
    x = torch.linspace(-1, 1, 7).double()[:, None]
    f, phase = field.frequencies, field.phases
    g = [(2 * torch.pi * 0.25 * x * f[i] + phase[i]).sin() for i in (0, 1)]
    z = g[1] * field.layers[0](g[0])
    coarse, fine = field.levels(x)
    torch.testing.assert_close(coarse, field.outputs[0](g[0]))
    torch.testing.assert_close(fine, field.outputs[1](z))
    torch.testing.assert_close(field(x), fine)


def test_all_levels_are_fitted() -> None:
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 32)
    image = as_signal(0.5 + 0.25 * (3 * x[:, None]).sin() * (2 * x).cos())
    field = Bacon(2, 1, width=48, depth=3, heads=[1, 2], rate=18.0)
    nf.fit(field, image, objective=MultiScale(), steps=150)
    for i in (0, 1):
        assert image.measure(lambda x, i=i: field.levels(x)[i].detach())["psnr"] > 30


def test_parameter_count() -> None:
    """The paper's image network: 268 K with its fixed frequencies and one head."""
    field = Bacon(2, 3, heads=[4])
    count = sum(p.numel() for p in field.parameters())
    assert count == 4 * (256 * 256 + 256) + 5 * 256 + 3 * 257
    assert round((count + field.frequencies.numel()) / 1000) == 268


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"depth": 0, "heads": []}, "heads are layers"),
        ({"heads": [1, 2]}, r"the last one 4, got \[1, 2\]"),
        ({"heads": [2, 1, 4]}, "ascending"),
        ({"heads": [1, 1, 4]}, "ascending"),
        ({"heads": [-1, 4]}, "ascending"),
        ({"heads": [1, 4, 5]}, "ascending"),
        ({"heads": [1.5, 4]}, "ascending"),
        ({"rate": 5.0}, "5 filters need a rate of more than 5, got 5.0"),
        ({"rate": 0.0}, "rate is positive and finite, got 0.0"),
        ({"scale": -1.0}, "scale is positive and finite, got -1.0"),
        ({"width": 0}, "sizes between 1 and 65536"),
        ({"depth": 10**12}, "at most 256 layers"),
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Bacon(2, 1, **arguments)  # type: ignore[arg-type]
