"""Two radiance fields, one of the unit ball and one of all that is outside."""

import math
from typing import Any

import pytest
import torch
from known_scenes import HORIZON, along, losses_of_a_fit, surroundings
from torch import Tensor

from neuralfields import Chain, Field
from neuralfields.encodings import PositionalEncoding
from neuralfields.errors import InputError
from neuralfields.fields import InvertedSphere, Radiance
from neuralfields.fields.inverted_sphere import _outer_pass
from neuralfields.geometry import Rays, sphere_exit
from neuralfields.networks import MLP
from neuralfields.volume import Span


def radiance(coordinates: int) -> Radiance:
    encoding = PositionalEncoding(coordinates, octaves=4)
    trunk = Chain(encoding, MLP(encoding.out_dim, 9, width=32, depth=2))
    return Radiance(trunk, MLP(8, 3, width=16, depth=1), activation="abs")


def two(passes: int = 2, **kwargs: Any) -> InvertedSphere:
    torch.manual_seed(0)
    inside, outside = ([radiance(n) for _ in range(passes)] for n in (3, 4))
    return InvertedSphere(inside, outside, **({"samples": (16, 16)} | kwargs))


class Shells(Field):
    """A density from one inverse radius to another, in a colour that tells the direction; 3 or 4 coordinates."""

    def __init__(self, coordinates: int, low: float, high: float, value: float):
        super().__init__()
        self.in_dim, self.out_dim = coordinates + 3, 4
        self.low, self.high, self.value = low, high, value

    def density(self, x: Tensor) -> Tensor:
        inverse = x[..., 3] if self.in_dim == 7 else 1 / x.norm(dim=-1)
        return self.value * ((inverse > self.low) & (inverse < self.high)).to(x)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.density(x[..., :-3])[..., None], (x[..., :3] + 1) / 2], -1)


def test_a_far_shell_seen_through_thin_fog() -> None:
    """Fog in the ball and something opaque from radius 2.5 on: what is seen is known, at its distance."""
    fog, shell = Shells(3, 0, 1e9, 0.5), Shells(4, 0.0, 0.4, 1e4)
    field = InvertedSphere([fog, fog], [shell, shell], samples=(50, 50))
    rays = along(surroundings(50))
    seen = field.render(rays)
    through = torch.exp(-0.5 * sphere_exit(rays))
    torch.testing.assert_close(seen.opacity, torch.ones(50))
    inside = seen.intervals.end <= sphere_exit(rays)[seen.intervals.ray] + 1e-4
    weights = torch.zeros(50).index_add(0, seen.intervals.ray, seen.weights * ~inside)
    torch.testing.assert_close(weights, through, rtol=1e-4, atol=1e-5)
    clear = InvertedSphere([Shells(3, 0, 1, 0.0)] * 2, [shell, shell], samples=(50, 50)).render(rays)
    places = rays.at(clear.depth)
    torch.testing.assert_close(places.norm(dim=-1), torch.full((50,), 2.5), rtol=0, atol=0.15)
    torch.testing.assert_close(clear.colour, (places / places.norm(dim=-1, keepdim=True) + 1) / 2, rtol=0, atol=0.03)


def test_intervals_go_on_to_infinity() -> None:
    seen = two().render(along(surroundings(4)), seed=1)
    intervals = seen.intervals
    assert intervals.count.tolist() == [64] * 4 and seen.earlier[0].intervals.count.tolist() == [32] * 4
    start, end = intervals.rows(intervals.start), intervals.rows(intervals.end)
    torch.testing.assert_close(start[:, 1:], end[:, :-1], rtol=1e-4, atol=1e-5)
    assert bool((end[:, -1] == math.inf).all()) and bool((start[:, 0] == 0).all())
    assert intervals.s is not None
    s = intervals.rows(intervals.s)
    assert bool((s.flatten(1).diff() >= 0).all()) and float(s.min()) == 0 and float(s.max()) == 1
    torch.testing.assert_close(seen.weights.view(4, -1).sum(-1), torch.ones(4))


def test_a_last_interval_without_width() -> None:
    """Samples are rounded to the very end now and then: gradients stay finite."""
    edges = torch.tensor([[0.0, 0.5, 1.0, 1.0]])
    intervals = Span(torch.zeros(1), torch.ones(1)).intervals(edges)
    field, rays = radiance(4), along(surroundings(1))
    seen = _outer_pass(field, rays, intervals, True)
    (seen.colour.sum() + seen.depth.sum()).backward()
    assert bool(seen.intervals.start.isfinite().all()) and bool(seen.depth.isfinite().all())
    assert all(bool(p.grad.isfinite().all()) for p in field.parameters() if p.grad is not None)


