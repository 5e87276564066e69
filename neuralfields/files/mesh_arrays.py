"""What every mesh reader gives, and what the readers share."""

import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralfields.errors import FileFormatError, InputError

MAX_FACES = 2**27  # after polygons are cut; refused before anything of that size is allocated
MAX_COPIES = 2**23  # vertices, or triangles, of a scene whose parts stand in several places
_warning = threading.Lock()  # Python's warning filters are one for all threads


@dataclass(frozen=True, eq=False)
class MeshArrays:
    """What a mesh or point file holds, as the file has it: nothing is merged, dropped or turned.

    Attributes:
        vertices: [v, 3] float64, which may hold NaN and infinity.
        faces: [f, 3] int64, numbers of vertices; [0, 3] for a point cloud.
        normals: of the vertices [v, 3] float64, not always of length one, or None.
        colours: of the vertices [v, 3] uint8 sRGB, or None.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray | None = None
    colours: np.ndarray | None = None

    def checked(self) -> "MeshArrays":
        """Itself, all of the stated shapes and dtypes; raises FileFormatError if parts do not fit each other."""
        vertices = np.ascontiguousarray(self.vertices, np.float64).reshape(-1, 3)
        faces = np.ascontiguousarray(self.faces, np.int64).reshape(-1, 3)
        if not len(vertices):
            raise FileFormatError("there are no vertices in it")
        if faces.size and not (faces.min() >= 0 and faces.max() < len(vertices)):
            wrong = faces.min() if faces.min() < 0 else faces.max()
            raise FileFormatError(f"a face names vertex {wrong}, there are {len(vertices)} (counted from 0)")
        normals = None if self.normals is None else np.ascontiguousarray(self.normals, np.float64)
        for part in (normals, self.colours):
            if part is not None and part.shape != vertices.shape:
                raise FileFormatError(f"it has {len(vertices)} vertices, but {len(part)} normals or colours")
        return MeshArrays(vertices, faces, normals, self.colours)


def assembled(places: Sequence[tuple[MeshArrays, np.ndarray]]) -> MeshArrays:
    """Parts, each placed by its matrix [4, 4], as one; raises InputError, before, if copies of them are too many."""
    parts = {id(part): part for part, _ in places}.values()
    for name in ("vertices", "faces"):
        total, own = (sum(len(getattr(part, name)) for part in some) for some in ([part for part, _ in places], parts))
        check_copies(total, own, name)
    return _joined([_placed(part, matrix) for part, matrix in places])


def _joined(parts: Sequence[MeshArrays]) -> MeshArrays:
    """Several parts as one; normals and colours are kept if all parts have them."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        raise FileFormatError("there are no vertices in it")
    offsets = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    normals = [part.normals for part in parts if part.normals is not None]
    colours = [part.colours for part in parts if part.colours is not None]
    return MeshArrays(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=True)]),
        np.concatenate(normals) if len(normals) == len(parts) else None,
        np.concatenate(colours) if len(colours) == len(parts) else None,
    )


def _placed(part: MeshArrays, matrix: np.ndarray) -> MeshArrays:
    """A part moved by ``matrix`` [4, 4]; where that mirrors, faces are turned so that the outside stays outside."""
    if np.array_equal(matrix, np.eye(4)):
        return part
    linear = matrix[:3, :3]
    mirrored = np.linalg.det(linear) < 0
    normals = part.normals
    if normals is not None:
        # The cofactor matrix turns normals and, unlike the inverse, exists for flat maps too.
        cofactors = np.stack([np.cross(linear[(i + 1) % 3], linear[(i + 2) % 3]) for i in range(3)])
        normals = normals @ cofactors.T * (-1 if mirrored else 1)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        normals = np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)
    faces = part.faces[:, ::-1] if mirrored else part.faces
    return MeshArrays(part.vertices @ linear.T + matrix[:3, 3], faces, normals, part.colours)


def fan(counts: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Triangles [f, 3] of polygons with ``counts`` [p] corners each, which follow one another in ``corners``.

    Those with fewer than three corners give none.
    """
    triangles = np.maximum(counts - 2, 0)
    check_faces(int(triangles.sum()))
    if (triangles == 1).all():
        return corners.reshape(-1, 3).astype(np.int64)
    start = np.repeat(np.cumsum(counts) - counts, triangles)
    step = np.arange(len(start)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    return np.stack([corners[start], corners[start + step + 1], corners[start + step + 2]], 1).astype(np.int64)


def numbers(text: bytes) -> np.ndarray:
    """All numbers of a text, between white space, [n] float64; raises FileFormatError where something else stands."""
    with _warning, warnings.catch_warnings(action="error"):  # older numpy only warns
        try:
            return np.fromstring(text, sep=" ")
        except (DeprecationWarning, ValueError):
            raise FileFormatError("there is something else among its numbers") from None


def bytes_of_colours(colours: np.ndarray) -> np.ndarray:
    """[v, 3 or more] of any dtype as [v, 3] uint8; floats are in [0, 1], unless one exceeds it: then in 0..255."""
    colours = np.asarray(colours)[:, :3]
    if colours.dtype == np.uint8:
        return np.ascontiguousarray(colours)
    if colours.dtype.kind == "u":
        return np.rint(colours * (255 / np.iinfo(colours.dtype).max)).astype(np.uint8)
    top = 255 if colours.dtype.kind == "f" and np.nan_to_num(colours).max(initial=0) <= 1 else 1
    return np.rint(np.nan_to_num(colours) * top).clip(0, 255).astype(np.uint8)


def check_faces(count: int) -> None:
    """Raise InputError for more than ``MAX_FACES`` triangles."""
    if count > MAX_FACES:
        raise InputError(f"it comes to {count:,} triangles, and at most {MAX_FACES:,} are read: simplify or split it")


def check_copies(count: int, own: int, name: str) -> None:
    """Raise InputError if ``own`` vertices or faces come to too many, ``count``, because parts are used again."""
    if count > max(MAX_COPIES, own):
        raise InputError(f"its {own:,} {name} come to {count:,} with all copies, at most {MAX_COPIES:,} work: split it")
