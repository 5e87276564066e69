"""The outside of the unit sphere as direction and inverse radius."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.geometry import Rays, inverted_sphere, sphere_exit


def inside(n: int) -> Rays:
    generator = torch.Generator().manual_seed(1)
    origin, direction = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    radius = torch.rand(n, 1, generator=generator, dtype=torch.float64) * 0.99
    return Rays(F.normalize(origin, dim=-1) * radius, F.normalize(direction, dim=-1))


def turned(rays: Rays, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """As the paper has it: the point where the ray leaves the sphere, turned by Rodrigues' formula."""
    t = -(rays.origin * rays.direction).sum(-1)
    closest = rays.at(t).norm(dim=-1)
    leaving = rays.at(t + (1 - closest.square()).sqrt())
    axis = F.normalize(torch.linalg.cross(rays.origin, leaving), dim=-1)
    theta = (closest * inverse).asin()
    angle = (closest.asin() - theta)[:, None]
    point = leaving * angle.cos() + torch.linalg.cross(axis, leaving) * angle.sin()
    point = point + axis * (axis * leaving).sum(-1, keepdim=True) * (1 - angle.cos())
    return F.normalize(point, dim=-1), theta.cos() / inverse + t


def test_rays_leave_the_sphere_on_it() -> None:
    rays = inside(200)
    depth = sphere_exit(rays)
    assert bool((depth > 0).all())
    torch.testing.assert_close(rays.at(depth).norm(dim=-1), torch.ones(200, dtype=torch.float64))


def test_points_lie_on_their_rays() -> None:
    rays = inside(200)
    inverse = torch.rand(200, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 0.98 + 0.01
    points, depth = inverted_sphere(rays, inverse)
    torch.testing.assert_close(points[:, :3] / points[:, 3:], rays.at(depth), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(points[:, :3].norm(dim=-1), torch.ones(200, dtype=torch.float64))
    direction, distance = turned(rays, inverse)
    torch.testing.assert_close(points[:, :3], direction, rtol=0, atol=1e-7)
    torch.testing.assert_close(depth, distance)


def test_at_the_sphere_and_at_infinity() -> None:
    rays = inside(20)
    points, depth = inverted_sphere(rays, torch.ones(20, dtype=torch.float64))
    torch.testing.assert_close(depth, sphere_exit(rays))
    torch.testing.assert_close(points[:, :3], rays.at(depth))
    points, depth = inverted_sphere(rays, torch.zeros(20, dtype=torch.float64))
    assert torch.equal(points[:, :3], rays.direction) and bool((depth == math.inf).all())


def test_a_ray_through_the_centre() -> None:
    rays = Rays(torch.tensor([[0.0, 0, -0.5], [0, 0, 0]]), torch.tensor([[0.0, 0, 1], [0, 1, 0]]))
    points, depth = inverted_sphere(rays, torch.tensor([0.1, 0.5]))
    torch.testing.assert_close(points, torch.tensor([[0, 0, 1, 0.1], [0, 1, 0, 0.5]]))
    torch.testing.assert_close(depth, torch.tensor([10.5, 2]))


@pytest.mark.parametrize("radius", [1.0, 1.5, math.nan])
def test_origins_outside_are_refused(radius: float) -> None:
    rays = Rays(torch.tensor([[0.0, 0, 0], [radius, 0, 0]]), torch.tensor([[0.0, 0, 1]] * 2))
    for call in (lambda: sphere_exit(rays), lambda: inverted_sphere(rays, torch.ones(2))):
        with pytest.raises(InputError, match="inside the unit sphere, got one at a radius of"):
            call()
