"""What a camera sees of a radiance field: colours, depths, opacities, normals."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.checks import one_of, positive
from neuralfields.errors import InputError
from neuralfields.field import device_of
from neuralfields.geometry import Camera, Frame, Lens, Rays
from neuralfields.geometry.cameras import Pair
from neuralfields.render.imaging import nearness, over_grey
from neuralfields.render.shading import BACKGROUNDS, Background, check_pixels
from neuralfields.render.surface import SPAN, outward_slopes
from neuralfields.volume import Rendered, Seen

ViewMode = Literal["colour", "depth", "normals", "opacity"]
VIEW_MODES: tuple[ViewMode, ...] = ("colour", "depth", "normals", "opacity")
_BLOCK = 1 << 13  # rays rendered together: a network of width 256 takes a GiB and a half for them
_COUNTS = 0.03  # weight of a sample from which it has a part in a normal
_SPECKS = 0.01  # share of the pixels that may be nearer, and farther, than what is taken for nearest and farthest
_WIDE = 4.0
_SEEN = 0.5  # opacity from which a pixel has a normal
_BOX = Frame.of_box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


class Renderable(Protocol):
    """What gives colours and depths along rays in box coordinates, as the radiance fields of ``fields`` do."""

    def render(self, rays: Rays) -> Seen: ...


@dataclass(frozen=True, eq=False)
class View:
    """A picture with all that is known of it.

    Attributes:
        colour: what reaches the eye from the scene alone [height, width, 3], that is premultiplied by the opacity, or
            over the background that was asked for; display-referred.
        opacity: the share of the light behind the scene that does not reach the eye [height, width].
        depth: the mean distance of what is seen, along the pixel's ray, in world units [height, width]; 0 where there
            is nothing.
        normals: of unit length, in world axes, out of what is seen [height, width, 3]; 0 where there is nothing. None
            if they were not asked for.
    """

    colour: Tensor
    opacity: Tensor
    depth: Tensor
    normals: Tensor | None = None

    def over(self, background: Sequence[float] | Tensor) -> Tensor:
        """Colours [height, width, 3] of a view without a background over one of a colour [3] or a picture."""
        behind = torch.as_tensor(background, dtype=self.colour.dtype, device=self.colour.device)
        return self.colour + (1 - self.opacity[..., None]) * behind

    def straight(self) -> Tensor:
        """Colours and alpha [height, width, 4] of a view without a background; colours not premultiplied."""
        alpha = self.opacity[..., None]
        return torch.cat([torch.where(alpha > 0, self.colour / alpha, 0).clamp(0, 1), alpha], -1)

    @property
    def reach(self) -> tuple[float, float] | None:
        """The depths between which nearly all is that is seen; None if nothing is. Specks in the air do not count."""
        depths = self.depth[self.opacity > _SEEN].sort().values
        if not len(depths):
            return None
        speck = int(_SPECKS * (len(depths) - 1))
        return float(depths[speck]), float(depths[-1 - speck])

    def picture(
        self,
        mode: ViewMode = "colour",
        background: Background = "white",
        *,
        depths: tuple[float, float] | None = None,
    ) -> np.ndarray:
        """A view without a background as a screen shows it.

        "normals" are shown as (n + 1) / 2, "depth" from 1 for the nearest to 0.1 for the farthest, in even steps of the
        distance, or of its inverse where the farthest is more than four times as far, "opacity" as grey.

        Args:
            mode: one of VIEW_MODES.
            background: one of BACKGROUNDS; without effect on "opacity".
            depths: the distances that "depth" shows as 1 and as 0.1, where the picture's own are not to be taken.

        Returns:
            [height, width, 3] float32 in [0, 1]; [height, width, 4] if the background is transparent, but for
            "opacity".

        Raises:
            InputError: there is no such mode or background, or the view has no normals.
        """
        one_of(VIEW_MODES, mode=mode)
        one_of(BACKGROUNDS, background=background)
        if mode == "opacity":
            return self.opacity[..., None].expand(-1, -1, 3).clamp(0, 1).float().cpu().numpy()
        grey = float(background == "white")
        if mode == "colour" and background != "transparent":
            return self.over([grey] * 3).clamp(0, 1).float().cpu().numpy()
        pixels = self._shown(mode, depths).float().cpu().numpy()
        return pixels if background == "transparent" else over_grey(pixels, grey)

    def _shown(self, mode: ViewMode, depths: tuple[float, float] | None) -> Tensor:
        if mode == "colour":
            return self.straight()
        alpha = self.opacity[..., None]
        if mode == "depth":
            near, far = depths or self.reach or (0.0, 1.0)
            told = self.depth, near, far
            if 0 < near < far / _WIDE:
                told = -1 / self.depth.clamp(min=near), -1 / near, -1 / far
            return torch.cat([nearness(told[0], self.opacity > _SEEN, told[1:]), alpha], -1)
        if self.normals is None:
            raise InputError("this view has no normals: ask render_view for them")
        there = self.normals.square().sum(-1, keepdim=True) > 0
        return torch.cat([torch.where(there, (self.normals + 1) / 2, 0.5), alpha], -1)


@torch.no_grad()
def render_view(
    field: Renderable,
    camera: Camera,
    *,
    frame: Frame | None = None,
    background: Sequence[float] | None = None,
    normals: bool = False,
    span: float = SPAN,
    block: int = _BLOCK,
) -> View:
    """What a camera sees of a radiance field, a block of pixels at a time.

    Args:
        field: what has ``render``; for normals ``density`` too.
        camera: in world coordinates.
        frame: from the box to the world, a rotation and one scale; by default the field's own, or none.
        background: a colour [3] behind everything. Without it colours are premultiplied.
        normals: find them as well: the mean of ``outward_slopes`` at what is seen along a ray. This asks for the
            density at six points for each sample of a ray that counts.
        span: see ``outward_slopes``; in box units.
        block: rays that are rendered together.

    Returns:
        The view in float32, on the field's device.

    Raises:
        InputError: the picture is too large, the frame shears, a number is not positive, or there are no normals to be
            had.
    """
    check_pixels(camera.size)
    positive(span=span, block=block)
    if isinstance(background, str):
        raise InputError(f"a background is a colour, as (1, 1, 1) for white, got {background!r}")
    density: Callable[[Tensor], Tensor] | None = getattr(field, "density", None) if normals else None
    if normals and density is None:
        raise InputError(f"normals need the density at points, which {type(field).__name__} does not have")
    box: Frame = frame or getattr(field, "frame", None) or _BOX
    rays, blind = _without_nan(pixel_rays(camera.in_box(box), device_of(field)))  # type: ignore[arg-type]
    height, width = camera.size[::-1]
    colour, opacity, depth = (rays.direction.new_zeros(len(rays), *shape) for shape in ((3,), (), ()))
    normal = torch.zeros_like(colour) if normals else None
    for start in range(0, len(rays), block):
        part = slice(start, start + block)
        with ops.derivatives(1) if normals else nullcontext():  # which gives more than what is seen
            seen = field.render(rays[part])
        colour[part], opacity[part], depth[part] = seen.colour, seen.opacity, seen.depth
        if normal is not None and density is not None:
            normal[part] = _normals(density, rays[part], seen, span)
    if blind.any():
        colour[blind], opacity[blind], depth[blind] = 0, 0, 0
    if normal is not None:
        normal[blind] = 0
        turn = torch.tensor(box.matrix, dtype=torch.float64) / box.scale
        normal = (normal @ turn.T.to(normal)).view(height, width, 3)
    view = View(
        colour.view(height, width, 3), opacity.view(height, width), depth.view(height, width) * box.scale, normal
    )
    return view if background is None else View(view.over(background), view.opacity, view.depth, view.normals)


def pixel_rays(camera: Camera, device: torch.device | None = None) -> Rays:
    """The rays [height * width] through the centres of all pixels, row by row, in float32.

    As ``Camera.rays``, but the directions of the last pictures' pixels are kept, so that the next one from another
    place takes a product of matrices only. Where a lens shows nothing the direction is NaN.
    """
    local = _directions(camera.size, camera.focal, camera.centre, camera.lens, device)
    direction = local @ camera.axes.to(local)
    return Rays(camera.eye.to(local).expand(len(local), 3), direction)


@lru_cache(maxsize=2)
def _directions(
    size: tuple[int, int], focal: Pair, centre: Pair, lens: Lens | None, device: torch.device | None
) -> Tensor:
    """The directions [n, 3] of all pixels in the camera's own coordinates."""
    still = Camera(torch.eye(4, dtype=torch.float64), focal, size, centre, lens)
    index = torch.arange(still.pixels)
    parts = [still.rays(still.centres(part)).direction for part in index.split(_BLOCK)]
    return torch.cat(parts).to(device)


def _without_nan(rays: Rays) -> tuple[Rays, Tensor]:
    """Rays of which none is NaN, and which of them [n] were."""
    blind = rays.direction[:, 0].isnan()
    if blind.any():
        ahead = rays.direction.new_tensor([0.0, 0.0, 1.0])
        rays = Rays(rays.origin, torch.where(blind[:, None], ahead, rays.direction))
    return rays, blind


def _normals(density: Callable[[Tensor], Tensor], rays: Rays, seen: Seen, span: float) -> Tensor:
    """Unit normals [n, 3] where rays see something, 0 elsewhere: means over what they see, or at its depth."""
    slopes = torch.zeros_like(rays.direction)
    if isinstance(seen, Rendered):
        counts = (seen.weights > _COUNTS) & (seen.opacity > _SEEN)[seen.intervals.ray]
        ray, weight = seen.intervals.ray[counts], seen.weights[counts, None]
        points = seen.intervals.points(rays)[counts]
    else:
        ray = (seen.opacity > _SEEN).nonzero()[:, 0]
        points, weight = rays[ray].at(seen.depth[ray]), 1.0
    slopes.index_add_(0, ray, weight * outward_slopes(density, points, span))
    return torch.nn.functional.normalize(slopes, dim=-1)
