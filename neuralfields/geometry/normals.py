"""Normals of points, from their neighbours, all pointing outwards."""

from typing import Any

import numpy as np

from neuralfields.checks import between
from neuralfields.errors import InputError

_CHUNK = 1 << 17  # points whose neighbours are looked at together


def estimated_normals(points: np.ndarray, *, neighbours: int = 16, viewpoint: np.ndarray | None = None) -> np.ndarray:
    """Unit normals of points on a surface: of the plane through each point's neighbours, pointing outwards.

    With a viewpoint they point towards it. Without one, neighbours are made to agree along a minimum spanning tree of
    the graph of neighbours, whose edges weigh more the less parallel two normals are; the point farthest from the
    middle of its connected part then tells which side is out. The surface of a cavity thus points into the solid.
    Where neighbours lie on a line, any of the directions across it is given. Points that are the same have the same
    normal.

    Hoppe, DeRose, Duchamp, McDonald, Stuetzle, "Surface Reconstruction from Unorganized Points", SIGGRAPH 1992.

    Args:
        points: [n, 3], in any unit.
        neighbours: points of a plane, the point itself included, 3 to 256; all where there are fewer.
        viewpoint: [3] the place from which all were seen, or [n, 3] one for each.

    Returns:
        [n, 3] float64.

    Raises:
        InputError: an argument has another shape or is not finite, or the points lie on a line.
    """
    points = np.asarray(points, np.float64)
    between(3, 256, neighbours=neighbours)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise InputError(f"points are [n, 3], got {list(points.shape)}")
    if not np.isfinite(points).all():
        raise InputError(f"{int((~np.isfinite(points).all(1)).sum())} of {len(points)} points are not finite")
    distinct, place = np.unique(points, axis=0, return_inverse=True)
    _check_spread(distinct)
    near = _neighbours(distinct, min(neighbours, len(distinct)))
    normals = _across(distinct, near)
    if viewpoint is None:
        return (normals * _outward(distinct, near, normals)[:, None])[place.reshape(-1)]
    return _towards(normals[place.reshape(-1)], points, np.asarray(viewpoint, np.float64))


def _check_spread(points: np.ndarray) -> None:
    values = np.linalg.svd(points - points.mean(0), compute_uv=False) if len(points) > 2 else np.zeros(3)
    if values[1] <= 1e-9 * values[0]:
        raise InputError(f"{len(points)} different points on a line have no normals: three or more off a line have")


def _neighbours(points: np.ndarray, count: int) -> np.ndarray:
    """The nearest points of each [n, count], the point itself first."""
    from scipy.spatial import KDTree

    return np.asarray(KDTree(points).query(points, count)[1], np.int64)


def _across(points: np.ndarray, near: np.ndarray) -> np.ndarray:
    """The direction [n, 3] in which each point's neighbours [n, k] vary least."""
    found = np.empty_like(points)
    for start in range(0, len(points), _CHUNK):
        part = slice(start, start + _CHUNK)
        spread = points[near[part]] - points[part, None]
        spread -= spread.mean(1, keepdims=True)
        spread /= np.abs(spread).max((1, 2), keepdims=True)  # squares of tiny numbers would vanish
        found[part] = np.linalg.eigh(np.einsum("nki,nkj->nij", spread, spread))[1][:, :, 0]
    return found


def _towards(normals: np.ndarray, points: np.ndarray, viewpoint: np.ndarray) -> np.ndarray:
    if viewpoint.shape not in ((3,), points.shape) or not np.isfinite(viewpoint).all():
        raise InputError(
            f"a viewpoint is 3 finite numbers, or as many for each of {len(points)} points, got {list(viewpoint.shape)}"
        )
    return normals * _signs(normals, viewpoint - points)[:, None]


def _outward(points: np.ndarray, near: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """The sign [n] of each normal with which neighbours agree and the farthest points face outwards."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

    count = len(points)
    start, end = np.repeat(np.arange(count), near.shape[1] - 1), near[:, 1:].reshape(-1)
    # A weight of zero would be no edge.
    weight = 1 + 1e-6 - np.abs(np.einsum("ni,ni->n", normals[start], normals[end]))
    tree = minimum_spanning_tree(coo_array((weight, (start, end)), (count, count)).tocsr())
    part = connected_components(tree, directed=False)[1]
    roots, outwards = _farthest(points, part)
    parent = _parents(tree, roots)
    sign = np.ones(count + 1)
    sign[:count] = _signs(normals, normals[parent[:count].clip(max=count - 1)])
    sign[roots] = _signs(normals[roots], outwards)
    while (parent != count).any():  # each sign relative to one twice as far up the tree
        sign *= sign[parent]
        parent = parent[parent]
    return sign[:count]


def _signs(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """-1 where two vectors point apart, else 1."""
    return np.where(np.einsum("ni,ni->n", left, right) < 0, -1.0, 1.0)


def _farthest(points: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The point of each part [p] that is farthest from its middle, and the direction [p, 3] in which it lies."""
    size = np.bincount(part)
    middle = np.stack([np.bincount(part, axis) / size for axis in points.T], -1)
    away = points - middle[part]
    order = np.lexsort((np.linalg.norm(away, axis=1), part))
    last = order[np.cumsum(size) - 1]
    return last, away[last]


def _parents(tree: Any, roots: np.ndarray) -> np.ndarray:
    """The next point on the way to the root of each point's part; above the roots stands one more, its own parent."""
    from scipy.sparse import block_array, coo_array
    from scipy.sparse.csgraph import breadth_first_order

    top = tree.shape[0]
    ends = coo_array((np.ones(len(roots)), (roots, np.zeros_like(roots))), (top, 1))
    joined = block_array([[tree, ends], [None, coo_array((1, 1))]], format="csr")
    parent = breadth_first_order(joined, top, directed=False)[1]
    parent[top] = top
    return parent
