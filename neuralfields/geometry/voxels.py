"""Which samples of a lattice lie inside a mesh, exactly: lines along an axis change side where they cross a face.

All lines are followed at once, so that 256^3 samples of a mesh of 100,000 faces take a few tenths of a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from neuralfields.geometry.triangles import Triangles

_FACES = 1 << 18  # that are looked at together
_PAIRS = 1 << 21  # of them and lines
# Lines through a sample and its 26 neighbours: the axis, and how far they lean along the two others per step.
_LINES = (
    *((axis, (0, 0)) for axis in range(3)),
    *((0, (1, 0)), (0, (-1, 0)), (0, (0, 1)), (0, (0, -1)), (1, (0, 1)), (1, (0, -1))),
    *((2, (a, b)) for a in (-1, 1) for b in (-1, 1)),
)


@dataclass(frozen=True)
class Occupancy:
    """What a lattice of samples finds inside.

    Attributes:
        inside: [n, n, n] bool, indexed x, y, z.
        disputed: [n, n, n] bool, where less than three quarters of the lines agree.
    """

    inside: np.ndarray
    disputed: np.ndarray


def lattice_points(n: int, offset: Sequence[float] = (0.0, 0.0, 0.0), index: np.ndarray | None = None) -> np.ndarray:
    """Coordinates [k, 3] float64 of samples: cell centres of [-1, 1]^3, moved by ``offset`` cells.

    Args:
        n: samples per axis.
        offset: in cells.
        index: [k], which of the n^3 samples, z fastest; all of them if None.
    """
    index = np.arange(n**3) if index is None else index
    places = np.stack(np.unravel_index(index, (n, n, n)), -1)
    return (2 * (places + np.asarray(offset)) + 1) / n - 1


def occupancy(mesh: Triangles, n: int, offset: Sequence[float] = (0.0, 0.0, 0.0)) -> Occupancy:
    """Which of the ``n``^3 samples of [-1, 1]^3, moved by ``offset`` cells, lie inside a mesh.

    Of a closed and consistently oriented mesh: those around which it winds a positive number of times; that is exact.
    Else the majority of 26 half-lines, towards all neighbours of a sample in the lattice, each of which counts the
    faces that it crosses: a ball that lacks a fifth of its faces is found with an IoU of 0.997.

    Args:
        mesh: in box coordinates; it may reach beyond the box.
        n: samples per axis, at the centres of as many cells.
        offset: by which part of a cell all samples are moved, below half.
    """
    if mesh.balanced:
        inside = _wound(mesh, n, offset) > 0
        return Occupancy(inside, np.zeros_like(inside))
    votes = np.zeros((n, n, n), np.int8)
    for axis, lean in _LINES:
        below, above = _parities(mesh, n, offset, axis, lean)
        votes += below
        votes += above
    return Occupancy(votes > len(_LINES), np.abs(votes - len(_LINES)) < len(_LINES) / 2)


def _wound(mesh: Triangles, n: int, offset: Sequence[float]) -> np.ndarray:
    """How often a balanced mesh winds around each sample, [n, n, n] int16: ways in minus ways out below it along x."""
    steps = np.zeros((n, n, n + 1), np.int16)
    for line, first, way in _firsts(_indices(mesh, n, offset, (1, 2, 0)), mesh.faces, (n, n), n):
        np.add.at(steps.reshape(-1), line * (n + 1) + first, way)
    return np.moveaxis(np.cumsum(steps[..., :n], -1, dtype=np.int16), 2, 0)


def _parities(
    mesh: Triangles, n: int, offset: Sequence[float], axis: int, lean: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Whether an odd number of faces lies on the line below each sample, and above it; each [n, n, n] bool.

    The lines go along ``axis`` and move by ``lean`` samples along the two others from one sample to the next.
    """
    order = (*(k for k in range(3) if k != axis), axis)
    places = _indices(mesh, n, offset, order)
    wide = n * (1 + abs(lean[0])), n * (1 + abs(lean[1]))
    for k, slope in enumerate(lean):
        # Sheared, so that the lines are upright; all of them are numbered from 0 on.
        places[:, k] += (n - 1 if slope > 0 else 0) - slope * places[:, 2]
    odd = np.zeros((*wide, n + 1), bool)
    for line, first, _ in _firsts(places, mesh.faces, wide, n):
        np.logical_xor.at(odd.reshape(-1), line * (n + 1) + first, True)
    np.logical_xor.accumulate(odd, -1, out=odd)
    below = np.empty((n, n, n), bool)
    total = np.empty((n, n, n), bool)
    for z in range(n):
        x, y = ((n - 1 if slope > 0 else 0) - slope * z for slope in lean)
        below[:, :, z] = odd[x : x + n, y : y + n, z]
        total[:, :, z] = odd[x : x + n, y : y + n, n]
    below, total = (np.moveaxis(part, (0, 1, 2), order) for part in (below, total))
    return below, below ^ total


