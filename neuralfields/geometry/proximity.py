"""How far points are from a mesh, and on which side: the truth that shapes are fitted to."""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from neuralfields.checks import one_of
from neuralfields.errors import MissingExtra
from neuralfields.geometry.triangles import Triangles

BACKENDS = ("libigl", "open3d")
_CELLS = 128  # per axis of the box, in whose order points are asked about


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
    """Distances to a mesh, and how often it winds around points, by hierarchies that are made once.

    By libigl: exact distances (float64), and winding numbers, which tell inside from outside for meshes with holes,
    flipped faces and several layers too (Jacobson et al., "Robust Inside-Outside Segmentation using Generalized
    Winding Numbers", 2013), fast (Barill et al., "Fast Winding Numbers for Soups and Clouds", 2018). By Open3D: float32
    distances; sides by rays, for closed meshes.

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
        asked = points[order]
        if self._scene is not None:
            found = self._scene.compute_closest_points(asked.astype(np.float32))
            point = found["points"].numpy().astype(np.float64)
            face = found["primitive_ids"].numpy().astype(np.int64)
            square = np.square(asked - point).sum(1)
        else:
            square, face, point = self._tree.squared_distance(self.mesh.vertices, self.mesh.faces, asked)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return Nearest(np.sqrt(square)[back], face[back], point[back])

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Whether each of ``points`` [n, 3] is inside: the winding number exceeds a half (or rays say so)."""
        if self._scene is not None:
            return self._scene.compute_occupancy(points.astype(np.float32), nsamples=3).numpy() > 0.5
        order = along_curve(points)
        found = np.empty(len(points), bool)
        found[order] = self._winding.winding_number(points[order]) > 0.5
        return found

    def signed(self, points: np.ndarray) -> np.ndarray:
        """Distances [n] of ``points`` [n, 3], negative inside."""
        distance = self.nearest(points).distance
        return np.where(self.inside(points), -distance, distance)

    @cached_property
    def _tree(self) -> Any:
        import igl

        tree = igl.AABB()
        tree.init(self.mesh.vertices, self.mesh.faces)
        return tree

    @cached_property
    def _winding(self) -> Any:
        import igl

        # Distance and winding number are asked for apart: the signed distance of libigl's fast winding mode is the
        # distance times 1 - 2 |w|, which is neither where w is no whole number.
        tree = igl.FastWindingNumberBVH()
        tree.init(self.mesh.vertices, self.mesh.faces)
        return tree


def along_curve(points: np.ndarray) -> np.ndarray:
    """An order [n] of points [n, 3] in which neighbours come one after the other (Morton 1966): caches like it."""
    if not len(points):
        return np.zeros(0, np.int64)
    low, high = points.min(0), points.max(0)
    cell = ((points - low) * ((_CELLS - 1) / np.maximum(high - low, 1e-300))).astype(np.int32)
    code = np.zeros(len(points), np.int32)
    for bit in range(_CELLS.bit_length() - 1):
        for axis in range(3):
            code |= ((cell[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")


def _open3d_scene(mesh: Triangles) -> Any:
    try:
        import open3d  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtra("open3d", "open3d", "distances by Open3D") from error
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    return scene
