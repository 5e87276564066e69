"""From a level function to a mesh with sharp edges: one vertex per cell, where the tangent planes around it meet."""

from functools import cache

import numpy as np

from neuralfields.geometry import Triangles
from neuralfields.render.blocks import Blocks
from neuralfields.render.crossings import Crossings, gradients_at
from neuralfields.render.meshing import Extracted, larger_parts, outward, unit
from neuralfields.render.surface import Surface

_FLAT = 0.05  # directions of which the planes say less than this share of the most are left to the crossings' mean
_BEYOND = 0.5  # cells a vertex may leave its own by: where an edge cuts off a cell's corner it runs outside of the cell
_ROUND = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])  # cells around an edge, counter-clockwise seen from its far end
_BITS = np.array([1, 2, 4])
_CORNERS = np.arange(8)[:, None] >> np.arange(3) & 1
_INSIDE = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(bool)
_SPLITS = np.array([[[0, 1, 2], [0, 2, 3]], [[0, 1, 3], [1, 2, 3]]])


def contour(surface: Surface, resolution: int, *, skip: bool = True, least_share: float = 0.0) -> Extracted:
    """A closed mesh by dual contouring (Ju et al., Dual Contouring of Hermite Data, 2002).

    Each sheet of the surface in a cell gets a vertex: the least squares solution for the tangent planes at its
    crossings, by truncated eigenvalues around the crossings' mean, at most half a cell outside. So edges and corners
    come out sharp that marching cubes cut off. Sheets in one cell are told apart as by dual marching cubes (Nielson,
    Dual Marching Cubes, 2004), with Wenger's rule for the side between two cells, so that each edge has two faces.
    Faces may intersect where the lattice is too coarse for the surface. A vertex's normal is the mean of those at its
    crossings. Blocks and the sides of the box are as for ``extract``.

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
    firsts, cells = _sheets_around(crossings)
    vertices, directions = _vertices(crossings, normals, firsts, cells)
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


def _sheets_around(crossings: Crossings) -> tuple[np.ndarray, np.ndarray]:
    """The first nodes [m, 3] of cells, each as often as sheets of the surface pass it, and which [n, 4] lie around
    each edge."""
    shape = [crossings.blocks.nodes] * 3
    ends = np.zeros((3, 4, 3), np.int64)  # where the first end of an edge lies in each of its cells
    for axis in range(3):
        ends[axis][:, [(axis + 1) % 3, (axis + 2) % 3]] = _ROUND
    within = ends[crossings.axis]
    around = (crossings.base[:, None] - within).reshape(-1, 3)
    keys, number = np.unique(np.ravel_multi_index(tuple(around.T), shape), return_inverse=True)
    firsts = np.stack(np.unravel_index(keys, shape), 1)
    signs = (crossings.blocks.at(firsts[:, None] + _CORNERS) < 0) @ (1 << np.arange(8))
    parts = _parts()[_turned(keys, signs, shape), signs][number.reshape(-1, 4)]
    here = within @ _BITS
    both = [np.take_along_axis(parts, end[..., None], 2)[..., 0] for end in (here, here + _BITS[crossings.axis, None])]
    keys = (number.reshape(-1, 4) * 8 + np.minimum(*both)) * 8 + np.maximum(*both)
    keys, found = np.unique(keys, return_inverse=True)
    return firsts[keys // 64], found.reshape(-1, 4)


@cache
def _parts() -> np.ndarray:
    """For each of the 256 signs of a cell, the parts that its corners belong to, named by their first corner.

    [2, 256, 8]: in the first convention corners inside are of one part along edges only and those outside also across
    a side; in the second it is the other way round. So both cells at an ambiguous side see it in the same way.
    """
    apart = np.abs(_CORNERS[:, None] - _CORNERS).sum(2)
    near = np.where(np.stack([_INSIDE, ~_INSIDE])[..., None], apart <= 1, apart <= 2)
    joined = near & (_INSIDE[:, :, None] == _INSIDE[:, None])
    for _ in range(3):
        joined = joined @ joined
    return joined.argmax(3)


@cache
def _pinched() -> np.ndarray:
    """For each of the 256 signs of a cell [256], the one ambiguous side, 2 axis + (0 | 1), at which the same sheet
    passes twice; -1 if there is none."""
    sides = []
    for axis in range(3):
        for far in range(2):
            a, b, c, d = _BITS[axis] * far + _ROUND @ np.delete(_BITS, axis)
            inside, part = _INSIDE[:, [a, b]], _parts()[0]
            crossed = (
                (_INSIDE[:, a] == _INSIDE[:, c]) & (_INSIDE[:, b] == _INSIDE[:, d]) & (inside[:, 0] != inside[:, 1])
            )
            again = np.where(inside[:, 0], part[:, a] == part[:, c], part[:, b] == part[:, d])
            sides.append(np.stack([crossed, crossed & again], 1))
    ambiguous, twice = np.moveaxis(np.stack(sides, 1), 2, 0)
    return np.where((ambiguous.sum(1) == 1) & twice.any(1), twice.argmax(1), -1)


def _turned(keys: np.ndarray, signs: np.ndarray, shape: list[int]) -> np.ndarray:
    """Which cells take the second convention: neighbours whose sheets would meet twice at the side between them.

    Such cells have no other ambiguous side (Wenger, Isosurfaces: Geometry, Topology, and Algorithms, 2013).
    """
    side = _pinched()[signs]
    turned = np.zeros(len(keys), np.int64)
    for axis, stride in enumerate((shape[1] * shape[2], shape[2], 1)):
        (low,) = np.nonzero(side == 2 * axis + 1)
        high = np.searchsorted(keys, keys[low] + stride).clip(max=len(keys) - 1)
        meet = (keys[high] == keys[low] + stride) & (side[high] == 2 * axis)
        turned[low[meet]] = turned[high[meet]] = 1
    return turned


def _vertices(
    crossings: Crossings, normals: np.ndarray, firsts: np.ndarray, cells: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A vertex [m, 3] for each sheet in a cell, and the sum [m, 3] of the normals at its crossings."""

    def summed(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1)
        sums = [np.bincount(cells.ravel(), np.repeat(column, 4), len(firsts)) for column in flat.T]
        return np.stack(sums, 1).reshape(-1, *values.shape[1:])

    points = crossings.points
    middle = summed(points) / np.bincount(cells.ravel(), minlength=len(firsts))[:, None]
    squares = summed(normals[:, :, None] * normals[:, None, :])
    planes = summed(normals * (normals * points).sum(1, keepdims=True))
    planes -= np.einsum("nij,nj->ni", squares, middle)
    strength, along = np.linalg.eigh(squares)
    told = strength > _FLAT * strength[:, -1:]
    inverse = np.divide(1.0, strength, out=np.zeros_like(strength), where=told)
    places = middle + np.einsum("nij,nj,nkj,nk->ni", along, inverse, along, planes, optimize=True)
    low, high = (crossings.blocks.place(firsts + k) for k in (-_BEYOND, 1 + _BEYOND))
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
