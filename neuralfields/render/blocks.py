"""A level function on a lattice over the box, kept only in blocks near the surface."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from torch.nn.functional import max_pool3d

from neuralfields.checks import between, positive
from neuralfields.errors import NoSurface
from neuralfields.render.surface import Surface

BLOCK = 8  # nodes along a block's side
MAX_RESOLUTION = 2048
_BRICK = 8  # blocks along the side of a dense piece
_AT_ONCE = 128  # blocks evaluated at a time
_RANGE = 8.0  # values are kept up to this many times the usual difference between two ends of a crossed edge
_LEAST = 2.0**-12  # of that range: no vertex lies at a node, so that no two of them meet

OUTSIDE, INSIDE = 0, 1  # rows of ``Blocks.values`` that stand for all blocks without surface


@dataclass(frozen=True, eq=False)
class Blocks:
    """Values at the nodes -1 + 2 i / resolution, i = 0..resolution, of each axis, in blocks of 8 x 8 x 8 nodes.

    Around the box lies a layer of blocks that are outside, so that surfaces that leave the box are closed there.
    Indices are counted from that layer: the box begins at index 8. Axes are x, y, z.

    Attributes:
        resolution: cells along each axis of the box.
        rows: [b, b, b] int32, the row of ``values`` that each block has.
        values: [rows, 8, 8, 8] float32, negative inside, clipped to a few times what an edge through the surface spans,
            never zero; the first two rows are constant, for blocks far outside and far inside.
        evaluated: points at which the field was evaluated.
    """

    resolution: int
    rows: np.ndarray
    values: np.ndarray
    evaluated: int

    @classmethod
    def of(cls, surface: Surface, resolution: int, *, skip: bool = True, lipschitz: float = 1.2) -> "Blocks":
        """Evaluate a surface where it may be.

        Distances tell which blocks may hold it: those whose centre is nearer than the block's reach. Where values are
        no distances, the signs at 2 x 2 x 2 places in each block do: what lies between these places, four cells apart,
        can be missed. In both cases the blocks then grow along the surface until it is cut nowhere.

        Args:
            surface: the level function.
            resolution: cells along each axis, 2 to 2048.
            skip: False evaluates all blocks.
            lipschitz: how fast distances may change, per box unit, for the blocks still to be the right ones.

        Raises:
            InputError: ``resolution`` or ``lipschitz`` is out of range, or there is no surface: all is outside.
        """
        between(2, MAX_RESOLUTION, resolution=resolution)
        positive(lipschitz=lipschitz)
        lattice = _Lattice(surface, resolution)
        inside, active, probes = lattice.survey(lipschitz)
        places = np.argwhere(active | (not skip))
        values = lattice.values(places)
        limit = _RANGE * _usual_difference(values)
        fill = np.broadcast_to(np.array([limit, -limit], np.float32)[:, None, None, None], (2, BLOCK, BLOCK, BLOCK))
        rows = np.full([lattice.blocks + 2] * 3, OUTSIDE, np.int32)
        rows[1:-1, 1:-1, 1:-1] = np.where(inside, INSIDE, OUTSIDE)
        blocks = cls(resolution, rows, fill, probes)._with(places, _kept(values, limit))
        while len(places := blocks._cut()):
            blocks = blocks._with(places, _kept(lattice.values(places), limit))
        if not ((blocks.values[2:] < 0).any() or inside.any()):
            raise NoSurface("there is no surface in the box: the field is positive, which is outside, everywhere")
        return blocks

    @property
    def cell(self) -> float:
        """The length of a cell in box units."""
        return 2 / self.resolution

    def place(self, index: np.ndarray) -> np.ndarray:
        """Indices [..., 3], whole or not, to box coordinates of the same shape, float64."""
        return (index - BLOCK) * self.cell - 1.0

    def at(self, index: np.ndarray) -> np.ndarray:
        """The values [...] kept for nodes [..., 3]."""
        block, node = np.divmod(index, BLOCK)
        return self.values[self.rows[tuple(np.moveaxis(block, -1, 0))], *np.moveaxis(node, -1, 0)]

    @property
    def nodes(self) -> int:
        """Indices along each axis, with the layer around the box."""
        return BLOCK * len(self.rows)

    def bricks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Dense pieces that hold all of the surface, neighbours sharing a plane of nodes.

        Yields:
            (index [3] of the first node, values up to [65, 65, 65] of both signs).
        """
        for start in product(range(0, len(self.rows), _BRICK), repeat=3):
            rows = self.rows[tuple(slice(s, s + _BRICK + 1) for s in start)]
            if rows.max() <= INSIDE and rows.min() == rows.max():
                continue
            dense = self.values[rows].transpose(0, 3, 1, 4, 2, 5).reshape([BLOCK * n for n in rows.shape])
            side = BLOCK * _BRICK + 1
            dense = np.ascontiguousarray(dense[:side, :side, :side])
            if dense.min() < 0 < dense.max():
                yield np.array(start) * BLOCK, dense

    def _with(self, places: np.ndarray, values: np.ndarray) -> "Blocks":
        rows = self.rows.copy()
        rows[tuple(places.T + 1)] = np.arange(len(self.values), len(self.values) + len(places))
        evaluated = self.evaluated + values.size
        return replace(self, rows=rows, values=np.concatenate([self.values, values]), evaluated=evaluated)

    def _cut(self) -> np.ndarray:
        """Blocks [n, 3] that were left out although an edge to a neighbour crosses the surface."""
        negative = self.values < 0
        rows = self.rows[1:-1, 1:-1, 1:-1]
        wanted = np.zeros(rows.shape, bool)
        for axis in range(3):
            first, last = (negative.take(k, axis + 1).reshape(len(negative), -1) for k in (0, -1))
            here, mark = np.moveaxis(rows, axis, 0), np.moveaxis(wanted, axis, 0)
            mark[1:] |= _crossed(here[1:], last, here[:-1])
            mark[:-1] |= _crossed(here[:-1], first, here[1:])
        return np.argwhere(wanted)


