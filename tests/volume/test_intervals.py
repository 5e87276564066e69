"""Rays through known media."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.geometry import Rays
from neuralfields.volume import Intervals, Rendered, render, transmittance


def along(*edges: list[float]) -> Intervals:
    """Rays with these edges; float64."""
    rays = [torch.tensor(e, dtype=torch.float64) for e in edges]
    start, end = (torch.cat([r[part] for r in rays]) for part in (slice(None, -1), slice(1, None)))
    return Intervals.packed(start, end, torch.tensor([max(0, len(r) - 1) for r in rays]))


def grey(intervals: Intervals, density: Tensor) -> Rendered:
    return render(intervals, density, torch.full((len(intervals), 3), 0.5, dtype=torch.float64))


def test_intervals_know_their_rays() -> None:
    intervals = along([0, 1, 3], [], [2, 2.5])
    assert intervals.ray.tolist() == [0, 0, 2] and intervals.count.tolist() == [2, 0, 1]
    assert intervals.width.tolist() == [1, 2, 0.5] and intervals.middle.tolist() == [0.5, 2, 2.25]
    assert intervals.last.tolist() == [False, True, True]
    rays = Rays(torch.zeros(3, 3), torch.eye(3))
    assert intervals.points(rays).tolist() == [[0.5, 0, 0], [2, 0, 0], [0, 0, 2.25]]
    assert intervals.samples(rays)[2].tolist() == [0, 0, 2.25, 0, 0, 1]


def test_some_are_kept() -> None:
    intervals = along([0, 1, 3, 4], [0, 1], [2, 2.5])
    kept = intervals.kept(torch.tensor([True, False, True, False, True]))
    assert kept.ray.tolist() == [0, 0, 2] and kept.count.tolist() == [2, 0, 1]
    assert kept.start.tolist() == [0, 3, 2] and kept.end.tolist() == [1, 4, 2.5]


def test_what_comes_through() -> None:
    intervals = along([0, 1, 3, 4], [], [2, 2.5])
    density = torch.tensor([0.5, 1.0, 3.0, 7.0], dtype=torch.float64)
    found = transmittance(intervals, density)
    assert found.tolist() == pytest.approx([1, math.exp(-0.5), math.exp(-2.5), 1])
    assert intervals.place.tolist() == [0, 1, 2, 0]


def test_rows_of_rays_with_as_many_intervals() -> None:
    intervals = along([0, 1, 3], [], [2, 2.5, 4])
    assert intervals.rows(intervals.start).tolist() == [[0, 1], [2, 2.5]]
    assert along([], []).rows(torch.zeros(0, 3)).shape == (0, 0, 3)
    with pytest.raises(InputError, match="same number of intervals or none here, got from 0 to 2"):
        along([0, 1, 3], [], [2, 2.5]).rows(torch.zeros(3))


@pytest.mark.parametrize("density", [0.0, 0.3, 7.0])
def test_a_medium_of_one_density(density: float) -> None:
    edges = [0.5, 0.6, 1.1, 1.11, 2.5]
    seen = grey(along(edges), torch.full((4,), density, dtype=torch.float64))
    opacity = 1 - math.exp(-density * 2.0)
    assert float(seen.opacity) == pytest.approx(opacity, abs=1e-12)
    torch.testing.assert_close(seen.colour, torch.full((1, 3), opacity / 2, dtype=torch.float64))
    torch.testing.assert_close(seen.over(torch.ones(3)), torch.full((1, 3), 1 - opacity / 2, dtype=torch.float64))
    assert float(seen.weights.sum()) == pytest.approx(opacity, abs=1e-12)


def test_a_step_of_density() -> None:
    """Nothing before 1, then a dense medium: the depth is that of its surface plus the mean free path."""
    edges = torch.linspace(0, 3, 6001, dtype=torch.float64)
    intervals = along(edges.tolist())
    seen = grey(intervals, torch.where(intervals.middle < 1, 0.0, 20.0).double())
    assert float(seen.depth) == pytest.approx(1 + 1 / 20, abs=1e-5)
    assert float(seen.opacity) == pytest.approx(1, abs=1e-12)
    first = intervals.middle < 1
    assert float(seen.weights[first].abs().max()) == 0


def test_rays_that_see_nothing() -> None:
    seen = grey(along([], [0, 1]), torch.zeros(1, dtype=torch.float64))
    assert seen.opacity.tolist() == [0, 0] and seen.depth.tolist() == [0, 0]
    behind = torch.tensor([[0.1, 0.2, 0.3], [1, 0, 1]], dtype=torch.float64)
    assert torch.equal(seen.over(behind), behind)


def test_an_opaque_end_takes_what_is_left() -> None:
    intervals = along([0, 1, 2], [0, 1])
    density = torch.tensor([0.5, 0.0, 0.1], dtype=torch.float64, requires_grad=True)
    seen = render(intervals, density, torch.eye(3, dtype=torch.float64), opaque=True)
    assert seen.opacity.tolist() == [1, 1]
    first = 1 - math.exp(-0.5)
    assert seen.weights.tolist() == pytest.approx([first, 1 - first, 1])
    seen.weights.square().sum().backward()
    assert density.grad is not None and density.grad[1:].tolist() == [0, 0] and density.grad[0] != 0


def test_a_last_interval_without_end() -> None:
    intervals = along([0, 1, math.inf])
    seen = grey(intervals, torch.tensor([0.0, 1e-9], dtype=torch.float64))
    assert seen.opacity.tolist() == [1] and seen.depth.tolist() == [1]


def test_densities_alone() -> None:
    seen = render(along([0, 1]), torch.ones(1, dtype=torch.float64))
    assert seen.colour.shape == (1, 0) and float(seen.depth) == pytest.approx(0.5)
