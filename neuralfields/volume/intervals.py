"""Intervals of rays, packed one after the other, and what is seen when they emit and absorb light."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.geometry import Rays
from neuralfields.ops.composite.reference import sum_before

_FAINT = 1e-6  # opacity below which a ray has no depth


@dataclass(frozen=True, eq=False)
class Intervals:
    """Pieces of n rays: those of the first ray from its origin outwards, then those of the next.

    Attributes:
        start, end: [m], distances along the ray, finite but for the end of a ray's last one.
        ray: [m] int64, on which ray each one lies, in ascending order.
        count: [n] int64, how many each ray has; may be 0.
        s: [m, 2] or None, start and end on the scale from 0 to 1 of the ray, in which samples were placed and losses
            measure lengths (mip-NeRF 360, equation 11).
    """

    start: Tensor
    end: Tensor
    ray: Tensor
    count: Tensor
    s: Tensor | None = None

    @classmethod
    def packed(cls, start: Tensor, end: Tensor, count: Tensor, s: Tensor | None = None) -> "Intervals":
        """Those with these starts and ends [m], of which each ray has as many as ``count`` [n] int64 says."""
        numbers = torch.arange(len(count), device=count.device)
        return cls(start, end, numbers.repeat_interleave(count, output_size=len(start)), count, s)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def width(self) -> Tensor:
        """[m], lengths."""
        return self.end - self.start

    @property
    def middle(self) -> Tensor:
        """[m], where they are sampled: half way, or at the start of one that has no end."""
        return torch.where(self.end == math.inf, self.start, (self.start + self.end) / 2)

    @property
    def last(self) -> Tensor:
        """[m] bool, which are the last ones of their rays."""
        last = torch.ones_like(self.ray, dtype=torch.bool)
        last[:-1] = self.ray[1:] != self.ray[:-1]
        return last

    @property
    def place(self) -> Tensor:
        """[m] int64, the number of each one on its ray, from 0 on."""
        first = self.count.cumsum(0) - self.count
        return torch.arange(len(self), device=first.device) - first[self.ray]

    def kept(self, mask: Tensor) -> "Intervals":
        """Those where ``mask`` [m] is True, of the same rays."""
        ray = self.ray[mask]
        s = None if self.s is None else self.s[mask]
        return Intervals(self.start[mask], self.end[mask], ray, ray.bincount(minlength=len(self.count)), s)

    def points(self, rays: Rays) -> Tensor:
        """The middles [m, 3] as places on the rays [n]."""
        return rays[self.ray].at(self.middle)

    def samples(self, rays: Rays) -> Tensor:
        """What a radiance field reads [m, 6]: the middles as places, and the rays' directions."""
        own = rays[self.ray]
        return torch.cat([own.at(self.middle), own.direction], -1)

    def rows(self, values: Tensor) -> Tensor:
        """Values [m, *rest] of the intervals as [r, k, *rest], where r rays have k intervals and all others none.

        Raises:
            InputError: rays have different numbers of intervals.
        """
        most = int(self.count.max()) if len(self.count) else 0
        if not ((self.count == most) | (self.count == 0)).all():
            raise InputError(
                f"rays have the same number of intervals or none here, got from {int(self.count.min())} to {most}"
            )
        return values.reshape(-1, most, *values.shape[1:]) if most else values.reshape(0, 0, *values.shape[1:])


@dataclass(frozen=True, eq=False)
class Seen:
    """What n rays see.

    Attributes:
        colour: [n, c], what reaches the eye, premultiplied by the opacity; [n, 0] in a pass that has densities alone.
        opacity: [n], from 0 to 1.
        depth: [n], the mean distance of what is seen; 0 where nothing is.
    """

    colour: Tensor
    opacity: Tensor
    depth: Tensor

    def __len__(self) -> int:
        return len(self.opacity)

    def over(self, background: Tensor) -> Tensor:
        """The colours [n, c] in front of a background [c] or [n, c]."""
        return self.colour + (1 - self.opacity)[:, None] * background


@dataclass(frozen=True, eq=False)
class Rendered(Seen):
    """What n rays see, and of what it is made.

    Attributes:
        intervals: where the rays were sampled.
        weights: [m], how much each interval counts in the colour; they add up to the opacity.
        earlier: the coarser passes, which told where to sample, in their order.
    """

    intervals: Intervals
    weights: Tensor
    earlier: tuple["Rendered", ...] = ()


def transmittance(intervals: Intervals, density: Tensor) -> Tensor:
    """The share of light [m] that comes through all intervals of a ray before each one.

    Args:
        intervals: m of n rays.
        density: [m], 0 or more, per unit of length.
    """
    return sum_before(density * intervals.width, intervals.place).neg().exp()


def render(
    intervals: Intervals,
    density: Tensor,
    colour: Tensor | None = None,
    *,
    widths: Tensor | None = None,
    opaque: bool = False,
    earlier: tuple[Rendered, ...] = (),
) -> Rendered:
    """Emission and absorption along rays whose intervals are each of one density and one colour.

    Args:
        intervals: m of n rays.
        density: [m], 0 or more, per unit of length.
        colour: [m, c]; None for a pass that only tells where to sample.
        widths: [m], the intervals' lengths, where densities are not per unit of distance.
        opaque: whether a ray's last interval hides all that is behind it, whatever its density.
        earlier: kept with the result.
    """
    thickness = density * (intervals.width if widths is None else widths)
    if opaque:
        thickness = torch.where(intervals.last, math.inf, thickness)
    depth = intervals.middle[:, None].to(thickness.dtype)
    values = depth if colour is None else torch.cat([colour, depth], -1)
    sums, opacity, weights = ops.composite(thickness, values, intervals.count)
    seen = sums[:, -1] / opacity.clamp(min=_FAINT)
    return Rendered(sums[:, :-1], opacity, seen, intervals, weights, earlier)