def as_input(surface: Surface, points: np.ndarray) -> torch.Tensor:
    """Points [n, 3] for a field, where its parameters are and as precise as they are; float32 for plain functions."""
    return torch.from_numpy(points).to(surface.like)


class _Lattice:
    """Where the nodes of blocks are, and what a surface is there. Blocks are counted from the box's corner here."""

    def __init__(self, surface: Surface, resolution: int):
        self.surface, self.resolution = surface, resolution
        self.blocks = resolution // BLOCK + 1
        self.points = np.empty((_AT_ONCE * BLOCK**3, 3), np.float32)

    def survey(self, lipschitz: float) -> tuple[np.ndarray, np.ndarray, int]:
        """Whether each block seems inside, whether the surface may be in it ([b, b, b] each), and points evaluated."""
        probes = 1 if self.surface.metric else 2
        step = BLOCK // probes
        index = np.arange(self.blocks * probes) * step + (step - 1) / 2
        values, rows = np.empty([len(index)] * 3, np.float32), len(self.points) // len(index)
        for x, plane in zip(index, values, strict=True):
            for start in range(0, len(index), rows):
                y = index[start : start + rows]
                plane[start : start + rows] = self._evaluate((np.array([[x]]), y[None], index[None]))[0, 0]
        negative = torch.from_numpy(values < 0)
        inside = negative[probes - 1 :: probes, probes - 1 :: probes, probes - 1 :: probes].numpy()
        signs = torch.stack([negative, ~negative]).float()
        active = max_pool3d(signs, probes + 2, stride=probes, padding=1).min(0).values.bool().numpy()
        if self.surface.metric:
            active |= np.abs(values) <= lipschitz * np.sqrt(3) * BLOCK / 2 * (2 / self.resolution)
        if (self.resolution + 1) % BLOCK:  # blocks that reach beyond the box are outside there
            for axis in range(3):
                last = np.moveaxis(active, axis, 0)
                last[-1] |= np.moveaxis(inside, axis, 0)[-1]
        return inside, active, values.size

    def values(self, places: np.ndarray) -> np.ndarray:
        """Values [n, 8, 8, 8] float32 of blocks [n, 3], infinite beyond the box."""
        found = np.empty((len(places), BLOCK, BLOCK, BLOCK), np.float32)
        for start in range(0, len(places), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            index = places[part, :, None] * BLOCK + np.arange(BLOCK)
            found[part] = self._evaluate(list(index.transpose(1, 0, 2)))
            for axis in range(3):
                beyond = index[:, axis] > self.resolution
                if beyond.any():
                    np.moveaxis(found[part], axis + 1, 1)[beyond] = np.inf
        return found

    def _evaluate(self, index: Sequence[np.ndarray]) -> np.ndarray:
        """Values [n, a, b, c] on the products of three lists of indices [n, a], [n, b], [n, c]."""
        x, y, z = (np.minimum(axis * (2 / self.resolution) - 1, 1) for axis in index)
        shape = (len(x), x.shape[1], y.shape[1], z.shape[1])
        points = self.points[: math.prod(shape)]  # the same memory each time: its pages need not be fetched
        grid = points.reshape(*shape, 3)
        grid[..., 0], grid[..., 1], grid[..., 2] = x[:, :, None, None], y[:, None, :, None], z[:, None, None, :]
        values = self.surface.values(as_input(self.surface, points)).cpu().numpy().reshape(shape)
        return np.where(np.isnan(values), np.float32(np.inf), values)


def _crossed(rows: np.ndarray, faces: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Whether blocks of these rows are constant and differ in sign from a neighbour's face (negative: [rows, 64])."""
    return (rows <= INSIDE) & np.where(rows == INSIDE, ~np.all(faces, 1)[beside], np.any(faces, 1)[beside])


def _usual_difference(values: np.ndarray) -> float:
    """The median difference over edges between neighbours of different sign; 1 if there is none."""
    low, high = values[:, :-1], values[:, 1:]
    crossed = ((low < 0) != (high < 0)) & np.isfinite(low) & np.isfinite(high)
    return float(np.median(np.abs(high[crossed] - low[crossed]))) if crossed.any() else 1.0


def _kept(values: np.ndarray, limit: float) -> np.ndarray:
    """Values clipped to the limit and away from zero; zero counts as outside."""
    np.clip(values, -limit, limit, out=values)
    small = np.abs(values) < _LEAST * limit
    values[small] = np.where(values[small] < 0, -1, 1) * (_LEAST * limit)
    return values
