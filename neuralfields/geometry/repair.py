"""Meshes as they are found in files, made fit for distances: cleaned, merged, consistently oriented; what they are."""

from dataclasses import dataclass, fields, replace

import numpy as np

from neuralfields.errors import InputError
from neuralfields.geometry.edges import Edges, closed_and_balanced, index_type
from neuralfields.geometry.proximity import Proximity
from neuralfields.geometry.triangles import Triangles, used_by
from neuralfields.geometry.vectors import cross, dot

_FLAT = 2.0**-50  # a face is flat when its least height is below this share of the mesh's size: rounding alone
_SIZES = (1e-100, 1e100)  # beyond them areas and volumes leave the range of float64
_ROUND = 0.1  # an open mesh has an inside when it is this round: its volume over that of a sphere of its area
_LARGEST = 1000  # parts that others may lie in
_HASH = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)


@dataclass(frozen=True)
class Repairs:
    """How much ``repaired`` changed; printed, it is one line, empty if nothing.

    Attributes:
        non_finite_vertices: vertices with NaN or infinity, dropped with their faces.
        degenerate_faces: faces with a repeated vertex or without area, dropped.
        duplicate_faces: faces on the same three vertices as an earlier one, dropped.
        merged_vertices: vertices at exactly the place of an earlier one.
        flipped_faces: faces that were turned over.
    """

    non_finite_vertices: int = 0
    degenerate_faces: int = 0
    duplicate_faces: int = 0
    merged_vertices: int = 0
    flipped_faces: int = 0

    def __str__(self) -> str:
        counts = {field.name: getattr(self, field.name) for field in fields(self)}
        return ", ".join(f"{count:,} {_words(name, count)}" for name, count in counts.items() if count)


@dataclass(frozen=True)
class Topology:
    """What a mesh is, apart from where its vertices are.

    Attributes:
        components: parts that share no vertex.
        boundary_edges: edges with one face.
        non_manifold_edges: edges with three faces or more.
        euler: vertices in use - edges + faces; 2 for a sphere, 0 for a torus.
        closed: each edge has exactly two faces, or as many that run one way as the other.
        consistent: neighbours agree on what is outside: at each edge as many faces run one way as the other, but for
            an odd one.
    """

    components: int
    boundary_edges: int
    non_manifold_edges: int
    euler: int
    closed: bool
    consistent: bool


def repaired(mesh: Triangles) -> tuple[Triangles, Repairs]:
    """A mesh fit for distances and winding numbers, and what had to be changed.

    Faces with vertices that are not finite go, vertices at exactly equal places become one (seams of textures, loose
    triangles), faces without area and repeated faces go. A face without area stays where the mesh is closed with it
    and not without it. Then each part, connected through edges with two faces, gets one orientation, that of the
    majority of its faces; a part that has none (a Möbius strip) stays as it is. A closed part whose volume is negative
    is turned over with all that lies in it, unless it lies in another, whose cavity it may be. Where nothing is closed
    the whole is turned over if it is round enough to have an inside. Holes are not filled. Vertices without faces go.

    Raises:
        InputError: no face is left, or the mesh is smaller than 1e-100 or larger than 1e100.
    """
    vertices, faces = mesh.vertices, mesh.faces
    if not len(faces):
        raise InputError(f"the mesh has no faces, only {len(vertices):,} vertices")
    finite = np.logical_and.reduce(np.isfinite(vertices), axis=1)
    found = Repairs(non_finite_vertices=len(finite) - int(finite.sum()))
    if not finite.all():
        faces = faces[finite[faces].all(axis=1)]
    vertices, faces = _used(vertices, faces)
    places = _merged(vertices)
    merged = int(np.count_nonzero(_repeated(places)))
    found = replace(found, merged_vertices=merged)
    if merged:
        vertices, faces = _used(vertices, places[faces])
    del places
    _check_size(vertices)
    count = len(faces)
    faces = _with_area(vertices, _where(_distinct(faces), faces))
    found = replace(found, degenerate_faces=count - len(faces))
    count = len(faces)
    faces = _where(~_repeated(_first_of_each(np.sort(faces, axis=1))), faces)
    found = replace(found, duplicate_faces=count - len(faces))
    if not len(faces):
        raise InputError(f"none of the mesh's {len(mesh.faces):,} faces is of use: {found}")
    faces, flipped = _oriented(vertices, faces)
    return Triangles(*_used(vertices, faces)), replace(found, flipped_faces=flipped)


