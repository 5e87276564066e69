"""What encodings of scattered points share: finding the nearest ones, and putting them where a signal has detail."""

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_CHUNK = 1 << 21  # distances at a time
_DEEPEST = 16  # halvings of the box: smaller cells are too near to what float32 tells apart
_BUDGET = 4  # lists of the length that is aimed at, for each anchor
_MOST = 4  # times that length, if the budget is used up


class _Tree(NamedTuple):
    """Cells that halve the box along all axes, again and again where their lists are long.

    Attributes:
        cells: those that are, or hold, the parts of the box of 2^-coarse its width, in order.
        coarse: number of halvings to these.
        child: of each cell the first of its 2^dim parts, which are numbered by x + 2 y + 4 z; 0 where it has none.
        start, length: where its list begins, and how many it has; 0 where it has parts.
        lists: indices of anchors.
        depth: number of halvings.
        longest: of all lengths.
    """

    cells: Tensor
    coarse: int
    child: Tensor
    start: Tensor
    length: Tensor
    lists: Tensor
    depth: int
    longest: int


class Nearest(nn.Module):
    """The ``k`` nearest of the anchors [n, dim] to points.

    The box is cut into cells, small ones where anchors are dense; each has a list of all anchors that are among the
    nearest of any of its points. So the answer is exact in the box; outside of it, it is the nearest of those in the
    list of the closest cell. Only where nearly all anchors are crowded in a small part of the box, cells far from them
    have short lists of those nearest to their middles, and the answer is about right.
    """

    def __init__(self, anchors: Tensor, k: int):
        super().__init__()
        self.k = k
        self.anchors: Tensor
        self.register_buffer("anchors", anchors)
        self._kept: tuple[Tensor, int, _Tree] | None = None  # of which anchors, in which version of them

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": None}

    def forward(self, x: Tensor) -> Tensor:
        """Their indices [*batch, k], in no order. There is no gradient."""
        tree, count = self._tree(), len(self.anchors)
        far = F.pad(self.anchors, (0, 0, 0, 1), value=torch.inf)
        x = x.detach()
        sides = 1 << tree.depth
        place = ((x + 1) * (sides / 2)).nan_to_num().floor().clamp(0, sides - 1).long()
        columns, fine = place.unbind(-1), tree.depth - tree.coarse
        coarse = [column >> fine << axis * tree.coarse for axis, column in enumerate(columns)]
        cell = _at(tree.cells, torch.stack(coarse).sum(0))
        cell = _descended(tree.child, cell, columns, fine)
        slot = torch.arange(tree.longest, device=x.device)
        near = tree.lists[(_at(tree.start, cell)[..., None] + slot).clamp(max=len(tree.lists) - 1)].long()
        near = torch.where(slot < _at(tree.length, cell)[..., None], near, count)
        if tree.longest > self.k:
            distance = torch.zeros_like(near, dtype=x.dtype)
            for axis, column in enumerate(far.unbind(-1)):
                distance = distance + (column[near] - x[..., axis, None]).square()
            near = near.gather(-1, distance.topk(self.k, largest=False, sorted=False).indices)
        return near.clamp(max=count - 1)  # a point that is not a number has none

    def _tree(self) -> _Tree:
        version = 0 if self.anchors.is_inference() else self.anchors._version
        if self._kept is None or self._kept[0] is not self.anchors or self._kept[1] != version:
            with torch.inference_mode(False), torch.no_grad():
                self._kept = self.anchors, version, _grown(self.anchors, self.k)
        return self._kept[2]


def _at(values: Tensor, index: Tensor) -> Tensor:
    """values[index], which ``vmap`` does not take for single numbers."""
    return F.embedding(index, values[:, None])[..., 0]


def _descended(child: Tensor, cell: Tensor, columns: Sequence[Tensor], levels: int) -> Tensor:
    """The parts of cells, so many halvings further down or as far as there are any, in which places lie.

    The last bits of ``columns``, whole numbers along each axis, tell in which half they are each time.
    """
    for level in reversed(range(levels)):
        part = sum(((column >> level & 1) << axis for axis, column in enumerate(columns)), torch.zeros_like(cell))
        below = _at(child, cell)
        cell = torch.where(below > 0, below + part, cell)
    return cell


class _Cells(NamedTuple):
    """Cells of one size: their middles [n, dim], the lengths of their lists, all these lists, which are not divided."""

    middle: Tensor
    length: Tensor
    lists: Tensor
    final: Tensor


