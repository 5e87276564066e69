"""The edges of a triangle mesh: which faces meet there, and in which direction each runs along it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Edges:
    """Half-edges number ``k * f + i`` (edge k of face i, from corner k to the next), grouped by the edge they lie on.

    Attributes:
        order: [3 f] int64, half-edges, edge by edge.
        first: [e] int64, where in ``order`` each edge begins.
        count: [e] int64, faces at each edge.
        balance: [e] int64, faces that run along it from the lower to the higher vertex minus those that run back.
        ends: [e, 2] int64, its vertices, the lower number first.
    """

    order: np.ndarray
    first: np.ndarray
    count: np.ndarray
    balance: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, faces: np.ndarray, vertices: int) -> "Edges":
        """The edges of ``faces`` [f, 3] over so many vertices."""
        keys, ways = np.empty((3, len(faces)), np.int64), np.empty((3, len(faces)), np.int8)
        for key, way, start, end in zip(keys, ways, faces.T, np.roll(faces.T, -1, axis=0), strict=True):
            np.multiply(np.minimum(start, end), vertices, out=key)
            key += np.maximum(start, end)
            np.subtract(2 * (start < end), 1, out=way, casting="unsafe")
        order = np.argsort(keys.ravel())
        key, way = keys.ravel()[order], ways.ravel()[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        count = np.diff(first, append=len(key))
        balance = np.add.reduceat(way, first, dtype=np.int64) if len(first) else first
        return cls(order, first, count, balance, np.stack(np.divmod(key[first], max(vertices, 1)), 1))

    @property
    def closed(self) -> bool:
        """Whether there are edges, and each has exactly two faces, or as many that run one way as the other."""
        return bool(len(self.count) and ((self.count == 2) | (self.balance == 0)).all())

    @property
    def balanced(self) -> bool:
        """Whether there are edges, and each has as many faces that run one way as the other."""
        return bool(len(self.count) and (self.balance == 0).all())

    @property
    def consistent(self) -> bool:
        """Whether neighbours agree on the orientation: as many faces run one way as the other, but for an odd one."""
        return bool((np.abs(self.balance) <= 1).all())

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """The faces [p, 2] at edges with exactly two, and whether [p] their orientations contradict each other."""
        two = self.count == 2
        first = self.first[two]
        faces = np.stack([self.order[first], self.order[first + 1]], 1) % (len(self.order) // 3)
        return faces, self.balance[two] != 0
