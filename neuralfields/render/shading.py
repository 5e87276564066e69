"""Pictures of surfaces: traced, lit, smoothed at edges."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from neuralfields.checks import between, one_of
from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Rays
from neuralfields.render.framing import framed
from neuralfields.render.imaging import displayed, nearness, over_grey
from neuralfields.render.surface import Surface
from neuralfields.render.tracing import sphere_trace

Mode = Literal["shaded", "normals", "depth", "silhouette"]
MODES: tuple[Mode, ...] = ("shaded", "normals", "depth", "silhouette")
Background = Literal["transparent", "white", "black"]
BACKGROUNDS: tuple[Background, ...] = ("transparent", "white", "black")
_MAX_PIXELS = 1 << 26
_RAYS = 1 << 17  # traced together
_PLASTIC = 0.5545497, 0.3080453  # steps of a sequence that spreads points evenly over the unit square


@dataclass(frozen=True)
class _Light:
    """A distant light; the direction to it is in the camera's coordinates (right, up, behind)."""

    direction: tuple[float, float, float]
    colour: tuple[float, float, float]
    wrap: float  # how far light reaches around the terminator, 0 to 1


_ALBEDO = (0.66, 0.63, 0.60)
_KEY = _Light((-0.55, 0.75, 0.55), (1.05, 1.0, 0.92), 0.15)
_FILL = _Light((0.8, 0.1, 0.5), (0.16, 0.19, 0.24), 0.5)
_SKY, _GROUND = (0.30, 0.32, 0.36), (0.15, 0.13, 0.12)
_RIM = (0.30, 0.32, 0.36)
_GLOSS, _SHARPNESS = 0.07, 28.0


def render_surface(
    surface: Surface,
    camera: Camera | None = None,
    *,
    mode: Mode = "shaded",
    background: Background = "transparent",
    samples: int = 8,
    depths: tuple[float, float] | None = None,
) -> np.ndarray:
    """A picture of a shape in the box [-1, 1]^3.

    "shaded" is a matt material under a key light from the upper left, a fill light and the sky, which all turn with the
    camera; hollows are darker where values are distances. "normals" shows unit normals as (n + 1) / 2, in the axes of
    the box, "depth" the distance from the camera, from 1 for the nearest point to 0.1 for the farthest, "silhouette" is
    white, and black where the background is white. Normals are the field's gradients.

    Args:
        surface: what to draw.
        camera: by default one that frames the shape, from the upper right.
        mode: one of MODES.
        background: one of BACKGROUNDS.
        samples: rays per pixel where neighbours differ, 1 to 64; others have one.
        depths: the distances that "depth" shows as 1 and as 0.1, where the picture's own are not to be taken.

    Returns:
        [height, width, 3] float32 in [0, 1], display-referred (sRGB). [height, width, 4] if the background is
        transparent, with straight alpha: the part that is covered.

    Raises:
        InputError: there is no such mode or background, or samples or pixels are too many.
    """
    one_of(MODES, mode=mode)
    one_of(BACKGROUNDS, background=background)
    between(1, 64, samples=samples)
    if camera is not None:
        check_pixels(camera.size)
    camera = framed(surface) if camera is None else camera
    seen = _looked(surface, camera, camera.centres(torch.arange(camera.pixels)), mode)
    colour, cover = seen.colour, seen.hit.to(seen.colour)
    if samples > 1:
        edge = _edges(seen, camera).nonzero()[:, 0]
        colour[edge], cover[edge] = _resampled(surface, camera, edge, mode, samples)
    if mode == "depth":
        colour = nearness(colour[:, 0], cover > 0, depths)
    if mode == "silhouette" and background == "white":
        colour = torch.zeros_like(colour)
    pixels = torch.cat([colour, cover[:, None]], 1).reshape(*camera.size[::-1], 4).float().cpu().numpy()
    picture = displayed(pixels, linear=mode == "shaded")
    return picture if background == "transparent" else over_grey(picture, float(background == "white"))


def check_pixels(size: tuple[int, int]) -> None:
    """Raise InputError where a picture of this (width, height) is too large to be rendered."""
    if size[0] * size[1] > _MAX_PIXELS:
        raise InputError(f"a rendered picture has at most {_MAX_PIXELS} pixels, got {size[0]}x{size[1]}")


@dataclass
class _Seen:
    """What rays see: whether there is something, how far [n], its normal towards the camera and colour, each [n, 3]."""

    hit: Tensor
    depth: Tensor
    normal: Tensor
    colour: Tensor


def _looked(surface: Surface, camera: Camera, pixels: Tensor, mode: Mode) -> _Seen:
    parts = [_traced(surface, camera, part, mode) for part in pixels.split(_RAYS)]
    return _Seen(*(torch.cat([getattr(part, name) for part in parts]) for name in ("hit", "depth", "normal", "colour")))


