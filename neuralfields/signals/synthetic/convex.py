"""Solids that a line meets in one interval, in closed form."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from neuralfields.geometry import Rays, box_interval
from neuralfields.geometry.cameras import Vector

_ORIGIN = (0.0, 0.0, 0.0)
Span = tuple[Tensor, Tensor]


class Convex(Protocol):
    """A solid, or what is outside of one, that lines meet once. All tensors are float64."""

    def span(self, rays: Rays) -> Span:
        """The depths [n] at which rays enter and leave it; those that miss it leave before they enter."""
        ...

    def normal(self, point: Tensor) -> Tensor:
        """Unit normals [n, 3], pointing out of the solid, at points [n, 3] of its surface."""
        ...


@dataclass(frozen=True)
class Ball:
    """All points within ``radius`` of ``centre``."""

    centre: Vector
    radius: float

    def span(self, rays: Rays) -> Span:
        towards = rays.origin.new_tensor(self.centre) - rays.origin
        along = dot(towards, rays.direction)
        nearest = towards - along[:, None] * rays.direction
        half = (self.radius**2 - dot(nearest, nearest)).sqrt()  # NaN for a miss
        return (along - half).nan_to_num(math.inf), (along + half).nan_to_num(-math.inf)

    def normal(self, point: Tensor) -> Tensor:
        return (point - point.new_tensor(self.centre)) / self.radius


@dataclass(frozen=True)
class Shell:
    """All points farther than ``radius`` from ``centre``, for rays that begin nearer."""

    radius: float
    centre: Vector = _ORIGIN

    def span(self, rays: Rays) -> Span:
        _, leave = Ball(self.centre, self.radius).span(rays)
        return leave, torch.full_like(leave, math.inf)

    def normal(self, point: Tensor) -> Tensor:
        return -Ball(self.centre, self.radius).normal(point)


@dataclass(frozen=True)
class Box:
    """A box, turned by some degrees about the upright line through its centre, counter-clockwise from above.

    Attributes:
        centre: its middle.
        half: half of its length along its own x, y and z.
        turn: degrees.
    """

    centre: Vector
    half: Vector
    turn: float = 0.0

    def span(self, rays: Rays) -> Span:
        axes, half = self._axes(rays.origin), rays.origin.new_tensor(self.half)
        origin = (rays.origin - rays.origin.new_tensor(self.centre)) @ axes
        return box_interval(Rays(origin / half, rays.direction @ axes / half))

    def normal(self, point: Tensor) -> Tensor:
        axes = self._axes(point)
        place = (point - point.new_tensor(self.centre)) @ axes / point.new_tensor(self.half)
        side = place.abs().argmax(-1)
        sign = place.gather(-1, side[:, None]).sign()
        return axes.T[side] * sign

    def _axes(self, like: Tensor) -> Tensor:
        """Columns: the box's x, y and z."""
        sin, cos = math.sin(math.radians(self.turn)), math.cos(math.radians(self.turn))
        return like.new_tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Products [n] of vectors [n, 3]; always summed in the same order."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