def _grown(anchors: Tensor, k: int) -> _Tree:
    """The tree whose lists are no longer than that of a cell about as wide as anchors are apart, if that can be."""
    count, dim = anchors.shape
    aim, index = round((k ** (1 / dim) + 2) ** dim), torch.arange(count, dtype=torch.int32, device=anchors.device)
    level = _Cells(anchors.new_zeros(1, dim), index.new_tensor([count]).long(), index, index.new_tensor([0]).bool())
    children, lengths, lists, cells, depth, entries = [], [], [], 1, 0, 0
    while True:
        long = (level.length > aim) & ~level.final
        child = torch.zeros_like(level.length)
        # The longest first, so that those that are looked at together are about as long.
        divided = level.length.where(long, 0).argsort(descending=True)[: int(long.sum())]
        child[divided] = cells + 2**dim * torch.arange(len(divided), device=anchors.device)
        children.append(child)
        lengths.append(level.length.where(~long, 0))
        lists.append(level.lists[(~long).repeat_interleave(level.length)])
        if not len(divided):
            break
        depth, entries = depth + 1, entries + len(lists[-1])
        most = _MOST * aim
        parts = _divided(anchors, k, level, divided, depth, None if depth < _DEEPEST else most)
        if depth < _DEEPEST and entries + len(parts.lists) > max(_BUDGET * aim * count, _CHUNK >> 3):
            parts = _divided(anchors, k, level, divided, depth, most)
        level, cells = parts, cells + len(parts.length)
    length = torch.cat(lengths)
    longest = max(k, int(length.max()))
    child, coarse = torch.cat(children), min(depth, (count - 1).bit_length() // dim)
    number = torch.arange(1 << coarse * dim, device=anchors.device)
    columns = [number >> axis * coarse & (1 << coarse) - 1 for axis in range(dim)]
    found = _descended(child, torch.zeros_like(number), columns, coarse)
    start = length.cumsum(0) - length
    return _Tree(found, coarse, child, start, length, torch.cat(lists), depth, longest)


def _divided(anchors: Tensor, k: int, cells: _Cells, which: Tensor, depth: int, most: int | None) -> _Cells:
    """The parts of some cells, which are 2^depth along the box.

    With ``most``, lists of cells without anchors near, and all lists at the last depth, are final and have at most
    the ``most`` anchors that are nearest to the middle.
    """
    count, dim = anchors.shape
    far = F.pad(anchors, (0, 0, 0, 1), value=torch.inf)
    diagonal = 2 * dim**0.5 / 2**depth
    corners = torch.tensor(list(product((-1, 1), repeat=dim)), device=anchors.device).flip(1)
    middle = cells.middle[which][:, None] + corners.to(anchors) / 2**depth
    start, length = cells.length.cumsum(0) - cells.length, cells.length[which]
    lengths, finals, lists, at = [], [], [], 0
    while at < len(which):
        slot = torch.arange(int(length[at]), device=anchors.device)
        rows = slice(at, at + _CHUNK // (len(slot) << dim) + 1)
        near = cells.lists[(start[which[rows], None] + slot).clamp(max=len(cells.lists) - 1)].long()
        near = torch.where(slot < length[rows, None], near, count)[:, None]
        distance = (far[near] - middle[rows, :, None]).square().sum(-1).sqrt()
        # A point is within half a diagonal of the middle, and so is its k-th nearest from that of the middle.
        least = distance.kthvalue(k, -1, keepdim=True).values
        keep = distance <= least + diagonal * 1.01
        final = torch.zeros_like(least, dtype=torch.bool)
        if most is not None:
            final = (least > diagonal) | (depth == _DEEPEST)
        if most is not None and most < len(slot):
            first = distance.topk(most, largest=False, sorted=False).indices
            keep &= ~final | torch.zeros_like(keep).scatter_(-1, first, True)
        lengths.append(keep.sum(-1).flatten())
        finals.append(final.flatten())
        lists.append(near.expand_as(keep)[keep].int())
        at = rows.stop
    return _Cells(middle.flatten(0, 1), torch.cat(lengths), torch.cat(lists), torch.cat(finals))


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
    # To find neighbours once it takes a third of the time, because what `Nearest` builds is for many calls.
    from scipy.spatial import KDTree  # takes a while to import

    dim, device = points.shape[-1], points.device
    points = points.cpu()
    centres, threads = points[:count].clone(), torch.get_num_threads()

    def nearest(queries: Tensor, k: int) -> Tensor:
        index = KDTree(centres.numpy()).query(queries.numpy(), k, workers=threads)[1]
        return torch.as_tensor(index).view(len(queries), k)[:, -1]

    def owners() -> tuple[Tensor, Tensor]:
        owner = nearest(points, 1)
        return owner, owner.bincount(minlength=count)[:, None]

    def mean(owner: Tensor, sizes: Tensor, values: Tensor) -> Tensor:
        return values.new_zeros(count, values.shape[-1]).index_add_(0, owner, values) / sizes.clamp(min=1)

    for _ in range(rounds):
        owner, sizes = owners()
        centres = torch.where(sizes > 0, mean(owner, sizes, points), centres)
    owner, sizes = owners()
    offset = points - centres[owner]
    covariances = mean(owner, sizes, (offset[:, :, None] * offset[:, None]).flatten(1)).view(count, dim, dim)
    apart = (centres[nearest(centres, min(2, count))] - centres).square().sum(-1)
    cell = apart.where(apart > 0, (2 / count ** (1 / dim)) ** 2) / 12  # the variance in a square of that side
    eye = torch.eye(dim, dtype=points.dtype)
    covariances = torch.where((sizes > dim)[:, :, None], covariances, cell[:, None, None] * eye)
    variance = covariances.diagonal(dim1=-2, dim2=-1).mean(-1)
    least = 1e-2 * variance + 1e-4 * variance.mean() + 1e-12
    return centres.to(device), (covariances + least[:, None, None] * eye).to(device)