def test_rays_may_end_in_nothing() -> None:
    fog, shell = Shells(3, 0, 1e9, 0.5), Shells(4, 0.1, 0.4, 2.0)
    rays = along(surroundings(20))
    seen = InvertedSphere([fog], [shell], samples=(400,), opaque=False).render(rays)
    wanted = 1 - torch.exp(-0.5 * sphere_exit(rays) - 2.0 * 0.3)
    torch.testing.assert_close(seen.opacity, wanted, rtol=0, atol=3e-3)


def test_what_is_infinitely_far_has_no_parallax() -> None:
    horizon = Shells(4, -1.0, 1e-9, 0.0)
    field = InvertedSphere([Shells(3, 0, 1, 0.0)], [horizon], samples=(8,))
    direction = torch.tensor([[0.6, 0.0, 0.8]] * 2)
    seen = field.render(Rays(torch.tensor([[0.0, 0, 0], [0.1, -0.2, 0.3]]), direction))
    # The last of the eight intervals is opaque and sampled at the inverse radius of a sixteenth.
    torch.testing.assert_close(seen.colour[0], (direction[0] + 1) / 2)
    assert float((seen.colour[1] - seen.colour[0]).abs().max()) < 0.5 * 0.38 / 16


def test_it_learns_a_far_world() -> None:
    field = two()
    found = losses_of_a_fit(field, surroundings, steps=80)
    assert sum(found[-5:]) < 0.5 * sum(found[:5])


def test_as_a_function_it_has_both_parts() -> None:
    field = two()
    x = torch.cat([torch.tensor([[0.1, 0.2, 0.3], [0, 0, 1.0], [3, 0, 4], [0, 0, 0]]), torch.eye(4, 3)], -1)
    found = field(x)
    assert torch.equal(found[[0, 1, 3]], field.inside[-1](x[[0, 1, 3]]))
    outer = field.outside[-1](torch.cat([torch.tensor([[0.6, 0, 0.8, 0.2]]), x[2:3, 3:]], -1))
    torch.testing.assert_close(found[2], torch.cat([outer[0, :1] / 25, outer[0, 1:]]))
    torch.testing.assert_close(field.density(x[:, :3]), found[:, 0])
    assert torch.equal(field.levels(x)[1], found) and len(field.levels(x)) == 2


def test_another_radius_is_the_same_scene_in_other_units() -> None:
    one, three = two(), two(radius=3.0)
    rays = along(surroundings(10))
    seen, larger = one.render(rays), three.render(Rays(rays.origin * 3, rays.direction))
    torch.testing.assert_close(larger.colour, seen.colour)
    torch.testing.assert_close(larger.depth, seen.depth * 3)
    torch.testing.assert_close(larger.intervals.start, seen.intervals.start * 3, rtol=1e-4, atol=1e-5)
    x = torch.tensor([[0.1, 0.2, 0.3, 0, 0, 1], [3, 0, 4, 0, 1, 0]])
    wider = torch.cat([x[:, :3] * 3, x[:, 3:]], -1)
    torch.testing.assert_close(three(wider), one(x) * torch.tensor([1 / 3, 1, 1, 1]))
    torch.testing.assert_close(three.density(wider[:, :3]), one.density(x[:, :3]) / 3)


def test_eyes_outside_the_sphere() -> None:
    rays = Rays(torch.tensor([[0.0, 0, HORIZON]]), torch.tensor([[0.0, 0, -1]]))
    with pytest.raises(InputError, match="start inside the unit sphere, got one at a radius of 20"):
        two().render(rays)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"samples": (16,)}, r"each of the 2 passes.*got \[16\]"),
        ({"samples": (16, 1)}, "between 2 and 4096"),
        ({"near": 1.0}, r"near is in \[0, 1\), got 1.0"),
        ({"radius": 0.0}, "radius is positive"),
    ],
)
def test_settings_that_cannot_be(change: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        two(**change)


def test_fields_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="one outside, got 2 and 1"):
        InvertedSphere([radiance(3)] * 2, [radiance(4)])
    with pytest.raises(InputError, match="a field outside takes 7 values"):
        InvertedSphere([radiance(3)], [radiance(3)], samples=(8,))
    with pytest.raises(InputError, match=r"a field inside takes 6 values.*MLP takes 6 and gives 4"):
        InvertedSphere([MLP(6, 4)], [radiance(4)], samples=(8,))
