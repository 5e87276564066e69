"""A radiance field that is a ball, and can be stored."""

import torch
from torch import Tensor

from neuralfields.field import Field
from neuralfields.geometry import Rays, box_interval
from neuralfields.volume import Rendered, Span, render, stratified

RADIUS, DENSITY, SOFTNESS = 0.5, 400.0, 0.01
_SAMPLES = 64


class BallScene(Field):
    """A dense ball that is red to who looks along +x, and a speck beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 6, 4

    def density(self, x: Tensor) -> Tensor:
        speck = (x - x.new_tensor([0.8, 0.8, 0.8])).norm(dim=-1) - 0.05
        return DENSITY * torch.sigmoid(-torch.minimum(x.norm(dim=-1) - RADIUS, speck) / SOFTNESS)

    def forward(self, x: Tensor) -> Tensor:
        direction = x[..., 3:]
        colour = torch.stack([(1 + direction[..., 0]) / 2, torch.full_like(x[..., 0], 0.25), 0 * x[..., 0]], -1)
        return torch.cat([self.density(x[..., :3])[..., None], colour], -1)

    def render(self, rays: Rays) -> Rendered:
        intervals = stratified(Span(*box_interval(rays)), _SAMPLES)
        values = self(intervals.samples(rays))
        return render(intervals, values[:, 0], values[:, 1:])
