"""A coloured ball before cameras, as pictures, as files and as fields; small, and all facts of it are known."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from neuralfields.field import Field
from neuralfields.files.images import write_image
from neuralfields.files.posed import PosedPhoto, write_scene
from neuralfields.geometry import Camera, Frame, Rays, box_interval
from neuralfields.volume import Rendered, Span, render, stratified

CENTRE, RADIUS = (0.3, -0.2, 0.1), 0.5


def around(
    count: int = 10, *, size: tuple[int, int] = (16, 16), distance: float = 3.0, target: Sequence[float] = CENTRE
) -> list[Camera]:
    """Cameras on a sphere around the ball, evenly (a Fibonacci lattice), all looking at its middle."""
    found = []
    for k in range(count):
        z, turn = 1 - (2 * k + 1) / count, k * math.pi * (3 - math.sqrt(5))
        level = math.sqrt(1 - z * z)
        way = level * math.cos(turn), level * math.sin(turn), z
        x, y, z = (a + distance * b for a, b in zip(target, way, strict=True))
        found.append(Camera.look_at((x, y, z), tuple(target), (0.1, 0.2, 1), fov=45, size=size))  # type: ignore[arg-type]
    return found


def photo(camera: Camera, *, alpha: bool = True) -> np.ndarray:
    """The ball as the pixels' centres see it, [height, width, 4] uint8; [..., 3] before a pattern without alpha."""
    rays = camera.rays(camera.centres(torch.arange(camera.pixels)), dtype=torch.float64)
    hit, normal = ball_hit(rays)
    colour = (normal + 1) / 2
    if not alpha:
        colour = torch.where(hit[:, None], colour, (rays.direction * 0.4 + 0.5))
    values = torch.cat([colour, hit[:, None].double()], -1)[:, : 4 if alpha else 3]
    return (values * 255).round().byte().view(*camera.size[::-1], -1).numpy()


def ball_hit(rays: Rays) -> tuple[Tensor, Tensor]:
    """Which rays [n] meet the ball, and the normals [n, 3] there; those of rays that miss are of no meaning."""
    towards = torch.tensor(CENTRE, dtype=torch.float64) - rays.origin
    along = (towards * rays.direction).sum(-1)
    inside = RADIUS**2 - towards.square().sum(-1) + along**2
    place = rays.at(along - inside.clamp(min=0).sqrt())
    return inside > 0, nn.functional.normalize(place - torch.tensor(CENTRE, dtype=torch.float64), dim=-1)


def write(
    folder: Path,
    trained: int = 8,
    held: int = 2,
    *,
    size: tuple[int, int] = (16, 16),
    alpha: bool = True,
    format: str = "blender",
) -> Path:
    """The ball as a scene in a folder that is made for it; held-out pictures stand in the files of Blender scenes."""
    (folder / "images").mkdir(parents=True)
    photos = []
    for k, camera in enumerate(around(trained + held, size=size)):
        path = folder / "images" / f"{k:03d}.png"
        write_image(path, photo(camera, alpha=alpha))
        of = PosedPhoto(path, camera.pose.numpy(), camera.focal, camera.centre, camera.size)
        photos.append(replace(of, split="test" if k >= trained else "train") if format == "blender" else of)
    write_scene(folder, photos, format)
    return folder


class BallField(Field):
    """The ball, dense and opaque, in the box of a frame."""

    def __init__(self, frame: Frame, centre: Sequence[float] = CENTRE):
        super().__init__()
        self.in_dim, self.out_dim = 6, 4
        self.frame = frame
        self.register_buffer("centre", torch.tensor(centre))

    def forward(self, x: Tensor) -> Tensor:
        assert self.frame is not None
        away = self.frame.to_world(x[..., :3]) - self.get_buffer("centre")
        density = 1000.0 * (away.norm(dim=-1, keepdim=True) < RADIUS)
        return torch.cat([density, (nn.functional.normalize(away, dim=-1) + 1) / 2], -1)

    def render(self, rays: Rays) -> Rendered:
        return seen(self, rays, 128)


class TinyField(Field):
    """A radiance field that can be fitted in a few steps, though not well."""

    def __init__(self, in_dim: int, out_dim: int):
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 4))

    def forward(self, x: Tensor) -> Tensor:
        values = self.net(x[..., :3])
        return torch.cat([nn.functional.softplus(values[..., :1]), values[..., 1:].sigmoid()], -1)

    def render(self, rays: Rays, *, seed: int | None = None) -> Rendered:
        return seen(self, rays, 16)


def seen(field: Field, rays: Rays, samples: int) -> Rendered:
    """Along rays through the box."""
    intervals = stratified(Span(*box_interval(rays)), samples)
    values = field(intervals.samples(rays))
    return render(intervals, values[:, 0], values[:, 1:])
