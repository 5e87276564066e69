"""From a level function to a closed triangle mesh: marching cubes where the surface is, vertices on the zero set."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from neuralfields.errors import InputError
from neuralfields.geometry import Triangles
from neuralfields.render.blocks import Blocks
from neuralfields.render.crossings import Crossings, gradients_at
from neuralfields.render.surface import Surface

_NEWTON = 4
_CENTRE = 3  # in place of an axis: a vertex inside its cell, on no edge


class Extracted(NamedTuple):
    """A mesh of a level function.

    Attributes:
        triangles: in box coordinates, counter-clockwise seen from outside.
        normals: [v, 3] float32, unit normals of the vertices from the field's gradients, pointing outwards.
        evaluated: points at which the field was evaluated to find the surface.
    """

    triangles: Triangles
    normals: np.ndarray
    evaluated: int


def extract(
    surface: Surface,
    resolution: int,
    *,
    project: bool = True,
    skip: bool = True,
    least_share: float = 0.0,
) -> Extracted:
    """A closed mesh by marching cubes (Lewiner et al., Efficient Implementation of Marching Cubes' Cases, 2003).

    The field is evaluated only in blocks near the surface, see ``Blocks.of``, so that memory grows with the surface's
    area. The mesh has neither seams nor duplicate vertices, and every edge has two faces; where the surface leaves the
    box it is closed by the box's sides. Faces without area are kept, because without them it would be open; except on
    edges of the box there are none.

    Args:
        surface: what is negative inside.
        resolution: cells along each axis of the box, 2 to 2048.
        project: move vertices to zeros of the field, along their edges of the lattice; otherwise they are interpolated.
        skip: False evaluates the whole lattice.
        least_share: parts whose area is a smaller share of the largest part's are left out, 0 to 1; 1 leaves only that.

    Raises:
        InputError: a number is out of range, or there is no surface in the box.
    """
    blocks = Blocks.of(surface, resolution, skip=skip)
    crossings, centres, faces = _marched(blocks)
    if project:
        crossings, centres = crossings.refined(surface), _on_surface(surface, centres, blocks.cell)
    triangles = Triangles(np.concatenate([crossings.points, centres]), faces)
    normals = _normals(surface, triangles, crossings)
    return larger_parts(Extracted(triangles, normals, blocks.evaluated), least_share)


def components(triangles: Triangles) -> tuple[np.ndarray, np.ndarray]:
    """Parts of a mesh that share no vertex, the largest first.

    Returns:
        The part [f] of each face, and the parts' areas [parts].
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count, faces = len(triangles.vertices), triangles.faces
    start, end = faces[:, :2].T.ravel(), faces[:, 1:].T.ravel()
    graph = coo_matrix((np.ones(len(start), np.int8), (start, end)), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, parts = np.unique(labels[faces[:, 0]], return_inverse=True)
    areas = np.bincount(parts, triangles.areas)
    order = np.argsort(-areas, kind="stable")
    return np.argsort(order)[parts], areas[order]


def larger_parts(mesh: Extracted, least_share: float) -> Extracted:
    """Without the parts whose area is a smaller share of the largest one's; ``least_share`` is between 0 and 1."""
    if not 0 <= least_share <= 1:
        raise InputError(f"least_share is between 0 and 1, got {least_share}")
    if not least_share:
        return mesh
    parts, areas = components(mesh.triangles)
    faces = mesh.triangles.faces[areas[parts] >= least_share * areas[0]]
    used, renumbered = np.unique(faces, return_inverse=True)
    triangles = Triangles(mesh.triangles.vertices[used], renumbered.reshape(-1, 3))
    return mesh._replace(triangles=triangles, normals=mesh.normals[used])


def unit(vectors: np.ndarray, otherwise: Callable[[], np.ndarray]) -> np.ndarray:
    """Vectors [n, 3] at length 1; where they have no direction those of ``otherwise``."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = np.isfinite(length) & (length > 0)
    if usable.all():
        return vectors / length
    return np.divide(vectors, length, out=otherwise().copy(), where=usable)


def outward(crossings: Crossings) -> np.ndarray:
    """The normals [n, 3] of the box's sides at crossings that lie on them because the surface is cut off there."""
    sign = np.where(crossings.share == 0, 1.0, -1.0)[:, None]
    return sign * np.eye(3)[crossings.axis]


def _marched(blocks: Blocks) -> tuple[Crossings, np.ndarray, np.ndarray]:
    """Vertices on edges of the lattice, vertices [c, 3] inside cells, and faces: the former are numbered first."""
    from skimage.measure import marching_cubes

    pieces: list[tuple[np.ndarray, ...]] = []
    faces, count = [np.empty((0, 3), np.int64)], 0
    for origin, values in blocks.bricks():
        places, triples, _, _ = marching_cubes(values, 0.0, gradient_direction="descent")
        pieces.append(_identified(origin, values, places, blocks.nodes))
        faces.append(triples.astype(np.int64) + count)
        count += len(places)
    keys, ends, places = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    keys, first, number = np.unique(keys, return_index=True, return_inverse=True)
    node, axis = np.divmod(keys, _CENTRE + 1)
    on_edge = axis != _CENTRE
    order = np.argsort(~on_edge, kind="stable")
    base = np.stack(np.unravel_index(node[on_edge], [blocks.nodes] * 3), 1)
    crossings = Crossings.between(blocks, base, axis[on_edge], ends[first[on_edge]])
    centres = blocks.place(places[first[~on_edge]]).clip(-1, 1)
    return crossings, centres, np.argsort(order)[number[np.concatenate(faces)]]


def _identified(
    origin: np.ndarray, values: np.ndarray, places: np.ndarray, nodes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A brick's vertices [n, 3]: numbers [n] that are the same in each brick, values [n, 2] at the ends of their edges,
    and places in the whole lattice."""
    base = np.floor(places).astype(np.int64)
    off = places > base  # no vertex lies at a node: values there are not zero
    axis = np.where(off.sum(1) == 1, off.argmax(1), _CENTRE)
    step = np.eye(4, 3, dtype=np.int64)[axis]
    ends = np.stack([values[tuple(base.T)], values[tuple((base + step).T)]], 1)
    node = np.ravel_multi_index(tuple((base + origin).T), [nodes] * 3)
    return node * (_CENTRE + 1) + axis, ends, places.astype(np.float64) + origin


def _on_surface(surface: Surface, points: np.ndarray, cell: float) -> np.ndarray:
    """Points [n, 3] after a few steps by Newton's method along the gradient, where these bring them nearer to zero.

    None goes farther than half a cell, and those on the sides of the box stay.
    """
    inner = (np.abs(points) < 1).all(1)
    if not inner.any():
        return points
    start = here = points[inner]
    values, gradients = gradients_at(surface, start)
    for _ in range(_NEWTON):
        square = np.maximum((gradients**2).sum(1, keepdims=True), np.finfo(float).tiny)
        there = start + (here - values[:, None] / square * gradients - start).clip(-cell / 2, cell / 2)
        new_values, new_gradients = gradients_at(surface, there)
        nearer = np.abs(new_values) < np.abs(values)
        here, gradients = (np.where(nearer[:, None], *pair) for pair in ((there, here), (new_gradients, gradients)))
        values = np.where(nearer, new_values, values)
    points = points.copy()
    points[inner] = here
    return points


def _normals(surface: Surface, triangles: Triangles, crossings: Crossings) -> np.ndarray:
    """Of the vertices [v, 3] float32: the first of them are the crossings."""
    capped = np.zeros(len(triangles.vertices), bool)
    capped[: len(crossings.base)] = crossings.capped
    vectors = np.empty_like(triangles.vertices)
    vectors[capped] = outward(crossings)[crossings.capped]
    vectors[~capped] = gradients_at(surface, triangles.vertices[~capped])[1]
    return unit(vectors, lambda: triangles.vertex_normals).astype(np.float32)
