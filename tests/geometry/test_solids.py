"""Known shapes: distances by brute force, gradients of length one, signs of what is combined."""

import math

import numpy as np
import pytest
import torch

from neuralfields.calculus import gradient
from neuralfields.errors import InputError
from neuralfields.geometry import solids

EXACT = {
    "sphere": solids.sphere(0.6, (0.1, -0.2, 0.05)),
    "torus": solids.torus(0.5, 0.2),
    "box": solids.box((0.3, 0.5, 0.4), (0.1, 0.0, -0.1)),
    "cylinder": solids.cylinder(0.4, 0.6),
    "capsule": solids.capsule((-0.4, 0.1, 0.0), (0.3, -0.2, 0.5), 0.2),
    "rotated": solids.rotated(solids.box((0.3, 0.5, 0.4)), (1, 2, -1), 40),
    "scaled and moved": solids.moved(solids.scaled(solids.torus(), 0.7), (0.1, 0.2, -0.3)),
}


def points(n: int = 4000, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, (n, 3)))


@pytest.mark.parametrize("name", EXACT)
def test_a_distance_changes_by_one_per_step_and_leads_to_the_surface(name) -> None:
    solid, x = EXACT[name], points()
    value, slope = solid(x), gradient(solid, x)
    assert value.dtype == torch.float64 and value.shape == (len(x), 1)
    assert (value < 0).any() and (value > 0).any()
    torch.testing.assert_close(slope.norm(dim=1), torch.ones(len(x), dtype=x.dtype), atol=1e-9, rtol=0)
    # Together with a slope of one everywhere this makes it the distance: the foot lies on the surface.
    assert solid(x - value * slope).abs().max() < 1e-9


def test_against_other_formulas() -> None:
    x = points()
    a, b, c = x.unbind(1)
    ring = torch.hypot(torch.hypot(a, b) - 0.5, c) - 0.2
    torch.testing.assert_close(solids.torus(0.5, 0.2)(x)[:, 0], ring)
    sides = torch.tensor([0.3, 0.5, 0.4], dtype=x.dtype)
    outside = (x - x.clamp(-sides, sides)).norm(dim=1)
    inside = (sides - x.abs()).amin(1).clamp(min=0)
    torch.testing.assert_close(solids.box((0.3, 0.5, 0.4))(x)[:, 0], outside - inside)
    turned = solids.rotated(solids.sphere(0.1, (0.5, 0, 0)), (0, 0, 1), 90)
    assert turned(torch.tensor([[0.0, 0.5, 0.0]])).item() == pytest.approx(-0.1)


def test_combinations_have_the_right_sign_and_never_promise_too_much() -> None:
    x = points()
    ball, cube = solids.sphere(0.6), solids.box((0.45, 0.45, 0.45))
    in_ball, in_cube = ball(x) < 0, cube(x) < 0
    assert torch.equal(solids.union(ball, cube)(x) < 0, in_ball | in_cube)
    assert torch.equal(solids.intersection(ball, cube)(x) < 0, in_ball & in_cube)
    part = solids.difference(cube, ball)
    assert torch.equal(part(x) < 0, in_cube & ~in_ball)
    reach = gradient(part, x).norm(dim=1)
    assert reach.max() < 1 + 1e-9


def test_the_gyroid_repeats_and_halves_space() -> None:
    x = points()
    level = solids.gyroid(cells=2, thickness=0.3)
    torch.testing.assert_close(level(x), level(x + torch.tensor([1.0, -1.0, 2.0], dtype=x.dtype)), atol=1e-9, rtol=0)
    # Thicker walls hold more, and a wall of 1.5 everything.
    shares = [(solids.gyroid(2, thickness)(x) < 0).double().mean().item() for thickness in (0.1, 0.3, 1.51)]
    assert shares[0] < shares[1] < shares[2] == 1


def test_float32_and_single_points() -> None:
    for solid in [*EXACT.values(), solids.gyroid()]:
        assert solid(torch.zeros(3)).shape == (1,) and solid(torch.zeros(2, 5, 3)).shape == (2, 5, 1)
        assert solid(torch.zeros(3)).dtype == torch.float32


@pytest.mark.parametrize(("make", "text"), [
    (lambda: solids.sphere(-1), "radius is positive and finite, got -1"),
    (lambda: solids.torus(0.2, 0.3), "minor < major, got 0.3 and 0.2"),
    (lambda: solids.box((1, 0, 1)), r"half\[1\] is positive"),
    (lambda: solids.box((1, 1)), r"half is three finite numbers, got \(1, 1\)"),
    (lambda: solids.capsule((0, 0, 0), (0, 0, 0), 1), "a length"),
    (lambda: solids.sphere(1, (0, math.nan, 0)), "centre is three finite numbers"),
    (lambda: solids.rotated(solids.sphere(), (0, 0, 0), 5), "an axis has a length"),
    (solids.union, "got none"),
])  # fmt: skip
def test_refusals(make, text) -> None:
    with pytest.raises(InputError, match=text):
        make()
