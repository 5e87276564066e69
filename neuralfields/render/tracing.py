"""Where rays meet a surface.

Hart, Sphere tracing: a geometric method for the antialiased ray tracing of implicit surfaces, The Visual Computer 1996.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from neuralfields.checks import between, positive
from neuralfields.geometry import Rays, box_interval
from neuralfields.render.surface import Surface

_REFINEMENTS = 10
_PRECISION = 1e-6  # of depths, in box units


@dataclass(frozen=True, eq=False)
class Hits:
    """What rays meet first.

    Attributes:
        hit: whether they meet the surface, [n] bool.
        depth: distance along the ray [n]; inf for a miss.
        point: [n, 3]; NaN for a miss.
    """

    hit: Tensor
    depth: Tensor
    point: Tensor


class _March(NamedTuple):
    """Rays under way."""

    ray: Tensor  # its number
    far: Tensor
    depth: Tensor
    value: Tensor  # of the level function at this depth
    inside: Tensor  # whether it began in the shape

    def of(self, which: Tensor) -> "_March":
        return _March(*(part[which] for part in self))


class _Bracket(NamedTuple):
    """Rays between two depths where the level function has different signs."""

    ray: Tensor
    low: Tensor
    high: Tensor
    at_low: Tensor
    at_high: Tensor

    def of(self, which: Tensor) -> "_Bracket":
        return _Bracket(*(part[which] for part in self))


@torch.no_grad()
def sphere_trace(
    surface: Surface, rays: Rays, *, steps: int = 512, step: float = 0.9, least: float = 1e-3, stride: float = 1e-2
) -> Hits:
    """The first crossing of the surface along each ray within the box [-1, 1]^3.

    Distances are stepped by ``step`` times their value, but never less than ``least``; occupancies have no distance and
    are stepped by ``stride``. Where the sign changes between two steps the crossing is found by the Illinois method, to
    about 1e-6. Only rays that are still under way are evaluated.

    A ray that starts inside the shape meets its wall from within. Where the shape goes beyond the box it is cut by it,
    and rays that enter the box there meet it at the box. A NaN of the field, and a ray whose steps are used up, is a
    miss.

    Args:
        surface: the level function.
        rays: in the dtype and on the device of the field.
        steps: at most, per ray; 1 to 100000.
        step: share of a distance, above 0. A field that is L times steeper than a distance wants 1 / L.
        least: shortest step in box units; a part thinner than this may be missed.
        stride: step of an occupancy in box units, longer where ``steps`` would not reach through the box.

    Raises:
        InputError: an argument is out of its range.
    """
    between(1, 100_000, steps=steps)
    positive(step=step, least=least, stride=stride)
    depth = torch.full_like(rays.origin[:, 0], math.inf)
    if len(rays):
        stride = max(stride, 2 * math.sqrt(3) / steps)
        bracket = _march(surface, rays, depth, steps, (step, least) if surface.metric else (0.0, stride))
        depth[bracket.ray] = _refined(surface, rays, bracket)
    hit = depth.isfinite()
    depth[~hit] = math.inf
    return Hits(hit, depth, torch.where(hit[:, None], rays.at(depth), math.nan))


def _march(surface: Surface, rays: Rays, depth: Tensor, steps: int, pace: tuple[float, float]) -> _Bracket:
    """Step all rays until the sign changes; those that meet the shape where they enter the box get their depth."""
    near, far = box_interval(rays)
    ray = (near < far).nonzero()[:, 0]
    value = surface.values(rays[ray].at(near[ray]))
    march = _March(ray, far[ray], near[ray], value, value < 0)
    cut = march.inside & (march.depth > 0)
    depth[ray[cut]] = near[ray[cut]]
    going = ~cut & ~value.isnan()
    found = [_Bracket(ray, near[ray], far[ray], value, value).of(ray[:0])]
    for _ in range(steps):
        march = march.of(going)
        if not len(march.ray):
            break
        there = torch.minimum(march.depth + (pace[0] * march.value.abs()).clamp(min=pace[1]), march.far)
        ahead = surface.values(rays[march.ray].at(there))
        crossed = torch.where(march.inside, ahead > 0, ahead <= 0)
        found.append(_Bracket(march.ray, march.depth, there, march.value, ahead).of(crossed))
        going = ~crossed & ~ahead.isnan() & (there < march.far)
        march = march._replace(depth=there, value=ahead)
    return _Bracket(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def _refined(surface: Surface, rays: Rays, bracket: _Bracket) -> Tensor:
    """The depths of the crossings, by regula falsi in which an end that stays loses half its weight (Illinois)."""
    depth = torch.where(bracket.at_high == 0, bracket.high, bracket.low)
    todo = (bracket.at_high != 0).nonzero()[:, 0]
    bracket = bracket.of(todo)
    enough = _PRECISION * (bracket.at_high - bracket.at_low).abs() / (bracket.high - bracket.low)
    moved = torch.zeros_like(enough)  # which end the last step has moved: -1 the lower, 1 the upper
    for _ in range(_REFINEMENTS):
        if not len(todo):
            break
        ray, low, high, at_low, at_high = bracket
        middle = low + (high - low) * at_low / (at_low - at_high)
        value = surface.values(rays[ray].at(middle))
        depth[todo] = torch.where(value.isnan(), math.nan, middle)
        before = (value > 0) == (at_low > 0)
        bracket = _Bracket(
            ray,
            torch.where(before, middle, low),
            torch.where(before, high, middle),
            torch.where(before, value, torch.where(moved > 0, at_low / 2, at_low)),
            torch.where(before, torch.where(moved < 0, at_high / 2, at_high), value),
        )
        moved = torch.where(before, -1.0, 1.0).to(value)
        going = value.abs() > enough
        todo, bracket, moved, enough = todo[going], bracket.of(going), moved[going], enough[going]
    return depth
