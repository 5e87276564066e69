"""Step functions: distributions and their inverses, dilation, annealing, bounds."""

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.volume import steps

EDGES = torch.tensor([[0.0, 0.1, 0.3, 0.6, 1.0]], dtype=torch.float64)
WEIGHTS = torch.tensor([[1.0, 0.0, 3.0, 4.0]], dtype=torch.float64)


def tensor(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def test_the_distribution() -> None:
    assert steps.distribution(WEIGHTS).tolist() == [[0, 0.125, 0.125, 0.5, 1]]


@pytest.mark.parametrize("weights", [tensor(0, 0, 0, 0), tensor(torch.nan, 1, 1, 1)])
def test_rows_that_tell_nothing_are_even(weights: Tensor) -> None:
    assert steps.distribution(weights).tolist() == [[0, 0.25, 0.5, 0.75, 1]]


def test_the_inverse_distribution() -> None:
    share = tensor(0, 0.0625, 0.125, 0.3125, 0.5, 0.75, 1)
    found = steps.inverse_distribution(EDGES, WEIGHTS, share)
    torch.testing.assert_close(found, tensor(0, 0.05, 0.3, 0.45, 0.6, 0.8, 1))


def test_samples_follow_the_distribution() -> None:
    """Kolmogorov and Smirnov: the largest distance between the distributions of 10^5 samples and of the weights."""
    share = torch.rand(1, 100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = steps.inverse_distribution(EDGES, WEIGHTS, share)[0].sort().values
    places = torch.linspace(0, 1, 1001, dtype=torch.float64)
    below = torch.searchsorted(found, places, right=True) / len(found)
    reached = torch.tensor([0, 0.125, 0.125, 0.5, 1], dtype=torch.float64)
    right = torch.searchsorted(EDGES[0], places).clamp(1, 4)
    part = (places - EDGES[0][right - 1]) / (EDGES[0][right] - EDGES[0][right - 1])
    wanted = reached[right - 1] + part * (reached[right] - reached[right - 1])
    assert float((below - wanted).abs().max()) < 0.01


def test_shares_are_one_in_each_part() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    assert steps.shares(1, 4, like).tolist() == [[0.125, 0.375, 0.625, 0.875]]
    found = steps.shares(300, 4, like, torch.Generator().manual_seed(0))
    assert torch.equal((found * 4).floor(), torch.arange(4).double().expand(300, 4))
    assert float((found * 4).frac().std()) == pytest.approx(12**-0.5, abs=0.01)


def test_edges_lie_between_places() -> None:
    found = steps.edges_around(tensor(0.1, 0.3, 0.4, 0.95))
    torch.testing.assert_close(found, tensor(0, 0.2, 0.35, 0.675, 1))
    with pytest.raises(InputError, match="two places or more, got 1"):
        steps.edges_around(tensor(0.5))


def test_dilation_takes_the_largest_density_in_reach() -> None:
    edges, weights = steps.dilated(EDGES, WEIGHTS, 0.05)
    density = (weights / (edges[:, 1:] - edges[:, :-1]))[0]
    centre = ((edges[:, 1:] + edges[:, :-1]) / 2)[0]
    for at, wanted in ((0.02, 10), (0.14, 10), (0.2, 0), (0.26, 10), (0.4, 10), (0.57, 10), (0.8, 10)):
        found = density[int((centre - at).abs().argmin())]
        assert float(found) == pytest.approx(wanted), at
    wider = steps.dilated(EDGES, tensor(0, 2, 0, 0), 0.15)
    assert float(wider[1].sum()) == pytest.approx(10 * (0.2 + 0.1 + 0.15))


def test_dilation_interval_by_interval() -> None:
    generator = torch.Generator().manual_seed(0)
    edges = torch.rand(20, 14, generator=generator, dtype=torch.float64).sort(-1).values
    weights = torch.rand(20, 13, generator=generator, dtype=torch.float64)
    for reach in (0.003, 0.1, 0.7):
        found, dilated = steps.dilated(edges, weights, reach)
        density = weights / edges.diff()
        begin = found[:, :-1, None]
        covered = (edges[:, None, :-1] - reach <= begin) & (begin < edges[:, None, 1:] + reach)
        wanted = torch.where(covered, density[:, None], 0.0).amax(-1) * found.diff()
        torch.testing.assert_close(dilated, wanted)


def test_without_reach_the_histogram_stays() -> None:
    edges, weights = steps.dilated(EDGES, WEIGHTS, 0.0)
    before = torch.cat([torch.zeros(1, 1).double(), weights.cumsum(-1)], -1)
    index = torch.searchsorted(edges, EDGES)
    torch.testing.assert_close(before.gather(-1, index).diff(), WEIGHTS)


def test_annealing() -> None:
    assert steps.annealed(EDGES, WEIGHTS, 0.0).tolist() == [[1, 1, 1, 1]]
    torch.testing.assert_close(steps.annealed(EDGES, WEIGHTS, 1.0), WEIGHTS)
    torch.testing.assert_close(steps.annealed(EDGES, WEIGHTS, 0.1), WEIGHTS ** (1 / 1.9))
    assert steps.annealed(tensor(0, 0.5, 0.5, 1), tensor(1, 1, 1), 0.0).tolist() == [[1, 0, 1]]


def test_a_bound_is_all_that_overlaps() -> None:
    found = steps.bound(tensor(0.05, 0.1, 0.2, 0.7, 0.9), EDGES, WEIGHTS)
    assert found.tolist() == [[1, 0, 7, 4]]
