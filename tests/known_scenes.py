"""Scenes of which every ray's colour is known, and a few steps of a fit to them."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields import Field
from neuralfields.geometry import Rays
from neuralfields.protocols import RayBatch
from neuralfields.volume import losses

RADIUS = 0.5  # of the ball around the origin
HORIZON = 20.0  # radius of the sphere around everything


def ball(n: int, *, seed: int = 0) -> RayBatch:
    """A ball that has the colours of its normals, alone in the world, seen from a distance of 2.5."""
    rays = _towards_the_middle(n, 2.5, 0.7, seed)
    depth, hit = _met(rays, RADIUS)
    colour = (rays.at(depth) / RADIUS + 1) / 2
    return _batch(rays, torch.cat([colour * hit[:, None], hit[:, None].float()], -1))


def surroundings(n: int, *, seed: int = 0) -> RayBatch:
    """The ball seen from a distance of 0.8, within a far sphere that is bright above and dark below."""
    rays = _towards_the_middle(n, 0.8, 1.0, seed)
    depth, hit = _met(rays, RADIUS)
    far = rays.at(_leaving(rays, HORIZON)) / HORIZON
    sky = torch.cat([(far[:, 1:2] > 0).float(), far[:, :1].abs(), 0.2 + 0 * far[:, :1]], -1)
    colour = torch.where(hit[:, None], (rays.at(depth) / RADIUS + 1) / 2, sky)
    return _batch(rays, torch.cat([colour, torch.ones(n, 1)], -1))


def losses_of_a_fit(
    field: Field, scene: Callable[..., RayBatch], *, steps: int, rays: int = 128, lr: float = 5e-3
) -> list[float]:
    """The squared errors of the last pass's colours, step after step, while all passes are trained."""
    optimizer = torch.optim.Adam(field.parameters(), lr, eps=1e-12)
    found = []
    for step in range(steps):
        field.advance(step / steps)
        batch = scene(rays, seed=step)
        seen = field.render(along(batch), seed=step)  # type: ignore[operator]
        background = torch.rand(rays, 3, generator=torch.Generator().manual_seed(step))
        target = batch.y[:, :3] * batch.y[:, 3:] + background * (1 - batch.y[:, 3:])
        errors = [(one.over(background) - target).square().mean() for one in losses.passes(seen)]
        optimizer.zero_grad()
        (torch.stack(errors).sum() + losses.proposals(seen)).backward()
        optimizer.step()
        found.append(float(errors[0].detach()))
    return found


def along(batch: RayBatch) -> Rays:
    return Rays(batch.x[:, :3], batch.x[:, 3:])


def _batch(rays: Rays, y: Tensor) -> RayBatch:
    return RayBatch(torch.cat([rays.origin, rays.direction], -1), y)


def _towards_the_middle(n: int, distance: float, spread: float, seed: int) -> Rays:
    generator = torch.Generator().manual_seed(seed)
    origin = F.normalize(torch.randn(n, 3, generator=generator), dim=-1) * distance
    goal = (torch.rand(n, 3, generator=generator) * 2 - 1) * spread
    return Rays(origin, F.normalize(goal - origin, dim=-1))


def _met(rays: Rays, radius: float) -> tuple[Tensor, Tensor]:
    """Depths where rays from outside meet a ball around the origin, and whether they do."""
    ahead = -(rays.origin * rays.direction).sum(-1)
    beside = radius**2 - rays.at(ahead).square().sum(-1)
    return ahead - beside.clamp(min=0).sqrt(), (beside > 0) & (ahead > 0)


def _leaving(rays: Rays, radius: float) -> Tensor:
    ahead = -(rays.origin * rays.direction).sum(-1)
    return ahead + (radius**2 - rays.at(ahead).square().sum(-1)).sqrt()
