"""Scattered samples: where they lie, what is drawn, how a field is measured against them."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.networks import MLP
from neuralfields.protocols import Numbered, Signal
from neuralfields.signals import Samples, as_signal


def scattered(n: int = 50, **settings: Any) -> Samples:
    rng = np.random.default_rng(3)
    x = rng.random((n, 2)) * (4, 10) + (1, -5)
    return Samples(x, np.stack([x[:, 0] * x[:, 1], x.sum(1), x[:, 0]], 1), **settings)


def test_the_bounds_of_the_samples_become_the_box() -> None:
    x = torch.tensor([[1.0, -5.0], [5.0, 5.0], [3.0, 0.0], [2.0, 5.0]])
    signal = Samples(x, torch.arange(4.0))
    assert isinstance(signal, Signal)
    assert isinstance(signal, Numbered)
    assert (signal.in_dim, signal.out_dim, signal.size) == (2, 1, 4)
    assert signal.points.tolist() == [[-1, -1], [1, 1], [0, 0], [-0.5, 1]]
    assert torch.equal(signal.frame.to_world(signal.points), x)
    wider = Samples(x, torch.arange(4.0), bounds=((1, -5), (9, 15)))
    assert wider.points.tolist() == [[-1, -1], [0, 0], [-0.5, -0.5], [-0.75, 0]]


@pytest.mark.parametrize("end", [1.05, 0.1, 1e-3, 7e5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_stay_in_the_box(end: float, dtype: torch.dtype) -> None:
    signal = Samples.of_function(torch.sin, 300, ([-end], [end]), dtype=dtype)
    assert signal.points.dtype == signal.values.dtype == dtype
    assert float(signal.points.abs().max()) <= 1
    assert float((signal.points - torch.linspace(-1, 1, 300, dtype=dtype)[:, None]).abs().max()) < 1e-6


def test_float64_is_kept() -> None:
    y = 1 + 1e-13 * torch.arange(5, dtype=torch.float64)
    signal = Samples(torch.arange(5), y)
    assert torch.equal(signal.at(torch.tensor([3, 0])).y[:, 0], y[[3, 0]])
    assert Samples(torch.arange(5), torch.arange(5)).dtype == torch.float32


def test_batches() -> None:
    signal = scattered()
    drawn = signal.draw(20, seed=1, step=0)
    again, other = signal.draw(20, seed=1, step=0), signal.draw(20, seed=1, step=1)
    assert drawn.index is not None
    assert torch.equal(drawn.x, again.x)
    assert not torch.equal(drawn.x, other.x)
    assert torch.equal(drawn.y, signal.values[drawn.index])
    assert torch.equal(drawn.x, signal.points[drawn.index])
    assert len(drawn.index.unique()) == 20
    parts = list(signal.chunks(21))
    assert [len(part) for part in parts] == [21, 21, 8]
    assert torch.equal(torch.cat([part.y for part in parts]), signal.values)


def test_held_out_samples_are_never_drawn_and_measured_apart() -> None:
    signal = scattered(holdout=0.2)
    drawn = torch.cat([index for step in range(8) if (index := signal.draw(10, seed=0, step=step).index) is not None])
    held = next(signal.held_out(100)).index
    assert held is not None
    assert sorted([*drawn.unique().tolist(), *held.tolist()]) == list(range(50))
    measured = signal.measure(lambda x: torch.zeros(len(x), 3, dtype=torch.float64), thorough=True)
    assert set(measured) == {"relative_l2", "relative_mse", "relative_l2_holdout", "relative_mse_holdout"}
    assert measured["relative_l2_holdout"] == 1


def test_errors_are_measured_in_float64() -> None:
    """An error of 1e-13 of the values is told, which float32 could not hold."""
    signal = Samples(torch.linspace(0, 1, 40).double(), torch.ones(40).double())
    found = signal.measure(lambda x: torch.full_like(x, 1 + 1e-13))
    assert found["relative_l2"] == pytest.approx(1e-13, rel=1e-2)
    assert found["psnr"] == math.inf  # clamped to [0, 1]
    assert signal.measure(lambda x: torch.full_like(x, 0.9))["psnr"] == pytest.approx(20)
    assert signal.headline == "relative_l2"
    assert "psnr" not in Samples(torch.arange(3), torch.arange(3)).measure(torch.zeros_like)


def test_a_grid_of_a_function() -> None:
    def function(x: Tensor) -> Tensor:
        assert x.dtype == torch.float64
        return x[:, :1] * x[:, 1:]

    signal = Samples.of_function(function, 4, ([0, 0], [3, 6]))
    assert signal.size == 16
    assert signal.values.view(4, 4)[2].tolist() == [0, 4, 8, 12]
    assert signal.dtype == torch.float32


def test_it_says_what_it_is() -> None:
    described = scattered().describe()
    assert {name: described[name] for name in ("kind", "name", "shape", "dtype")} == {
        "kind": "samples",
        "name": "samples",
        "shape": [50, 2, 3],
        "dtype": "float64",
    }
    assert described["sha256"] == scattered().describe()["sha256"]
    others = [scattered(bounds=((0, -9), (9, 9))), Samples(*(part.float() for part in (scattered().points,) * 2))]
    assert len({described["sha256"], *(other.describe()["sha256"] for other in others)}) == 3


def test_a_pair_can_be_fitted() -> None:
    torch.manual_seed(0)
    x = np.linspace(2, 7, 64)
    fit = nf.fit(MLP(1, 1, width=16, activation="tanh"), (x, x**2 / 49), steps=300, batch=32)
    assert fit.metrics["relative_l2"] < 0.1
    assert "relative_l2" in str(fit)
    frame = fit.field.frame
    assert frame is not None
    x = frame.to_box(torch.tensor([[4.0]]))  # type: ignore[operator]
    assert fit.field(x).item() == pytest.approx(16 / 49, abs=0.1)
    assert as_signal((torch.rand(5), torch.rand(5, 2).double())).out_dim == 2


def test_a_field_of_another_dtype_is_refused() -> None:
    with pytest.raises(InputError, match=r"the samples are torch.float64, the field is torch.float32"):
        nf.fit(MLP(2, 3), scattered(), steps=1)
    assert nf.fit(MLP(2, 3).double(), scattered(), steps=1).steps == 1


@pytest.mark.parametrize(
    ("x", "y", "settings", "message"),
    [
        (torch.zeros(3, 2), torch.zeros(4, 1), {}, r"got \[3, 2\] and \[4, 1\]"),
        (torch.zeros(3, 2, 1), torch.zeros(3), {}, r"got \[3, 2, 1\] and \[3\]"),
        (torch.zeros(0), torch.zeros(0), {}, r"got \[0\] and \[0\]"),
        (torch.tensor([0, torch.nan]), torch.zeros(2), {}, "NaN or Inf"),
        (torch.arange(2), torch.tensor([0, torch.inf]), {}, "NaN or Inf"),
        (torch.arange(2), torch.tensor([0, 1j]), {}, "complex numbers: give real and imaginary parts"),
        (torch.ones(2), torch.zeros(2), {}, "low < high along 1 axes"),
        (torch.arange(3), torch.zeros(3), {"bounds": ([0, 0], [2, 2])}, "low < high along 1 axes"),
        (torch.arange(3), torch.zeros(3), {"bounds": ([0], [1])}, r"1 samples lie outside .* as \[2.0\]"),
        (torch.arange(3), torch.zeros(3), {"holdout": 1.0}, "holdout"),
        (torch.arange(3), torch.zeros(3), {"bounds": ([0],)}, r"one number per axis each, got \(\[0\],\)"),
        (torch.arange(3), torch.zeros(3), {"bounds": (0, 1)}, r"one number per axis each, got \(0, 1\)"),
        ("abc", torch.zeros(3), {}, "samples are arrays of numbers"),
        (["a", "b"], torch.zeros(2), {}, "samples are arrays of numbers"),
        (torch.zeros(2), None, {}, "samples are arrays of numbers"),
    ],
)
def test_what_makes_no_samples(x: Tensor, y: Tensor, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Samples(x, y, **settings)


def test_what_makes_no_grid() -> None:
    for n, bounds, got in ((1, ([0], [1]), "1 along 1 axes, 1 in all"), (300, ([0] * 4, [1] * 4), "8,100,000,000 in")):
        with pytest.raises(InputError, match=f"2 points or more per axis and at most 268,435,456 in all, got .*{got}"):
            Samples.of_function(torch.sin, n, bounds)
    for odd in (([0], [1, 2]), (0, 1), ([], []), ([0],)):
        with pytest.raises(InputError, match="one number per axis"):
            Samples.of_function(torch.sin, 5, odd)  # type: ignore[arg-type]
