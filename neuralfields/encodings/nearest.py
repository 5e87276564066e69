"""What encodings of scattered points share: finding the nearest ones, and putting them where a signal has detail."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CHUNK = 1 << 21  # distances at a time


class Nearest(nn.Module):
    """The ``k`` nearest of the anchors [n, dim] to points.

    The box is cut into cells; each has a list of all anchors that are among the nearest of any of its points. So the
    answer is exact in the box; outside of it, it is the nearest of those in the list of the closest cell.
    """

    def __init__(self, anchors: Tensor, k: int):
        super().__init__()
        self.k = k
        self.anchors: Tensor
        self.register_buffer("anchors", anchors)
        self._lists: tuple[Tensor, int, Tensor] | None = None  # of which anchors, in which version of them

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_lists": None}

    def forward(self, x: Tensor) -> Tensor:
        """Their indices [*batch, k], in no order. There is no gradient."""
        lists = self._listed()
        far = F.pad(self.anchors, (0, 0, 0, 1), value=torch.inf)
        x, dim = x.detach(), x.shape[-1]
        cells = round(len(lists) ** (1 / dim))
        place = ((x + 1) * (cells / 2)).nan_to_num().floor().clamp(0, cells - 1).long()
        cell = place[..., 0]
        for axis in range(1, dim):
            cell = cell * cells + place[..., axis]
        near = F.embedding(cell, lists).long()
        if near.shape[-1] > self.k:
            distance = torch.zeros_like(near, dtype=x.dtype)
            for axis, column in enumerate(far.unbind(-1)):
                distance = distance + (column[near] - x[..., axis, None]).square()
            near = near.gather(-1, distance.topk(self.k, largest=False, sorted=False).indices)
        return near.clamp(max=len(self.anchors) - 1)  # a point that is not a number has none

    def _listed(self) -> Tensor:
        version = 0 if self.anchors.is_inference() else self.anchors._version
        if self._lists is None or self._lists[0] is not self.anchors or self._lists[1] != version:
            with torch.inference_mode(False), torch.no_grad():
                self._lists = self.anchors, version, _lists(self.anchors, self.k)
        return self._lists[2]


def _lists(anchors: Tensor, k: int) -> Tensor:
    """For each cell of a grid over the box the anchors that may be among the k nearest of one of its points.

    Lists [cells^dim, longest] are filled up with the number of anchors, which stands for none. Each cell's list comes
    from that of a cell twice as wide, beginning with the box and all anchors.
    """
    count, dim = anchors.shape
    far = torch.cat([anchors, torch.full_like(anchors[:1], torch.inf)])
    cells, lists = 1, torch.arange(count, dtype=torch.int32, device=anchors.device)[None]
    while (2 * cells) ** dim <= 2**dim * count and lists.shape[1] > 2 * k:
        cells *= 2
        rest = torch.arange(cells**dim, device=anchors.device)
        place = []
        for _ in range(dim):
            place.insert(0, rest % cells)
            rest = rest // cells
        parent = torch.zeros_like(rest)
        for axis in place:
            parent = parent * (cells // 2) + axis // 2
        middles = (torch.stack(place, -1).to(anchors) + 0.5) * (2 / cells) - 1
        found = []
        step = _CHUNK // lists.shape[1] + 1
        for rows, middle in zip(parent.split(step), middles.split(step), strict=True):
            near = lists[rows].long()
            distance = (far[near] - middle[:, None]).square().sum(-1).sqrt()
            # A point is within half a diagonal of the middle, and so is its k-th nearest from that of the middle.
            reach = distance.kthvalue(k, -1, keepdim=True).values + 2 * dim**0.5 / cells * 1.0001
            keep = distance <= reach
            slot = keep.cumsum(-1) - 1
            kept = near.new_full((len(near), int(slot.max()) + 1), count, dtype=torch.int32)
            kept[keep.nonzero()[:, 0], slot[keep]] = near[keep].int()
            found.append(kept)
        longest = max(part.shape[1] for part in found)
        lists = torch.cat([F.pad(part, (0, longest - part.shape[1]), value=count) for part in found])
    return lists


def scattered(count: int, dim: int) -> Tensor:
    """Points [count, dim] that cover the box evenly, at random: a shifted lattice of irrational steps."""
    # Steps are powers of the root of r^(dim + 1) = r + 1, the golden ratio for one axis.
    ratio = 2.0
    for _ in range(64):
        ratio = (1 + ratio) ** (1 / (dim + 1))
    steps = torch.tensor([ratio ** -(axis + 1) for axis in range(dim)], dtype=torch.float64)
    turns = torch.arange(count, dtype=torch.float64)[:, None] * steps + torch.rand(dim, dtype=torch.float64)
    return (turns % 1 * 2 - 1).to(torch.get_default_dtype())


def clusters(points: Tensor, count: int, *, rounds: int = 10) -> tuple[Tensor, Tensor]:
    """Lloyd's k-means of points [n, dim]: the clusters' centres [count, dim] and covariances [count, dim, dim].

    It begins with the first points as centres. Points that are drawn with a density make it the weighted k-means.
    Clusters of too few points to have a shape are round, as large as their distance to the next one says. A little is
    added to the covariances, so that those along a line have an inverse too.
    """
    dim = points.shape[-1]
    centres = points[:count].clone()

    def owners() -> tuple[Tensor, Tensor]:
        nearest = Nearest(centres, 1)
        owner = torch.cat([nearest(part)[:, 0] for part in points.split(_CHUNK >> 5)])
        return owner, owner.bincount(minlength=count)[:, None]

    def mean(owner: Tensor, sizes: Tensor, values: Tensor) -> Tensor:
        return values.new_zeros(count, values.shape[-1]).index_add_(0, owner, values) / sizes.clamp(min=1)

    for _ in range(rounds):
        owner, sizes = owners()
        centres = torch.where(sizes > 0, mean(owner, sizes, points), centres)
    owner, sizes = owners()
    offset = points - centres[owner]
    covariances = mean(owner, sizes, (offset[:, :, None] * offset[:, None]).flatten(1)).view(count, dim, dim)
    neighbours = Nearest(centres, min(2, count))
    near = torch.cat([neighbours(part) for part in centres.split(_CHUNK >> 5)])
    apart = (centres[near] - centres[:, None]).square().sum(-1).amax(-1)
    cell = apart.where(apart > 0, (2 / count ** (1 / dim)) ** 2) / 12  # the variance in a square of that side
    eye = torch.eye(dim).to(points)
    covariances = torch.where((sizes > dim)[:, :, None], covariances, cell[:, None, None] * eye)
    variance = covariances.diagonal(dim1=-2, dim2=-1).mean(-1)
    least = 1e-2 * variance + 1e-4 * variance.mean() + 1e-12
    return centres, covariances + least[:, None, None] * eye