def _indices(mesh: Triangles, n: int, offset: Sequence[float], order: Sequence[int]) -> np.ndarray:
    """The vertices [v, 3] in coordinates in which the samples are the whole numbers, axes in another order."""
    order = list(order)
    places = mesh.vertices[:, order]
    places += 1
    places *= n / 2
    places -= 0.5
    places -= np.asarray(offset)[order]
    return places


def _firsts(
    vertices: np.ndarray, faces: np.ndarray, shape: tuple[int, int], last: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Lines that meet faces, the first sample above each meeting, from 0 to ``last``, and its way."""
    for start in range(0, len(faces), _FACES):
        for line, height, way in _pierced(vertices, faces[start : start + _FACES], shape):
            yield line, np.ceil(height).clip(0, last).astype(np.int64), way


def _pierced(
    vertices: np.ndarray, faces: np.ndarray, shape: tuple[int, int]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Lines of whole x, y (as x * shape[1] + y) that meet faces, at which z, and 1 where they enter, -1 where leave."""
    most = np.array(shape)
    low = np.ceil(np.minimum.reduce([vertices[faces[:, k], :2] for k in range(3)])).clip(0, most)
    high = np.floor(np.maximum.reduce([vertices[faces[:, k], :2] for k in range(3)])).clip(-1, most - 1)
    size = (high - low + 1).clip(0).astype(np.int64)
    lines = size.prod(1)
    found = np.flatnonzero(lines)
    ends = np.cumsum(lines[found])
    start = 0
    while start < len(found):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS, side="right")))
        these = found[start:stop]
        face = np.repeat(these, lines[these])
        number = np.arange(len(face)) - np.repeat(ends[start:stop] - lines[these] - before, lines[these])
        height = size[face, 1]
        x = low[face, 0] + number // height
        y = low[face, 1] + number % height
        inside, way = _within([vertices[faces[face, k]] for k in range(3)], x, y)
        face, x, y, way = face[inside], x[inside], y[inside], way[inside]
        a, b, c = (vertices[faces[face, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        z = a[:, 2] - ((x - a[:, 0]) * normal[:, 0] + (y - a[:, 1]) * normal[:, 1]) / normal[:, 2]
        yield (x * shape[1] + y).astype(np.int64), z, way
        start = stop


def _within(corners: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether (x, y) lies in each triangle's projection, and whether a line upwards enters (1) or leaves (-1) there.

    A line through an edge belongs to one of the two faces beside it, whatever the rounding: both ask on which side of
    the same edge it lies, from the same end.
    """
    turns = np.zeros(len(x), np.int8)
    for k in range(3):
        p, q = corners[k], corners[(k + 1) % 3]
        swapped = (p[:, 0] > q[:, 0]) | ((p[:, 0] == q[:, 0]) & (p[:, 1] > q[:, 1]))
        start, end = np.where(swapped[:, None], q, p), np.where(swapped[:, None], p, q)
        side = (end[:, 0] - start[:, 0]) * (y - start[:, 1]) - (end[:, 1] - start[:, 1]) * (x - start[:, 0])
        turns += np.where((side >= 0) ^ swapped, 1, -1).astype(np.int8)
    return np.abs(turns) == 3, -np.sign(turns)