def topology(mesh: Triangles) -> Topology:
    """Components, edges and orientation of a mesh, vertices taken as they are numbered (see ``repaired``)."""
    edges = Edges.of(mesh.faces, len(mesh.vertices))
    used = used_by(mesh.faces, len(mesh.vertices))
    parts, _ = _parts(edges, len(used))
    return Topology(
        components=int(parts - (~used).sum()),
        boundary_edges=int((edges.count == 1).sum()),
        non_manifold_edges=int((edges.count > 2).sum()),
        euler=int(used.sum() - len(edges.count) + len(mesh.faces)),
        closed=edges.closed,
        consistent=edges.consistent,
    )


def _words(name: str, count: int) -> str:
    kind, noun = name.replace("non_finite", "non-finite").replace("_", " ").rsplit(" ", 1)
    return f"{kind} {noun if count != 1 else {'vertices': 'vertex', 'faces': 'face'}[noun]}"


def _check_size(vertices: np.ndarray) -> None:
    """Raise InputError if areas and volumes of what has an extent would leave the range of float64."""
    with np.errstate(over="ignore"):
        size = np.ptp(vertices, axis=0).max() if len(vertices) else 0.0
    if size and not _SIZES[0] < size < _SIZES[1]:
        raise InputError(f"the mesh is {size:g} long, from {_SIZES[0]} to {_SIZES[1]} work: scale it")


def _where(kept: np.ndarray, faces: np.ndarray) -> np.ndarray:
    return faces if kept.all() else faces[kept]


