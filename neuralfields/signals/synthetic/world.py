"""A small ray tracer: exact depths and normals, Lambert's and Blinn and Phong's light, hard shadows.

Blinn, Models of light reflection for computer synthesized pictures, SIGGRAPH 1977.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields.checks import between
from neuralfields.geometry import Camera, Rays
from neuralfields.geometry.cameras import Vector
from neuralfields.render import View
from neuralfields.signals.synthetic.convex import Convex, dot

Paint = Callable[[Tensor], Tensor]  # points [n, 3] to colours [n, 3], display-referred, in [0, 1]
_LEAST = 1e-7  # depth at which rays begin, so that they do not meet what they start from
_PIXELS = 1 << 14  # traced together
_LIGHT = (0.42, -0.53, 0.74)  # direction to the sun
_SUN, _SKY, _TILT = 0.62, 0.38, 0.12  # shares of the light: the sun's, the sky's, and how the latter grows upwards


@dataclass(frozen=True)
class Thing:
    """A convex solid without some others, and its material.

    Attributes:
        solid: what there is of it.
        paint: its colour at each point.
        without: what is taken away; what is painted then is the hollow's wall.
        gloss: of the highlight of the sun, 0 for a matt surface.
        lit: False for what has its colour whatever the light, and casts no shadow.
    """

    solid: Convex
    paint: Paint
    without: tuple[Convex, ...] = ()
    gloss: float = 0.0
    lit: bool = True

    def meet(self, rays: Rays) -> tuple[Tensor, Tensor]:
        """The depths [n] at which rays meet it first, infinite for a miss, and the number [n] of the surface they meet:
        0 is the solid's, others count what it is without."""
        enter, leave = self.solid.span(rays)
        depth, surface = enter.clamp(min=_LEAST), torch.zeros(len(rays), dtype=torch.int64)
        hollows = [hollow.span(rays) for hollow in self.without]
        for _ in hollows:  # one may lead into another
            for number, (begin, end) in enumerate(hollows, 1):
                inside = (begin <= depth) & (depth < end)
                depth, surface = torch.where(inside, end, depth), torch.where(inside, number, surface)
        return torch.where(depth < leave, depth, math.inf), surface

    def normal(self, point: Tensor, surface: Tensor) -> Tensor:
        """Unit normals [n, 3], pointing outwards, at points [n, 3] of its surfaces [n]."""
        found = self.solid.normal(point)
        for number, hollow in enumerate(self.without, 1):
            found = torch.where((surface == number)[:, None], -hollow.normal(point), found)
        return found


@dataclass(frozen=True)
class World:
    """Things, and where photos of them are taken from: all around, at one distance. z is up.

    Attributes:
        things: what is in it.
        masked: whether there is nothing behind them, so that photos have an alpha channel.
        distance: of the cameras from what they look at.
        target: what they look at.
        elevations: degrees above the horizon, of the lowest and the highest camera.
        fov: degrees.
    """

    things: tuple[Thing, ...]
    masked: bool
    distance: float
    target: Vector
    elevations: tuple[float, float]
    fov: float

    def cameras(self, count: int, *, size: tuple[int, int] = (100, 100), first: float = 0.0) -> list[Camera]:
        """Cameras spread evenly by the golden angle; ``first`` (a share of it) tells them from other such lists."""
        low, high = (math.sin(math.radians(elevation)) for elevation in self.elevations)
        golden = 180 * (3 - math.sqrt(5))
        heights = [math.degrees(math.asin(low + (high - low) * (k + 0.5) / count)) for k in range(count)]
        aim = {"target": self.target, "up": "z", "fov": self.fov, "size": size}
        return [
            Camera.orbit(golden * (k + first) % 360, height, self.distance, **aim) for k, height in enumerate(heights)
        ]