def _traced(surface: Surface, camera: Camera, pixels: Tensor, mode: Mode) -> _Seen:
    like = surface.like
    rays = camera.rays(pixels.to(like.device), dtype=like.dtype)
    hits = sphere_trace(surface, rays)
    normal, colour = torch.zeros_like(rays.origin), torch.zeros_like(rays.origin)
    met, point = rays[hits.hit], hits.point[hits.hit]
    outwards = _normals(surface, point)
    facing = torch.where((outwards * met.direction).sum(-1, keepdim=True) > 0, -outwards, outwards)
    normal[hits.hit] = facing
    if mode == "shaded":
        colour[hits.hit] = _lit(camera, met, facing, _openness(surface, point, facing))
    elif mode == "normals":
        colour[hits.hit] = (outwards + 1) / 2
    else:
        colour[hits.hit] = 1.0 if mode == "silhouette" else hits.depth[hits.hit, None]
    return _Seen(hits.hit, hits.depth, normal, colour)


def _normals(surface: Surface, point: Tensor) -> Tensor:
    """Unit normals outwards [n, 3]; those of the box where it cuts the shape."""
    _, gradient = surface.values_and_gradients(point)
    normal = torch.nn.functional.normalize(gradient, dim=-1)
    wall = point.abs() > 1 - 1e-6
    return torch.where(wall.any(-1, keepdim=True), torch.nn.functional.normalize(point * wall, dim=-1), normal)


def _openness(surface: Surface, point: Tensor, normal: Tensor) -> Tensor:
    """How much of the sky a point sees [n], 0 to 1, by the distances at a few places above it.

    Evans, Fast approximations for global illumination on dynamic scenes, SIGGRAPH courses 2006.
    """
    if not surface.metric:
        return torch.ones_like(point[:, 0])
    lack, most = torch.zeros_like(point[:, 0]), 0.0
    for k in range(5):
        height, weight = 0.012 * 1.9**k, 0.75**k
        lack += weight * (1 - surface.values(point + height * normal) / height).clamp(0, 1)
        most += weight
    return (1 - lack / most) ** 1.3


def _lit(camera: Camera, rays: Rays, normal: Tensor, openness: Tensor) -> Tensor:
    """Linear light [n, 3] from points seen along these rays, whose normals are towards the camera."""
    turn = camera.axes.to(normal)
    normal, view = normal @ turn.T, -rays.direction @ turn.T
    open_ = openness[:, None]

    def colour(rgb: tuple[float, float, float]) -> Tensor:
        return torch.tensor(rgb).to(normal)

    def towards(light: _Light) -> Tensor:
        return torch.nn.functional.normalize(colour(light.direction), dim=0)

    above = (1 + normal[:, 1:2]) / 2
    light = open_ * (above * colour(_SKY) + (1 - above) * colour(_GROUND))
    for lamp in (_KEY, _FILL):
        faced = (normal @ towards(lamp))[:, None]
        light = light + ((faced + lamp.wrap) / (1 + lamp.wrap)).clamp(min=0) * colour(lamp.colour) * (
            0.35 + 0.65 * open_
        )
    half = torch.nn.functional.normalize(view + towards(_KEY), dim=-1)
    gleam = (normal * half).sum(-1, keepdim=True).clamp(min=0) ** _SHARPNESS
    grazing = (1 - (normal * view).sum(-1, keepdim=True).clamp(0, 1)) ** 3.5
    rim = grazing * (0.4 + 0.6 * above) * open_
    return (light * colour(_ALBEDO) + gleam * _GLOSS * open_ + rim * colour(_RIM)).clamp(0, 1)


def _edges(seen: _Seen, camera: Camera) -> Tensor:
    """Pixels [n] that differ from a neighbour in what they hit, in depth or by more than 25 degrees in direction."""
    width, height = camera.size
    hit, depth = (part.reshape(height, width) for part in (seen.hit, seen.depth.nan_to_num(posinf=0)))
    normal = seen.normal.reshape(height, width, 3)
    edge = torch.zeros_like(hit)
    for axis, n in ((0, height), (1, width)):
        (hit_a, hit_b), (depth_a, depth_b), (normal_a, normal_b), (edge_a, edge_b) = (
            (part.narrow(axis, 0, n - 1), part.narrow(axis, 1, n - 1)) for part in (hit, depth, normal, edge)
        )
        leap = (depth_a - depth_b).abs() > 8 / min(camera.focal) * torch.minimum(depth_a, depth_b)
        differ = (hit_a != hit_b) | (hit_a & hit_b & (leap | ((normal_a * normal_b).sum(-1) < 0.9)))
        edge_a |= differ
        edge_b |= differ
    return edge.reshape(-1)


def _resampled(surface: Surface, camera: Camera, index: Tensor, mode: Mode, samples: int) -> tuple[Tensor, Tensor]:
    """The mean colour [n, 3] of what several rays through each of these pixels hit, and the share of them [n]."""
    k = torch.arange(1, samples + 1, dtype=torch.float64)
    shifts = torch.stack([(0.5 + k * step) % 1 - 0.5 for step in _PLASTIC], -1)
    colour, count = surface.like.new_zeros(len(index), 3), surface.like.new_zeros(len(index))
    for shift in shifts:
        seen = _looked(surface, camera, camera.centres(index) + shift, mode)
        colour, count = colour + seen.colour, count + seen.hit
    return colour / count.clamp(min=1)[:, None], count / samples