def _used(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same faces over the vertices that they use, in their order."""
    used = used_by(faces, len(vertices))
    if used.all():
        return vertices, faces
    number = np.cumsum(used)
    number -= 1
    return vertices[used], number[faces]


def _merged(vertices: np.ndarray) -> np.ndarray:
    """For each vertex the first one at its place, [v] whole numbers."""
    return _first_of_each((vertices + 0.0).view(np.int64))  # + 0.0: minus zero is the same place


def _repeated(first: np.ndarray) -> np.ndarray:
    """Which of n things [n] equal an earlier one, given the ``first`` that each equals."""
    return first != np.arange(len(first), dtype=first.dtype)


def _first_of_each(rows: np.ndarray) -> np.ndarray:
    """For each of ``rows`` [n, 3] int64 the number of the first one that equals it, [n] whole numbers."""
    hashed = np.zeros(len(rows), np.uint64)
    for column, factor in zip(rows.T, _HASH, strict=True):
        hashed ^= column.view(np.uint64)
        hashed *= factor
        hashed ^= hashed >> np.uint64(29)
    order = np.argsort(hashed)
    hashed = hashed[order]
    order = order.astype(index_type(len(order)))
    new = np.append(True, hashed[1:] != hashed[:-1])[: len(order)]
    del hashed
    found = _first_of_groups(order, new)
    # Different rows may share a hash: then all that share one are sorted as a whole, which is slow.
    others = np.flatnonzero(_repeated(found))
    differ = np.logical_or.reduce([column[others] != column[found[others]] for column in rows.T])
    if differ.any():
        candidates = np.flatnonzero(np.isin(found, found[others[differ]])).astype(found.dtype)
        rows = rows[candidates]
        order = np.lexsort(rows.T)
        new = np.append(True, (np.diff(rows[order], axis=0) != 0).any(1))
        found[candidates] = candidates[_first_of_groups(order, new)]
    return found


def _first_of_groups(order: np.ndarray, new: np.ndarray) -> np.ndarray:
    """For each of n things the lowest number in its group [n]; groups begin in ``order`` [n] where ``new`` [n] says."""
    found = np.empty_like(order)
    if len(order):
        starts = np.flatnonzero(new)
        found[order] = np.repeat(np.minimum.reduceat(order, starts), np.diff(starts, append=len(order)))
    return found


def _distinct(faces: np.ndarray) -> np.ndarray:
    """Which faces [f] have three different vertices."""
    a, b, c = faces.T
    return (a != b) & (b != c) & (c != a)


def _with_area(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The faces that have an area; all of them where the mesh is closed only so."""
    if not len(faces):
        return faces
    origin = vertices[0]
    size = np.maximum(vertices.max(0) - origin, origin - vertices.min(0)).max()
    solid = np.empty(len(faces), bool)
    for part, *corners in Triangles(vertices, faces).pieces():
        a, b, c = ((corner - origin) / size for corner in corners)
        sides = b - a, c - b, a - c
        longest = np.max([dot(side, side) for side in sides], axis=0)
        crossed = cross(sides[0], sides[1])
        solid[part] = dot(crossed, crossed) > _FLAT**2 * longest
    if solid.all():
        return faces
    closed_with, closed_without = (closed_and_balanced(some, len(vertices))[0] for some in (faces, faces[solid]))
    return faces if closed_with and not closed_without else faces[solid]


def _oriented(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, int]:
    """The faces in one orientation that looks outwards, and how many were turned over."""
    edges = Edges.of(faces, len(vertices))
    turned = _minority(*edges.pairs(), len(faces)) if edges.contradictory else np.zeros(len(faces), bool)
    if turned.any():
        faces = np.where(turned[:, None], faces[:, ::-1], faces)
    inside_out = _inside_out(Triangles(vertices, faces), edges)
    if inside_out.any():
        turned = turned ^ inside_out
        faces = np.where(inside_out[:, None], faces[:, ::-1], faces)
    return faces, int(turned.sum())


def _inside_out(mesh: Triangles, edges: Edges) -> np.ndarray:
    """Which faces [f] look inwards: those of closed parts with a negative volume that lie in no other, and all in them.

    Where no part is closed it is all or none.
    """
    count, labels = _parts(edges, len(mesh.vertices))
    open_edges = (edges.count != 2) & (edges.balance != 0)
    closed = np.bincount(labels[edges.ends[:, 0]], open_edges, count) == 0
    parts = labels[mesh.faces[:, 0]]
    if not closed[parts].any():
        limit = -_ROUND * mesh.areas.sum() ** 1.5 / (6 * np.sqrt(np.pi))
        return np.full(len(parts), mesh.volume < limit)
    seen_from = np.empty((count, 3))
    seen_from[labels] = mesh.vertices  # one of its own vertices: small parts far away keep their digits
    volumes = np.empty(len(parts))
    for piece, a, b, c in mesh.pieces():
        here = seen_from[parts[piece]]
        volumes[piece] = dot(a - here, cross(b - here, c - here))
    negative = closed & (np.bincount(parts, volumes, count) < 0)
    return negative[_around(mesh, labels, closed)[parts]] if negative.any() else np.zeros(len(parts), bool)


def _around(mesh: Triangles, labels: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """For each part the largest closed one that it lies in, or itself; the largest thousand count.

    It lies in one whose box holds its box and that winds around one of its vertices.
    """
    vertices = mesh.vertices
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    first = vertices[order[starts]]
    faces = mesh.faces[np.argsort(labels[mesh.faces[:, 0]], kind="stable")]
    ends = np.searchsorted(labels[faces[:, 0]], np.arange(len(starts) + 1))
    low, high = (by.reduceat(vertices[order], starts) for by in (np.minimum, np.maximum))
    sizes = np.where(closed, (high - low).prod(1), 0)
    around = np.arange(len(starts))
    for part in np.argsort(-sizes)[:_LARGEST]:
        if closed[part] and around[part] == part:
            free = around == np.arange(len(around))
            boxed = np.flatnonzero(((low > low[part]) & (high < high[part])).all(1) & free)
            if len(boxed):
                outer = faces[ends[part] : ends[part + 1]]
                around[boxed[_winds(vertices, outer, first[boxed])]] = part
    return around


def _winds(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether a closed part, in whichever orientation, winds around each of the points [n, 3]."""
    vertices, faces = _used(vertices, faces)
    middle, size = vertices.mean(0), np.ptp(vertices, axis=0).max()  # libigl computes some of it in float32
    part = Proximity(Triangles((vertices - middle) / size, faces))
    return np.abs(part.winding((points - middle) / size)) > 0.5


def _parts(edges: Edges, vertices: int) -> tuple[int, np.ndarray]:
    """How many parts there are that share no vertex, and which one each vertex [v] belongs to."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(len(edges.ends), np.int8), edges.ends.T), shape=(vertices, vertices))
    return connected_components(graph, directed=False)


def _minority(pairs: np.ndarray, contradict: np.ndarray, faces: int) -> np.ndarray:
    """Which faces [f] to turn over so that neighbours agree.

    Each face is there twice, as it is and turned over, and is connected with its neighbours as they fit. So a part
    that can be oriented falls apart in its two orientations, of which the one wins that has more faces as they are.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    one, other = pairs.astype(np.int32, copy=False).T
    other_too = np.where(contradict, other + np.int32(faces), other)
    other_turned = np.where(contradict, other, other + np.int32(faces))
    ends = np.concatenate([one, one + np.int32(faces)]), np.concatenate([other_too, other_turned])
    graph = coo_matrix((np.ones(len(ends[0]), np.int8), ends), shape=(2 * faces, 2 * faces))
    _, labels = connected_components(graph.tocsr(), directed=False)
    as_is, turned = labels[:faces], labels[faces:]
    votes = np.bincount(as_is, minlength=labels.max() + 1)
    tied = votes[as_is] == votes[turned]
    return (votes[as_is] < votes[turned]) | (tied & (as_is > turned))
