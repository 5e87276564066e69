"""Samples along rays: where they are asked for, and with what frequency."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.geometry import contract
from neuralfields.volume import Intervals, Rendered, Span, refined, render, resampled, stratified


def span(*ends: tuple[float, float], spacing: str = "distance") -> Span:
    near, far = torch.tensor(ends, dtype=torch.float64).T
    return Span(near, far, spacing)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def edges(intervals: Intervals) -> Tensor:
    start, end = intervals.rows(intervals.start), intervals.rows(intervals.end)
    assert torch.equal(start[:, 1:], end[:, :-1])
    return torch.cat([start, end[:, -1:]], -1)


def test_even_intervals() -> None:
    found = stratified(span((1, 3), (5, 4), (0, 1)), 4)
    assert found.count.tolist() == [4, 0, 4]
    assert edges(found).tolist() == [[1, 1.5, 2, 2.5, 3], [0, 0.25, 0.5, 0.75, 1]]
    assert found.s is not None and found.rows(found.s)[1, :, 0].tolist() == [0, 0.25, 0.5, 0.75]


def test_even_in_disparity() -> None:
    found = edges(stratified(span((0.5, 50), spacing="disparity"), 10))
    torch.testing.assert_close(1 / found, torch.linspace(2, 0.02, 11, dtype=torch.float64)[None])
    with pytest.raises(InputError, match="positive distance, got near = 0"):
        span((0, 3), spacing="disparity")
    with pytest.raises(InputError, match="spacing is one of distance, disparity, contracted"):
        span((0, 3), spacing="log")


def test_even_as_space_is_contracted() -> None:
    found = edges(stratified(span((0, 4), spacing="contracted"), 7))
    torch.testing.assert_close(found, torch.tensor([[0, 0.25, 0.5, 0.75, 1, 4 / 3, 2, 4]], dtype=torch.float64))
    places = torch.stack([found[0], *torch.zeros(2, 8).double()], -1)
    torch.testing.assert_close(contract(places)[:, 0], torch.linspace(0, 1.75, 8, dtype=torch.float64))


def test_random_edges_stay_within_half_an_interval() -> None:
    many = span(*[(0, 8)] * 500)
    found = edges(stratified(many, 8, generator=generator()))
    even = torch.arange(9, dtype=torch.float64)
    assert torch.equal(found[:, [0, 8]], even[[0, 8]].expand(500, 2))
    away = found[:, 1:-1] - even[1:-1]
    assert -0.5 <= float(away.min()) < -0.49 and 0.49 < float(away.max()) <= 0.5
    assert torch.equal(found, edges(stratified(many, 8, generator=generator())))
    with pytest.raises(InputError, match="1 interval or more, got 0"):
        stratified(many, 0)


def test_a_pass_looks_where_the_one_before_saw_something() -> None:
    """A thin slab between 6 and 6.1: nearly all of 32 new places lie in its interval."""
    rays = span((2, 10), (2, 10))
    first = stratified(rays, 16)
    weights = torch.where((first.start <= 6.05) & (first.end > 6.05), 1.0, 0.0).double()
    found = refined(rays, first, weights, 32)
    assert found.count.tolist() == [48, 48]
    inside = (found.middle > 6) & (found.middle < 6.5)
    assert int(inside.sum()) >= 2 * 32
    again = edges(resampled(rays, first, weights, 32))
    assert again.shape == (2, 33)
    assert int(((again > 6) & (again < 6.5)).sum()) >= 2 * 31
    wide = edges(resampled(rays, first, weights, 32, dilation=0.1))
    assert float(wide.min()) < 5.5 and float(wide.max()) > 7


def test_the_beginning_of_a_fit_samples_evenly() -> None:
    rays = span((0, 1))
    first = stratified(rays, 4)
    weights = torch.tensor([0.0, 1, 0, 0], dtype=torch.float64)
    found = edges(resampled(rays, first, weights, 8, fraction=0.0))
    torch.testing.assert_close(found, torch.linspace(0, 1, 9, dtype=torch.float64)[None])


def test_nothing_passes_gradients_on() -> None:
    rays = span((0, 1))
    first = stratified(rays, 4)
    weights = torch.rand(4, dtype=torch.float64, requires_grad=True)
    for found in (refined(rays, first, weights, 3), resampled(rays, first, weights, 3)):
        assert not found.start.requires_grad and not found.end.requires_grad


def test_rays_that_miss_everything() -> None:
    nowhere = span((2, 1), (3, 3))
    first = stratified(nowhere, 4, generator=generator())
    assert len(first) == 0
    for found in (
        refined(nowhere, first, torch.zeros(0).double(), 8),
        resampled(nowhere, first, torch.zeros(0).double(), 8),
    ):
        assert found.count.tolist() == [0, 0]
    assert render(first, torch.zeros(0).double()).opacity.tolist() == [0, 0]


def test_intervals_without_their_scale() -> None:
    rays = span((0, 1))
    bare = Intervals.packed(torch.zeros(1), torch.ones(1), torch.tensor([1]))
    with pytest.raises(InputError, match="that a Span made"):
        refined(rays, bare, torch.ones(1), 4)
    with pytest.raises(InputError, match="two places or more, got 1"):
        resampled(rays, stratified(rays, 4), torch.ones(4), 1)


def test_a_second_pass_sees_where_a_slab_begins() -> None:
    """A slab from 6.1 to 6.2: its depth is that of its front plus the mean free path."""
    rays = span((2, 10))

    def seen(intervals: Intervals) -> Rendered:
        return render(intervals, 50 * ((intervals.middle > 6.1) & (intervals.middle < 6.2)).double())

    coarse = stratified(rays, 32)
    fine = seen(refined(rays, coarse, seen(coarse).weights, 64))
    wanted = 6.1 + 1 / 50 - 0.1 * math.exp(-5) / (1 - math.exp(-5))
    assert abs(float(fine.depth) - wanted) < 4e-3 < abs(float(seen(coarse).depth) - wanted)
    assert float(fine.opacity) == pytest.approx(1 - math.exp(-5), abs=2e-3)
