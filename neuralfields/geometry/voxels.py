"""Which samples of a lattice lie inside a mesh, exactly: lines along an axis change side where they cross a face.

All lines are followed at once, so that 256^3 samples of a mesh of 100,000 faces take a few tenths of a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from neuralfields.geometry.triangles import Triangles

_PAIRS = 1 << 21  # of faces and lines looked at together


@dataclass(frozen=True)
class Occupancy:
    """What a lattice of samples finds inside.

    Attributes:
        inside: [n, n, n] bool, indexed x, y, z.
        disputed: [n, n, n] bool, where lines along different axes, or from different ends, disagree.
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

    Of a closed and consistently oriented mesh: those around which it winds a positive number of times, which is exact.
    Else the majority of six lines, along each axis from both ends, each of which counts its crossings.

    Args:
        mesh: in box coordinates; it may reach beyond the box.
        n: samples per axis, at the centres of as many cells.
        offset: by which part of a cell all samples are moved, below half.
    """
    if mesh.balanced:
        wound, _ = _crossings(mesh, n, offset, axis=0)
        inside = wound > 0
        return Occupancy(inside, np.zeros_like(inside))
    votes = np.zeros((n, n, n), np.int8)
    for axis in range(3):
        _, count = _crossings(mesh, n, offset, axis)
        below = count % 2 == 1
        votes += below
        # From the other end: what lies between here and there, which is all crossings but those below.
        votes += below ^ np.take(below, [-1], axis)
    return Occupancy(votes > 3, (votes > 0) & (votes < 6))


def _crossings(mesh: Triangles, n: int, offset: Sequence[float], axis: int) -> tuple[np.ndarray, np.ndarray]:
    """At each sample, of the faces below it along ``axis``: ways in minus ways out, and their number; [n, n, n] int8.

    Beyond the last sample there is none, so the last counts are those of a line up to the end of the box.
    """
    across = [k for k in range(3) if k != axis]
    order = [*across, axis]
    # Coordinates in which the samples are the whole numbers.
    vertices = (mesh.vertices[:, order] + 1) * (n / 2) - 0.5 - np.asarray(offset)[order]
    wound, count = (np.zeros((n, n, n), np.int8) for _ in range(2))
    for line, height, way in _pierced(vertices, mesh.faces, n):
        first = np.ceil(height).clip(0, n)  # the first sample above
        here = first < n
        place = line[here] * n + first[here].astype(np.int64)
        np.add.at(wound.reshape(-1), place, way[here])
        np.add.at(count.reshape(-1), place, np.int8(1))
    # More than 127 layers wrap around, which keeps the parity.
    results = (np.cumsum(steps, -1, dtype=np.int8) for steps in (wound, count))
    first, second = (np.moveaxis(result, (0, 1, 2), order) for result in results)
    return first, second


def _pierced(vertices: np.ndarray, faces: np.ndarray, n: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Lines of whole x, y (as x * n + y) that meet faces, at which z, and 1 where they enter, -1 where they leave."""
    low = np.ceil(np.minimum.reduce([vertices[faces[:, k], :2] for k in range(3)])).clip(0, n)
    high = np.floor(np.maximum.reduce([vertices[faces[:, k], :2] for k in range(3)])).clip(-1, n - 1)
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
        yield (x * n + y).astype(np.int64), z, way
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
