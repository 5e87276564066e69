"""Triangle meshes as arrays: areas, normals, what is open, and points spread over the surface."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neuralfields.errors import InputError
from neuralfields.geometry.edges import closed_and_balanced
from neuralfields.geometry.vectors import cross, dot

_PIECE = 1 << 12  # faces: what is computed of them stays in the cache


@dataclass(frozen=True, eq=False)
class Triangles:
    """A triangle mesh; orientation is counter-clockwise seen from outside.

    Attributes:
        vertices: [v, 3] float64.
        faces: [f, 3] int64, numbers of vertices.

    Raises:
        InputError: the shapes are others, or a face names a vertex that is not there.
    """

    vertices: np.ndarray
    faces: np.ndarray

    def __post_init__(self) -> None:
        for name, dtype in (("vertices", np.float64), ("faces", np.int64)):
            array = np.ascontiguousarray(getattr(self, name), dtype)
            if array.ndim != 2 or array.shape[1] != 3:
                raise InputError(f"{name} are [n, 3], got {list(array.shape)}")
            object.__setattr__(self, name, array)
        if self.faces.size and not (self.faces.min() >= 0 and self.faces.max() < len(self.vertices)):
            raise InputError(f"faces name vertices from 0 to {len(self.vertices) - 1}, some name others")

    def pieces(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
        """All faces, some at a time, with their corners a, b, c [n, 3] each, which saves memory and time."""
        for start in range(0, len(self.faces), _PIECE):
            part = slice(start, start + _PIECE)
            a, b, c = (self.vertices[self.faces[part, k]] for k in range(3))
            yield part, a, b, c

    @cached_property
    def corners(self) -> np.ndarray:
        """[f, 3, 3]: face, corner, coordinate."""
        return self.vertices[self.faces]

    @cached_property
    def areas(self) -> np.ndarray:
        """Of the faces [f]."""
        areas = np.empty(len(self.faces))
        for part, a, b, c in self.pieces():
            crossed = cross(b - a, c - a)
            areas[part] = np.sqrt(dot(crossed, crossed)) / 2
        return areas

    @cached_property
    def normals(self) -> np.ndarray:
        """Unit normals of the faces [f, 3]; zero for a face without area."""
        normals = np.empty((len(self.faces), 3))
        for part, *corners in self.pieces():
            normals[part] = _normals(*corners)
        return normals

    def normals_of(self, faces: np.ndarray) -> np.ndarray:
        """Unit normals [n, 3] of these faces [n], which is less work than those of all."""
        return _normals(*(self.vertices[self.faces[faces, k]] for k in range(3)))

    @cached_property
    def vertex_normals(self) -> np.ndarray:
        """Unit normals of the vertices [v, 3], zero where no face gives one.

        Those of the faces, weighted by the angles there (Thürmer and Wüthrich, Computing Vertex Normals from Polygonal
        Facets, 1998).
        """
        summed = np.zeros((3, len(self.vertices)))
        for part, *corners in self.pieces():
            normals, sides = _normals(*corners), [_unit(corners[(k + 1) % 3] - corners[k]) for k in range(3)]
            angles = np.stack([np.arccos(-dot(sides[k], sides[k - 1]).clip(-1, 1)) for k in range(3)], 1)
            for sums, normal in zip(summed, normals.T, strict=True):
                np.add.at(sums, self.faces[part].ravel(), (angles * normal[:, None]).ravel())
        return _unit(summed.T)

    @cached_property
    def volume(self) -> float:
        """Enclosed volume of a closed mesh, negative if it is inside out; of an open one as seen from its middle."""
        count = 3 * max(len(self.faces), 1)
        middle = sum((corners.sum(0) / count for _, *abc in self.pieces() for corners in abc), np.zeros(3))
        parts = (dot(a - middle, cross(b - middle, c - middle)).sum() for _, a, b, c in self.pieces())
        return float(sum(parts, 0.0) / 6)

    @property
    def closed(self) -> bool:
        """Whether it has an inside: each edge has exactly two faces, or as many that run one way as the other."""
        return self._edges[0]

    @property
    def balanced(self) -> bool:
        """Whether it winds around every point a whole number of times: closed, and oriented throughout."""
        return self._edges[1]

    @cached_property
    def _edges(self) -> tuple[bool, bool]:
        """Whether closed and whether balanced, which one sorting of the edges tells."""
        return closed_and_balanced(self.faces, len(self.vertices))

    @cached_property
    def bends(self) -> np.ndarray:
        """How much the surface bends at each face [f]: 1 - the mean cosine between its normal and its vertices'."""
        bends = np.empty(len(self.faces))
        for part, *corners in self.pieces():
            normals = _normals(*corners)
            cosines = [dot(normals, self.vertex_normals[self.faces[part, k]]) for k in range(3)]
            bends[part] = (1 - np.sum(cosines, 0) / 3).clip(0)
        return bends

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest coordinates of vertices that faces use, each [3]."""
        used = self.vertices if (which := used_by(self.faces, len(self.vertices))).all() else self.vertices[which]
        return used.min(0), used.max(0)

    def sample(self, n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """``n`` points spread evenly by area [n, 3], and their faces [n]."""
        course = np.cumsum(self.areas)
        faces = np.searchsorted(course, random.random(n) * course[-1], side="right").clip(max=len(self.faces) - 1)
        return self.spread(faces, random), faces

    def spread(self, faces: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A random point [n, 3] in each of these faces [n]."""
        u = random.random((len(faces), 2))
        u = np.where(u.sum(1, keepdims=True) > 1, 1 - u, u)
        a, b, c = (self.vertices[self.faces[faces, k]] for k in range(3))
        return a + u[:, :1] * (b - a) + u[:, 1:] * (c - a)


def used_by(faces: np.ndarray, vertices: int) -> np.ndarray:
    """Which of so many vertices faces [f, 3] use, [v] bool."""
    used = np.zeros(vertices, bool)
    used[faces.reshape(-1)] = True
    return used


def _normals(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Unit normals [n, 3] of faces with these corners, [n, 3] each; zero without area."""
    return _unit(cross(b - a, c - a))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """``vectors`` [n, 3] of length one, but for zeros."""
    length = np.sqrt(dot(vectors, vectors))[:, None]
    return np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0)
