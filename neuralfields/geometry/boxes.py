"""Rays and the box [-1, 1]^3, where fields live."""

import math

import torch
from torch import Tensor

from neuralfields.geometry.cameras import Rays


def box_interval(rays: Rays) -> tuple[Tensor, Tensor]:
    """The depths [n] at which rays enter and leave the box [-1, 1]^3; they miss it where ``near > far``.

    Nothing behind the origin counts: ``near`` is 0 for rays that start inside.
    """
    # Slabs (Kay and Kajiya, Ray tracing complex scenes, SIGGRAPH 1986). A ray along a slab is in it always or never.
    along = rays.direction == 0
    inverse = 1 / torch.where(along, 1.0, rays.direction)
    ends = torch.stack([(-1 - rays.origin) * inverse, (1 - rays.origin) * inverse])
    low, high = ends.amin(0), ends.amax(0)
    outside = rays.origin.abs() > 1
    low = torch.where(along, torch.where(outside, math.inf, -math.inf), low)
    high = torch.where(along, torch.where(outside, -math.inf, math.inf), high)
    return low.amax(-1).clamp(min=0), high.amin(-1)
