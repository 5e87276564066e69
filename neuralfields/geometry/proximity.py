"""How far points are from a mesh, and on which side: the truth that shapes are fitted to."""

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from neuralfields.checks import one_of
from neuralfields.errors import MissingExtra
from neuralfields.geometry.edges import index_type
from neuralfields.geometry.triangles import Triangles

BACKENDS = ("libigl", "open3d")
_CELLS = 128  # per axis of the box, in whose order points are asked about
_FACES = 1 << 21  # of which libigl's hierarchies are made at once
_POINTS = 1 << 18  # that are asked about at once
_SPARSE = 256  # one face of so many tells how far a mesh is at most


class Nearest(NamedTuple):
    """The surface nearest to each of n points.

    Attributes:
        distance: [n], from 0 on.
        face: [n], number of the face.
        point: [n, 3], on it.
    """

    distance: np.ndarray
    face: np.ndarray
    point: np.ndarray


class Proximity:
    """Distances to a mesh, and how often it winds around points, by hierarchies of its faces.

    By libigl: exact distances (float64), and winding numbers, which tell inside from outside for meshes with holes,
    flipped faces and several layers too (Jacobson et al., "Robust Inside-Outside Segmentation using Generalized
    Winding Numbers", 2013), fast (Barill et al., "Fast Winding Numbers for Soups and Clouds", 2018). By Open3D: float32
    distances; sides by rays, for closed meshes.

    libigl's hierarchies take hundreds of bytes for each face. A mesh of more than 2^21 faces is therefore asked part
    by part: the least distance and the sum of the winding numbers are the whole's. The hierarchies of a part are made
    for a question and dropped after it, so it is best to ask about many points at once; those of a smaller mesh are
    kept.

    Args:
        mesh: in any units; of the order of the box is most exact.
        backend: "libigl", or "open3d", which is an extra.

    Raises:
        InputError: there is no such backend.
        MissingExtra: Open3D is not installed.
    """

    def __init__(self, mesh: Triangles, backend: str = "libigl"):
        one_of(BACKENDS, backend=backend)
        self.mesh, self.backend = mesh, backend
        self._scene: Any = _open3d_scene(mesh) if backend == "open3d" else None

    def nearest(self, points: np.ndarray) -> Nearest:
        """Of ``points`` [n, 3]."""
        order = along_curve(points)
        if self._scene is not None:
            return _scene_nearest(self._scene, points, order)
        found = Nearest(np.full(len(points), np.inf), np.zeros(len(points), np.int64), np.zeros((len(points), 3)))
        limit = self._limit(points)
        for part in self._parts:
            some = order[(part.apart(points) <= np.minimum(limit, found.distance))[order]]
            for block, *there in part.nearest(points, some):
                nearer = there[0] < found.distance[block]
                for array, values in zip(found, there, strict=True):
                    array[block[nearer]] = values[nearer]
        np.sqrt(found.distance, out=found.distance)
        return found

    def winding(self, points: np.ndarray) -> np.ndarray:
        """How often the mesh winds around each of ``points`` [n, 3], by libigl; no whole number where it is open."""
        order = along_curve(points)
        turns = np.zeros(len(points))
        for part in self._parts:
            turns[order] += part.winding(points[order])
        return turns

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Whether each of ``points`` [n, 3] is inside: the winding number exceeds a half (or rays say so)."""
        if self._scene is not None:
            return self._scene.compute_occupancy(points.astype(np.float32), nsamples=3).numpy() > 0.5
        return self.winding(points) > 0.5

    def signed(self, points: np.ndarray) -> np.ndarray:
        """Distances [n] of ``points`` [n, 3], negative inside."""
        distance = self.nearest(points).distance
        return np.where(self.inside(points), -distance, distance)

    def _limit(self, points: np.ndarray) -> np.ndarray | float:
        """No face is farther from a point than this, squared: [n], or infinity for a mesh that is one part."""
        if len(self._parts) == 1:
            return np.inf
        from scipy.spatial import KDTree

        some = np.concatenate([part.faces[::_SPARSE] for part in self._parts])
        distance, _ = KDTree(self.mesh.vertices[self.mesh.faces[some, 0]]).query(points)
        return np.square(distance) * (1 + 1e-6)  # rounding must not hide the face it was measured to

    @cached_property
    def _parts(self) -> list["_Part"]:
        """The faces, up to 2^21 that lie together in each part."""
        faces = self.mesh.faces
        if len(faces) <= _FACES:
            return [_Part(self.mesh, np.arange(len(faces)), kept=True)]
        order = _face_order(self.mesh)
        count = math.ceil(len(faces) / _FACES)
        return [_Part(self.mesh, part, kept=False) for part in np.array_split(order, count)]


class _Part:
    """Some faces of a mesh, and libigl's hierarchies of them, which stay if they are to be ``kept``."""

    def __init__(self, mesh: Triangles, faces: np.ndarray, *, kept: bool):
        self.mesh, self.faces, self.kept = mesh, faces, kept
        self._made: dict[str, Any] = {}

    def apart(self, points: np.ndarray) -> np.ndarray:
        """The squared distance [n] of ``points`` [n, 3] from the part's bounds."""
        low, high = self._bounds
        square = np.zeros(len(points))
        for k in range(3):
            beyond = np.maximum(low[k] - points[:, k], points[:, k] - high[k]).clip(0)
            square += np.square(beyond, out=beyond)
        return square

    def nearest(
        self, points: np.ndarray, some: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Of ``some`` [k] of the ``points`` [n, 3], block by block: which, squared distances, faces, points there."""
        if len(some):
            corners = self._corners
            tree = self._hierarchy("AABB", corners)
            for block in np.array_split(some, math.ceil(len(some) / _POINTS)):
                square, face, point = tree.squared_distance(self.mesh.vertices, corners, points[block])
                yield block, square, self.faces[face], point

    def winding(self, points: np.ndarray) -> np.ndarray:
        # Distance and winding number are asked for apart: the signed distance of libigl's fast winding mode is the
        # distance times 1 - 2 |w|, which is neither where w is no whole number.
        return self._hierarchy("FastWindingNumberBVH", self._corners).winding_number(points)

    @property
    def _corners(self) -> np.ndarray:
        whole = len(self.faces) == len(self.mesh.faces)
        return self.mesh.faces if whole else self.mesh.faces[self.faces]

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        return Triangles(self.mesh.vertices, self._corners).bounds

    def _hierarchy(self, kind: str, corners: np.ndarray) -> Any:
        if kind in self._made:
            return self._made[kind]
        import igl

        tree = getattr(igl, kind)()
        tree.init(self.mesh.vertices, corners)
        if self.kept:
            self._made[kind] = tree
        return tree


def _face_order(mesh: Triangles) -> np.ndarray:
    """An order of the faces [f] in which those that lie together follow one another."""
    low, high = mesh.bounds
    codes = np.empty(len(mesh.faces), np.int32)
    for piece, a, b, c in mesh.pieces():
        codes[piece] = _codes((a + b + c) / 3, low, high)
    return np.argsort(codes, kind="stable").astype(index_type(len(codes)))


def along_curve(points: np.ndarray) -> np.ndarray:
    """An order [n] of points [n, 3] in which neighbours come one after the other (Morton 1966): caches like it."""
    if not len(points):
        return np.zeros(0, np.int64)
    return np.argsort(_codes(points, points.min(0), points.max(0)), kind="stable")


def _codes(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Where on the curve through the box from ``low`` to ``high`` each of ``points`` [n, 3] lies, [n] int32."""
    cell = ((points - low) * ((_CELLS - 1) / np.maximum(high - low, 1e-300))).astype(np.int32)
    code = np.zeros(len(points), np.int32)
    for bit in range(_CELLS.bit_length() - 1):
        for axis in range(3):
            code |= ((cell[:, axis] >> bit) & 1) << (3 * bit + axis)
    return code


def _scene_nearest(scene: Any, points: np.ndarray, order: np.ndarray) -> Nearest:
    """By Open3D, asked in this order."""
    asked = points[order]
    found = scene.compute_closest_points(asked.astype(np.float32))
    point = found["points"].numpy().astype(np.float64)
    face = found["primitive_ids"].numpy().astype(np.int64)
    distance = np.sqrt(np.square(asked - point).sum(1))
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Nearest(distance[back], face[back], point[back])


def _open3d_scene(mesh: Triangles) -> Any:
    try:
        import open3d  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtra("open3d", "open3d", "distances by Open3D") from error
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    return scene
