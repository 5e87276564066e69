"""Losses of weights along rays."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.volume import Intervals, Rendered, Span, losses, render, stratified


def random(*count: int) -> tuple[Intervals, Tensor]:
    """Packed rays with random intervals from 0 to 1 and random weights; float64."""
    generator = torch.Generator().manual_seed(len(count))
    edges = [torch.rand(n + 1, generator=generator, dtype=torch.float64).sort().values for n in count]
    start, end = (torch.cat([e[part] for e in edges]) for part in (slice(None, -1), slice(1, None)))
    return Intervals.packed(start, end, torch.tensor(count)), torch.rand(
        len(start), generator=generator, dtype=torch.float64
    )


def every_pair(intervals: Intervals, weights: Tensor) -> Tensor:
    found = torch.zeros(len(intervals.count), dtype=torch.float64)
    for i in range(len(weights)):
        for j in range(len(weights)):
            if intervals.ray[i] == intervals.ray[j]:
                apart = abs(intervals.middle[i] - intervals.middle[j])
                found[intervals.ray[i]] += weights[i] * weights[j] * apart
        found[intervals.ray[i]] += weights[i] ** 2 * intervals.width[i] / 3
    return found


def test_distortion_is_the_sum_over_all_pairs() -> None:
    intervals, weights = random(5, 0, 1, 12)
    torch.testing.assert_close(losses.distortion(intervals, weights), every_pair(intervals, weights))


def test_distortion_of_an_even_medium() -> None:
    """The mean distance of two places on a ray from 0 to 1 is a third, however fine the intervals are."""
    for n in (1, 4, 64):
        intervals = stratified(Span(torch.zeros(1).double(), torch.ones(1).double()), n)
        weights = torch.full((n,), 1 / n, dtype=torch.float64)
        assert float(losses.distortion(intervals, weights)) == pytest.approx(1 / 3)


def test_distortion_measures_on_the_scale() -> None:
    near, far = torch.tensor([0.5]).double(), torch.tensor([100.0]).double()
    intervals = stratified(Span(near, far, "disparity"), 8)
    weights = torch.full((8,), 1 / 8, dtype=torch.float64)
    assert float(losses.distortion(intervals, weights)) == pytest.approx(1 / 3)
    assert float(losses.distortion(replace(intervals, s=None), weights)) > 1


def test_distortion_far_away_in_float32() -> None:
    """Middles that have 1000 in common do not cost the digits of their differences."""
    start = torch.tensor([1000.0, 1000.25])
    intervals = Intervals.packed(start, start + 0.25, torch.tensor([2]))
    found = losses.distortion(intervals, torch.tensor([0.5, 0.5]))
    assert float(found) == pytest.approx(2 * 0.25 * 0.25 + 2 * 0.25 * 0.25 / 3, rel=1e-6)


def test_distortion_falls_towards_one_place() -> None:
    intervals, weights = random(9)
    weights.requires_grad_()
    before = losses.distortion(intervals, weights)
    (slope,) = torch.autograd.grad(before.sum(), weights)
    assert float(losses.distortion(intervals, weights.detach() - 1e-3 * slope)) < float(before.detach())
    assert torch.autograd.gradcheck(lambda w: losses.distortion(intervals, w), weights)


def passed(edges: list[float], weights: list[float], *, colours: int = 0) -> Rendered:
    span = Span(torch.zeros(1).double(), torch.ones(1).double())
    intervals = span.intervals(torch.tensor([edges], dtype=torch.float64))
    w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    opacity = w.detach().sum()[None]
    return Rendered(torch.zeros(1, colours).double(), opacity, opacity, intervals, w)


def test_a_proposal_that_bounds_the_weights_costs_nothing() -> None:
    fine = passed([0, 0.2, 0.25, 0.3, 1], [0.1, 0.3, 0.2, 0.1])
    assert losses.interlevel(fine, passed([0, 0.5, 1], [0.61, 0.2])).tolist() == [0]
    assert losses.interlevel(fine, fine).tolist() == pytest.approx([0], abs=1e-12)


def test_a_shifted_proposal_costs() -> None:
    fine = passed([0, 0.2, 0.25, 0.3, 1], [0.0, 0.5, 0.4, 0.0])
    shifted = passed([0, 0.4, 1], [0.1, 0.8])
    loss = losses.interlevel(fine, shifted)
    assert loss.tolist() == pytest.approx([0.4**2 / 0.5 + 0.3**2 / 0.4], rel=1e-5)
    loss.sum().backward()
    assert fine.weights.grad is None
    assert shifted.weights.grad is not None and shifted.weights.grad[0] < 0 and shifted.weights.grad[1] == 0


def test_which_passes_are_trained_on_what() -> None:
    proposal, coarse = passed([0, 0.4, 1], [0.1, 0.8]), passed([0, 1], [0.2], colours=3)
    fine = replace(passed([0, 0.2, 0.3, 1], [0, 0.9, 0], colours=3), earlier=(proposal, coarse))
    assert list(losses.passes(fine)) == [fine, coarse]
    assert losses.proposals(fine).tolist() == losses.interlevel(fine, proposal).tolist()[0]
    assert losses.proposals(coarse).tolist() == 0


def test_rays_of_different_numbers_of_intervals_have_no_interlevel_loss() -> None:
    intervals, weights = random(3, 4)
    rendered = render(intervals, weights)
    with pytest.raises(InputError, match="same number of intervals"):
        losses.interlevel(rendered, rendered)
