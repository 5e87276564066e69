"""From a level function to a mesh with sharp edges: one vertex per cell, where the tangent planes around it meet."""

import numpy as np

from neuralfields.geometry import Triangles
from neuralfields.render.blocks import Blocks
from neuralfields.render.crossings import Crossings, gradients_at
from neuralfields.render.meshing import Extracted, larger_parts, outward, unit
from neuralfields.render.surface import Surface

_FLAT = 0.05  # directions of which the planes say less than this share of the most are left to the crossings' mean
_BEYOND = 0.5  # cells a vertex may leave its own by: where an edge cuts off a cell's corner it runs outside of the cell
_ROUND = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])  # cells around an edge, counter-clockwise seen from its far end
_SPLITS = np.array([[[0, 1, 2], [0, 2, 3]], [[0, 1, 3], [1, 2, 3]]])


def contour(surface: Surface, resolution: int, *, skip: bool = True, least_share: float = 0.0) -> Extracted:
    """A closed mesh by dual contouring (Ju et al., Dual Contouring of Hermite Data, 2002).

    Each cell that the surface passes gets one vertex: the least squares solution for the tangent planes at its
    crossings, by truncated eigenvalues around the crossings' mean, at most half a cell outside. So edges and corners
    come out sharp that marching cubes cut off. Where two sheets pass the same cell they share its vertex: every edge
    then still has an even number of faces, but perhaps four, and faces may intersect. A vertex's normal is the mean of
    those at its crossings. Blocks and the sides of the box are as for ``extract``.

    Args:
        surface: what is negative inside.
        resolution: cells along each axis of the box, 2 to 2048.
        skip: False evaluates the whole lattice.
        least_share: parts whose area is a smaller share of the largest part's are left out, 0 to 1.

    Raises:
        InputError: a number is out of range, or there is no surface in the box.
    """
    blocks = Blocks.of(surface, resolution, skip=skip)
    crossings = Crossings.of(blocks).refined(surface)
    normals = _normals(surface, crossings)
    keys, cells = _cells_around(crossings)
    vertices, directions = _vertices(crossings, normals, keys, cells)
    inside = crossings.ends[:, 0] < 0
    quads = np.where(inside[:, None], cells, cells[:, ::-1])
    triangles = Triangles(vertices, _split(vertices, quads, normals))
    directions = unit(directions, lambda: triangles.vertex_normals).astype(np.float32)
    return larger_parts(Extracted(triangles, directions, blocks.evaluated), least_share)


def _normals(surface: Surface, crossings: Crossings) -> np.ndarray:
    """Unit normals [n, 3] at the crossings; zero where the field has no slope."""
    vectors = outward(crossings)
    inner = ~crossings.capped
    vectors[inner] = gradients_at(surface, crossings.points[inner])[1]
    return unit(vectors, lambda: np.zeros_like(vectors))


def _cells_around(crossings: Crossings) -> tuple[np.ndarray, np.ndarray]:
    """The first nodes [m, 3] of the cells that the surface passes, and which of them [n, 4] lie around each edge."""
    shape = [crossings.blocks.nodes] * 3
    steps = np.zeros((3, 4, 3), np.int64)
    for axis in range(3):
        steps[axis][:, [(axis + 1) % 3, (axis + 2) % 3]] = _ROUND
    corners = crossings.base[:, None] - steps[crossings.axis]
    keys, number = np.unique(np.ravel_multi_index(tuple(corners.reshape(-1, 3).T), shape), return_inverse=True)
    return np.stack(np.unravel_index(keys, shape), 1), number.reshape(-1, 4)


def _vertices(
    crossings: Crossings, normals: np.ndarray, corners: np.ndarray, cells: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A vertex [m, 3] for each cell, and the sum [m, 3] of the normals at its crossings."""

    def summed(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1)
        sums = [np.bincount(cells.ravel(), np.repeat(column, 4), len(corners)) for column in flat.T]
        return np.stack(sums, 1).reshape(-1, *values.shape[1:])

    points = crossings.points
    middle = summed(points) / np.bincount(cells.ravel(), minlength=len(corners))[:, None]
    squares = summed(normals[:, :, None] * normals[:, None, :])
    planes = summed(normals * (normals * points).sum(1, keepdims=True))
    planes -= np.einsum("nij,nj->ni", squares, middle)
    strength, along = np.linalg.eigh(squares)
    told = strength > _FLAT * strength[:, -1:]
    inverse = np.divide(1.0, strength, out=np.zeros_like(strength), where=told)
    places = middle + np.einsum("nij,nj,nkj,nk->ni", along, inverse, along, planes, optimize=True)
    low, high = (crossings.blocks.place(corners + k) for k in (-_BEYOND, 1 + _BEYOND))
    return places.clip(low, high).clip(-1, 1), summed(normals)


def _split(vertices: np.ndarray, quads: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Triangles [2 n, 3] of quads [n, 4], along the diagonal by which both agree better with the normals [n, 3]."""
    options = quads[:, _SPLITS]
    agreement = []
    for k in range(2):
        a, b, c = np.moveaxis(vertices[options[:, k]], 2, 0)
        crossed = np.cross(b - a, c - a)
        length = np.maximum(np.linalg.norm(crossed, axis=2), np.finfo(float).tiny)
        agreement.append(((crossed * normals[:, None]).sum(2) / length).min(1))
    return np.where((agreement[0] >= agreement[1])[:, None, None], options[:, 0], options[:, 1]).reshape(-1, 3)
