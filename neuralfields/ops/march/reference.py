"""The definition of ``march`` in plain PyTorch."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

FAR = 1e3  # where the rays end that no box bounds
MOST = 1 << 22  # intervals of a lattice
_AT_ONCE = 1 << 22  # intervals


@dataclass(frozen=True)
class Lattice:
    """The edges of intervals along a ray, by number."""

    step: float
    cone: float

    def edge(self, s: Tensor) -> Tensor:
        """The depth of edge s, which may lie between whole numbers."""
        if not self.cone:
            return s * self.step
        grown = self.step / self.cone * torch.exp((s - 1 / self.cone) * math.log1p(self.cone))
        return torch.where(s <= 1 / self.cone, s * self.step, grown)

    def place(self, t: Tensor) -> Tensor:
        """The number s of the edge at depth t."""
        if not self.cone:
            return t / self.step
        turn = self.step / self.cone
        return torch.where(t <= turn, t / self.step, 1 / self.cone + torch.log(t / turn) / math.log1p(self.cone))


@torch.no_grad()
def march(
    rays: Tensor,
    occupied: Tensor,
    step: float,
    cone: float = 0.0,
    near: float = 0.0,
    unbounded: bool = False,
    jitter: Tensor | None = None,
    limit: int = MOST,
) -> tuple[Tensor, Tensor, Tensor]:
    lattice = Lattice(step, cone)
    offset = rays.new_zeros(len(rays)) if jitter is None else jitter
    begin, end = _within(rays, offset, near, unbounded)
    offset = offset.nan_to_num(0, 0, 0)
    first = (lattice.place(begin) - offset).floor().sub(1).clamp(min=0)
    last = (lattice.place(end) - offset).clamp(max=MOST)
    most = int((last - first).clamp(min=0).amax()) + 2 if len(rays) else 1
    parts = []
    for some in torch.arange(len(rays), device=rays.device).split(max(1, _AT_ONCE // most)):
        number = first[some, None] + torch.arange(most, device=rays.device)
        start, stop = (lattice.edge(number + i + offset[some, None]) for i in (0, 1))
        middle = (start + stop) / 2
        places = position(rays[some, None], middle, unbounded)
        kept = (middle >= begin[some, None]) & (middle <= end[some, None]) & looked_up(occupied, places)
        kept &= number < MOST
        kept &= kept.cumsum(1) <= limit
        parts.append((start[kept], stop[kept], kept.sum(1)))
    empty = rays.new_empty(0)
    starts, ends, counts = zip(*parts, strict=True) if parts else ((empty,), (empty,), (empty.long(),))
    return torch.cat(starts), torch.cat(ends), torch.cat(counts)


def position(rays: Tensor, depth: Tensor, unbounded: bool) -> Tensor:
    """Where rays [*b, 6] are in the box at these depths [*b]: contracted and halved if they are unbounded."""
    from neuralfields.geometry.contraction import in_box

    return in_box(rays[..., :3] + depth[..., None] * rays[..., 3:], unbounded)


def _within(rays: Tensor, offset: Tensor, near: float, unbounded: bool) -> tuple[Tensor, Tensor]:
    """The depths [n] between which middles lie; 0 and -1 where there are none."""
    from neuralfields.geometry import Rays, box_interval

    if unbounded:
        begin, end = rays.new_full((len(rays),), near), rays.new_full((len(rays),), FAR)
    else:
        begin, end = box_interval(Rays(rays[:, :3], rays[:, 3:]))
        begin = begin.clamp(min=near)
    hit = rays.isfinite().all(1) & offset.isfinite() & (begin <= end)
    return torch.where(hit, begin, 0.0), torch.where(hit, end, -1.0)


def cell_of(x: Tensor, cells: int) -> Tensor:
    """Numbers [*b] of the cells that places [*b, 3] in the box are in, x fastest; NaN is taken for 0."""
    i, j, k = ((x.nan_to_num() + 1) * (cells / 2)).clamp(0, cells - 1).long().unbind(-1)
    return (k * cells + j) * cells + i


def looked_up(occupied: Tensor, x: Tensor) -> Tensor:
    """Whether places [*b, 3] in the box are in occupied cells, [*b] bool."""
    cell = cell_of(x, len(occupied))
    return occupied.view(-1).index_select(0, cell.reshape(-1)).view(cell.shape)