@torch.no_grad()
def trace(world: World, camera: Camera, *, samples: int = 3) -> View:
    """What a camera sees of a world: the same bits each time.

    Args:
        world: what is seen.
        camera: not inside of a thing.
        samples: rays per pixel along x and along y, 1 to 16; colours and opacity are their mean, in display values.

    Returns:
        The view in float64. Depth and normals are of the ray through each pixel's centre, exact to about 1e-12.

    Raises:
        InputError: samples are out of range.
    """
    between(1, 16, samples=samples)
    centres = camera.centres(torch.arange(camera.pixels))
    parts = [_traced(world, camera, part, samples) for part in centres.split(_PIXELS)]
    colour, opacity, depth, normals = (torch.cat(column) for column in zip(*parts, strict=True))
    height, width = camera.size[::-1]
    return View(
        colour.view(height, width, 3), opacity.view(height, width), depth.view(height, width),
        normals.view(height, width, 3),
    )  # fmt: skip


def _traced(world: World, camera: Camera, pixels: Tensor, samples: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Colour [n, 3], opacity, depth [n] and normals [n, 3] at pixel coordinates [n, 2]."""
    _, depth, normals, _ = _seen(world, camera.rays(pixels, dtype=torch.float64))
    steps = [(2 * k + 1 - samples) / (2 * samples) for k in range(samples)]
    colour, count = torch.zeros_like(normals), torch.zeros_like(depth)
    for shift in torch.cartesian_prod(*[torch.tensor(steps, dtype=torch.float64)] * 2).view(-1, 2):
        rays = camera.rays(pixels + shift, dtype=torch.float64)
        which, far, normal, point = _seen(world, rays)
        colour += _lit(world, rays, which, normal, point)
        count += far > 0
    return colour / samples**2, count / samples**2, depth, normals


def _seen(world: World, rays: Rays) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Which thing rays meet [n], -1 for none; depth [n], normals [n, 3] and points [n, 3] there, all 0 for none."""
    depth = torch.full_like(rays.origin[:, 0], math.inf)
    which, surface = torch.full((2, len(rays)), -1)
    for number, thing in enumerate(world.things):
        found, part = thing.meet(rays)
        nearer = found < depth
        depth, surface = torch.where(nearer, found, depth), torch.where(nearer, part, surface)
        which = torch.where(nearer, number, which)
    depth = torch.where(which < 0, 0, depth)
    point, normals = torch.where(which[:, None] < 0, 0, rays.at(depth)), torch.zeros_like(rays.origin)
    for index, thing in _by_thing(world, which):
        normals[index] = thing.normal(point[index], surface[index])
    return which, depth, normals, point


def _lit(world: World, rays: Rays, which: Tensor, normals: Tensor, point: Tensor) -> Tensor:
    """The colours [n, 3] of what rays meet, 0 for nothing."""
    colour = torch.zeros_like(point)
    light = torch.nn.functional.normalize(point.new_tensor(_LIGHT), dim=0)
    facing = dot(normals, light).clamp(min=0)
    sun = torch.where(_shadowed(world.things, point, light, facing > 0), 0, facing)
    for index, thing in _by_thing(world, which):
        colour[index] = thing.paint(point[index])
        if thing.lit:
            shade = _SKY + _TILT * normals[index, 2] + _SUN * sun[index]
            half = torch.nn.functional.normalize(light - rays.direction[index], dim=-1)
            gleam = dot(half, normals[index]).clamp(min=0)
            for _ in range(6):  # to the power of 64, exactly the same everywhere
                gleam = gleam * gleam
            gleam = torch.where(sun[index] > 0, thing.gloss * gleam, 0)
            colour[index] = (colour[index] * shade[:, None] + gleam[:, None]).clamp(0, 1)
    return colour


def _shadowed(things: Sequence[Thing], point: Tensor, light: Tensor, asked: Tensor) -> Tensor:
    """Whether something is between points [n, 3] and the light; False where it is not asked [n]."""
    index = asked.nonzero()[:, 0]
    rays = Rays(point[index], light.expand(len(index), 3))
    hidden = torch.zeros(len(index), dtype=torch.bool)
    for thing in things:
        if thing.lit:
            hidden |= thing.meet(rays)[0].isfinite()
    return torch.zeros_like(asked).index_copy_(0, index, hidden)


def _by_thing(world: World, which: Tensor) -> list[tuple[Tensor, Thing]]:
    """For each thing that is met: the rays that meet it."""
    found = [((which == number).nonzero()[:, 0], thing) for number, thing in enumerate(world.things)]
    return [(index, thing) for index, thing in found if len(index)]
