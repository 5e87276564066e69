"""Sphere tracing against closed forms."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Rays, solids
from neuralfields.render import Surface, sphere_trace

RADIUS, EYE = 0.6, 3.0


def rays(size: int = 40, *, dtype: torch.dtype = torch.float32) -> Rays:
    camera = Camera.look_at((0.0, 0.0, EYE), fov=40.0, size=(size, size))
    return camera.rays(camera.centres(torch.arange(size * size)), dtype=dtype)


def truth(given: Rays) -> tuple[Tensor, Tensor]:
    """Whether rays meet the ball, and the depth at which."""
    origin, direction = given.origin.double(), given.direction.double()
    b = (origin * direction).sum(-1)
    root = b.square() - origin.square().sum(-1) + RADIUS**2
    return root > 0, -b - root.clamp(min=0).sqrt()


def scaled(by: float) -> Callable[[Tensor], Tensor]:
    return lambda x: by * (x.norm(dim=-1, keepdim=True) - RADIUS)


@pytest.mark.parametrize(
    ("field", "form"),
    [(scaled(1), "sdf"), (scaled(0.5), "sdf"), (scaled(2), "sdf"), (scaled(-30), "occupancy")],
    ids=["exact", "flat", "steep", "occupancy"],
)
def test_a_ball(field: Callable[[Tensor], Tensor], form: str) -> None:
    given = rays()
    hits, (hit, depth) = sphere_trace(Surface(field, form), given, step=0.45), truth(given)
    clear = (truth(given)[0]) == (hits.hit)
    assert clear.float().mean() > 0.999  # a ray that grazes it may go either way
    both = hit & hits.hit
    assert (hits.depth.double() - depth)[both].abs().max() < 1e-5
    assert (hits.point[both].norm(dim=-1) - RADIUS).abs().max() < 1e-5
    assert hits.depth[~hits.hit].isinf().all() and hits.point[~hits.hit].isnan().all()


def test_a_shell_of_an_unsigned_distance() -> None:
    given = rays()
    hits = sphere_trace(Surface(lambda x: scaled(1)(x).abs(), "udf", shell=0.01), given)
    assert (hits.point[hits.hit].norm(dim=-1) - RADIUS - 0.01).abs().max() < 1e-5


def test_a_torus_is_seen_through() -> None:
    surface = Surface(solids.torus(0.5, 0.2))  # around z, along which the camera looks
    middle = Rays(torch.tensor([[0.0, 0, 3], [0.5, 0, 3]]), torch.tensor([[0.0, 0, -1], [0, 0, -1]]))
    hits = sphere_trace(surface, middle)
    assert hits.hit.tolist() == [False, True]
    assert float(hits.depth[1]) == pytest.approx(3 - 0.2, abs=1e-5)


def test_from_within_and_away() -> None:
    origin = torch.tensor([[0.0, 0, 0], [0, 0, 0.8], [0, 0, 0.8], [0, 0, 5.0]])
    direction = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, 0, -1], [0, 0, 1]])
    hits = sphere_trace(Surface(scaled(1)), Rays(origin, direction))
    assert hits.hit.tolist() == [True, False, True, False]
    assert hits.depth[[0, 2]].tolist() == pytest.approx([RADIUS, 0.2], abs=1e-5)


def test_rays_do_not_know_of_each_other() -> None:
    given, surface = rays(12), Surface(solids.torus(0.5, 0.2))
    whole = sphere_trace(surface, given)
    for number in range(0, 144, 7):
        one = sphere_trace(surface, given[number : number + 1])
        assert torch.equal(one.depth, whole.depth[number : number + 1])


def test_float64_and_no_rays() -> None:
    given = rays(10, dtype=torch.float64)
    hits, (hit, depth) = sphere_trace(Surface(scaled(1)), given), truth(given)
    assert hits.depth.dtype == torch.float64
    assert (hits.depth - depth)[hit & hits.hit].abs().max() < 1e-5
    assert len(sphere_trace(Surface(scaled(1)), given[:0]).depth) == 0


def test_what_is_cut_by_the_box_is_met_there() -> None:
    everywhere = sphere_trace(Surface(lambda x: -torch.ones_like(x[:, :1])), rays(4))
    assert everywhere.hit.any()
    assert (everywhere.point[everywhere.hit].abs().amax(-1) - 1).abs().max() < 1e-6


def test_nan_is_a_miss_and_the_rest_goes_on() -> None:
    def field(x: Tensor) -> Tensor:
        return torch.where(x[:, :1] > 0, torch.nan, scaled(1)(x))

    given = rays()
    hits = sphere_trace(Surface(field), given)
    left = given.direction[:, 0] < -0.02
    assert not hits.hit[given.direction[:, 0] > 0.02].any()
    assert (hits.hit == truth(given)[0])[left].float().mean() > 0.99


def test_steps_are_bounded() -> None:
    calls = 0

    def field(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return torch.full_like(x[:, :1], 1e-9)

    assert not sphere_trace(Surface(field), rays(4), steps=20, least=1e-6).hit.any()
    assert calls <= 22
    with pytest.raises(InputError, match="steps"):
        sphere_trace(Surface(field), rays(4), steps=0)
    with pytest.raises(InputError, match="step"):
        sphere_trace(Surface(field), rays(4), step=0.0)
