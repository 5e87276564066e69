"""Mesh and point files: one way in, one way out. The formats are next door."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files import ply, points, scenes, threemf
from neuralfields.files.atomic import write_bytes
from neuralfields.files.content import content, decoding
from neuralfields.files.mesh_arrays import MeshArrays, bytes_of_colours

__all__ = ["MESH_SUFFIXES", "WRITABLE_MESH_SUFFIXES", "MeshArrays", "read_mesh", "write_mesh"]

_PIECE = 2**16  # rows that become text at a time
_FINE, _COARSE = 2.0**-20, 1e-4  # rounding as a share of a mesh's size: from there on GLB moves it, it is refused


def read_mesh(path: str | os.PathLike[str]) -> MeshArrays:
    """Read a mesh or point file as it is: nothing is merged, dropped or turned. The suffix decides the format.

    Polygons are cut into triangles, the parts of a scene placed and joined, mirrored ones turned right side out.
    No other file is read, but for the buffers beside a .gltf.

    Raises:
        FileFormatError: the content is damaged, truncated, promises more than there is, or has no vertices.
        InputError: no such file, a kind of file that is not read, too many triangles.
    """
    path = Path(path)
    decode = _READERS.get(path.suffix.lower())
    data = content(path, "mesh file")
    if decode is None:
        raise InputError(f"cannot read {path}: {path.suffix!r} is none of {_listed(MESH_SUFFIXES)}")
    with decoding(f"{path}"):
        # One that refers to others needs its place.
        found = scenes.decode_gltf(data, path) if decode is scenes.decode_gltf else decode(data)
        return found.checked()


def write_mesh(
    path: str | os.PathLike[str],
    vertices: np.ndarray,
    faces: np.ndarray,
    *,
    normals: np.ndarray | None = None,
    colours: np.ndarray | None = None,
) -> None:
    """Write a mesh, whole or not at all; the suffix decides the format.

    PLY (binary), OBJ and OFF keep coordinates in float64, STL (binary) and GLB in float32; a mesh far from the origin,
    which that would spoil, is moved to its place by a GLB's node, and refused for STL. STL has no vertices of its
    own, normals or colours, OFF no normals or colours.

    Args:
        vertices: [v, 3].
        faces: [f, 3], counter-clockwise seen from outside.
        normals: of the vertices [v, 3], of length one.
        colours: of the vertices [v, 3], uint8, or floats in [0, 1].

    Raises:
        InputError: an unknown suffix, shapes that do not fit, a face that names no vertex, NaN or infinity, values
            that float32 cannot hold where the format has it, or a folder that cannot be written to.
    """
    path = Path(path)
    encode = _WRITERS.get(path.suffix.lower())
    if encode is None:
        raise InputError(f"cannot write {path}: unknown suffix {path.suffix!r}, use {_listed(WRITABLE_MESH_SUFFIXES)}")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")
    try:
        data = encode(_writable(vertices, faces, normals, colours))
    except InputError as error:
        raise InputError(f"cannot write {path}: {error}") from None
    write_bytes(path, data)


def _writable(vertices: Any, faces: Any, normals: Any, colours: Any) -> MeshArrays:
    """The mesh, checked."""
    parts = {"vertices": vertices, "faces": faces, "normals": normals, "colours": colours}
    arrays = {name: np.asarray(part) for name, part in parts.items() if part is not None}
    for name, array in arrays.items():
        if array.ndim != 2 or array.shape[1] != 3:
            raise InputError(f"{name} are [n, 3], got {list(array.shape)}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"{int((~np.isfinite(array).all(1)).sum())} of its {len(array)} {name} are not finite")
    if "colours" in arrays:
        arrays["colours"] = bytes_of_colours(arrays["colours"])
    return MeshArrays(**arrays).checked()


def _write_obj(mesh: MeshArrays) -> bytes:
    rows = mesh.vertices if mesh.colours is None else np.hstack([mesh.vertices, mesh.colours / 255])
    parts = [_lines("v" + " %r" * rows.shape[1], rows)]
    corners = mesh.faces + 1
    if mesh.normals is None:
        return b"".join([*parts, _lines("f %d %d %d", corners)])
    parts.append(_lines("vn %r %r %r", mesh.normals))
    return b"".join([*parts, _lines("f %d//%d %d//%d %d//%d", np.repeat(corners, 2, axis=1))])


def _write_off(mesh: MeshArrays) -> bytes:
    head = b"OFF\n%d %d 0\n" % (len(mesh.vertices), len(mesh.faces))
    return head + _lines("%r %r %r", mesh.vertices) + _lines("3 %d %d %d", mesh.faces)


def _lines(form: str, rows: np.ndarray) -> bytes:
    """Each row as a line; %r gives a float as many digits as it needs."""
    pieces = (rows[start : start + _PIECE] for start in range(0, len(rows), _PIECE))
    return b"".join((f"{form}\n" * len(piece) % tuple(piece.ravel().tolist())).encode() for piece in pieces)


def _export(mesh: MeshArrays, kind: str) -> bytes:
    """A file of one of the formats that have float32, made by trimesh."""
    from trimesh import Scene, Trimesh

    if not len(mesh.faces):
        raise InputError(f"there are no faces, which {kind} needs: PLY or OBJ hold points alone")
    middle = np.zeros(3)
    if kind == "glb" and _rounding(mesh.vertices) > _FINE:
        middle = mesh.vertices.min(0) / 2 + mesh.vertices.max(0) / 2
        middle *= np.abs(middle).max() > 1e-7  # trimesh takes smaller moves for none
    vertices = mesh.vertices - middle
    if _rounding(vertices) > _COARSE:
        largest = np.abs(vertices).max()
        raise InputError(f"float32, which {kind} has, is too coarse for it at {largest:.4g}: use .ply or .obj")
    made = Trimesh(vertices, mesh.faces, vertex_normals=mesh.normals, vertex_colors=mesh.colours, process=False)
    data = Scene(made).apply_translation(middle).export(file_type=kind) if middle.any() else made.export(file_type=kind)
    assert isinstance(data, bytes)
    return data


def _rounding(vertices: np.ndarray) -> float:
    """The step between neighbouring float32 at the largest of the coordinates, as a share of the longest side.

    Infinity for what float32 cannot hold, zero for what has no extent.
    """
    with np.errstate(over="ignore"):
        step, side = np.spacing(np.float32(np.abs(vertices).max())), np.ptp(vertices, axis=0).max()
    return (float(step) / side if side else 0.0) if np.isfinite(step) else math.inf


_READERS: dict[str, Callable[..., MeshArrays]] = {
    ".obj": scenes.decode_obj,
    ".ply": ply.decode,
    ".stl": scenes.decode_stl,
    ".off": scenes.decode_off,
    ".glb": scenes.decode_glb,
    ".gltf": scenes.decode_gltf,
    ".3mf": threemf.decode,
    ".npy": points.decode_npy,
    ".npz": points.decode_npz,
    **dict.fromkeys((".csv", ".pts", ".txt", ".xyz"), points.decode_text),
}
_WRITERS: dict[str, Callable[[MeshArrays], bytes]] = {
    ".glb": lambda mesh: _export(mesh, "glb"),
    ".obj": _write_obj,
    ".off": _write_off,
    ".ply": ply.encode,
    ".stl": lambda mesh: _export(mesh, "stl"),
}
MESH_SUFFIXES: frozenset[str] = frozenset(_READERS)
WRITABLE_MESH_SUFFIXES: frozenset[str] = frozenset(_WRITERS)


def _listed(suffixes: frozenset[str]) -> str:
    return ", ".join(sorted(suffixes))
