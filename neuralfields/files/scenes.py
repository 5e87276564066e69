"""OBJ, STL, OFF, GLB and glTF files: trimesh parses most of it, what they claim and refer to is checked before."""

import io
import json
import re
import struct
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.mesh_arrays import MeshArrays, assembled, bytes_of_colours, check_copies, fan, numbers

_STL_HEAD, _STL_FACE = 84, 50  # bytes
_GLB_HEAD = struct.Struct("<4sIIII")
_RELATIVE = re.compile(rb"^f[ \t](?:[^\n]*[ \t/])?(?:-|0+(?:[\s/]|$))", re.MULTILINE)  # or zero, which is wrong

_AFTER_SLASH = re.compile(rb"(?<=\d)/\S*")
_OTHER_NORMAL = re.compile(rb"[ \t](\d+)(?!\d)(?!/\d*/\1(?:\s|$))/|^f[ \t]+\d+[ \t]", re.MULTILINE)  # 5/1/6, or 5 alone
_NORMAL = re.compile(rb"^vn\s+(.*)$", re.MULTILINE)

_Resolve = Callable[[str], bytes]


def decode_obj(data: bytes) -> MeshArrays:
    """Read an OBJ file: vertices as they are numbered there, whatever seams textures and normals have.

    Materials and textures are not looked at; normals are given where each vertex has one.
    """
    if _RELATIVE.search(data):
        data = _absolute(data)
    found = _parsed(_AFTER_SLASH.sub(b"", _utf8(data)), "obj", maintain_order=True)
    if len(found.faces) and b"\nvn" in data and not _OTHER_NORMAL.search(data):
        normals = numbers(b" ".join(_NORMAL.findall(data)))
        if normals.size == found.vertices.size:
            return replace(found, normals=normals.reshape(-1, 3))
    return found


def decode_stl(data: bytes) -> MeshArrays:
    """Read an STL file, binary or text.

    Raises:
        FileFormatError: a binary file has fewer triangles than its header promises.
    """
    count = struct.unpack_from("<I", data, _STL_HEAD - 4)[0] if len(data) >= _STL_HEAD else 0
    end = _STL_HEAD + count * _STL_FACE
    start = data[:512].lstrip()
    if start[:5].lower() == b"solid" and len(data) != end and b"\0" not in start:
        if b"endsolid" not in data[-512:].lower():
            raise FileFormatError("it is truncated: it does not end with endsolid")
        return _parsed(_utf8(data), "stl")
    if not count or end > len(data):
        raise FileFormatError(f"its header promises {count} triangles, {len(data)} bytes are too few for them")
    return _parsed(data[:end], "stl")


def decode_off(data: bytes) -> MeshArrays:
    """Read an OFF file.

    Raises:
        FileFormatError: it has fewer lines than its header promises.
    """
    found = re.match(rb"\s*(?:#[^\n]*\n\s*)*C?OFF\s+(?:#[^\n]*\n\s*)*(\d{1,18})\s+(\d{1,18})", data)
    if not found:
        raise FileFormatError(f"it is no OFF file, it begins with {data[:12]!r}")
    vertices, faces = int(found[1]), int(found[2])
    text = data[found.end() :].partition(b"\n")[2]
    lines = text.count(b"\n") + 1
    if vertices + faces > lines:
        claim = f"{vertices} vertices and {faces} faces"
        raise FileFormatError(f"it is truncated: its header promises {claim}, {lines} lines follow")
    return _plain_off(text, vertices, faces) or _any_off(text, vertices, faces)


def decode_glb(data: bytes) -> MeshArrays:
    """Read a GLB file, which holds all its parts.

    Raises:
        FileFormatError: it is truncated, damaged, or holds geometry that is compressed or elsewhere.
    """
    if len(data) < _GLB_HEAD.size:
        raise FileFormatError(f"it is truncated: it has {len(data)} bytes")
    mark, version, length, first, _ = _GLB_HEAD.unpack_from(data)
    if mark != b"glTF" or version != 2:
        raise FileFormatError(f"it is no GLB file of version 2, it begins with {data[:12]!r}")
    if length > len(data) or _GLB_HEAD.size + first > len(data):
        raise FileFormatError(f"it is truncated: its header promises {max(length, first)} bytes, it has {len(data)}")
    _check_gltf(json.loads(data[_GLB_HEAD.size : _GLB_HEAD.size + first]), len(data))
    return _parsed(data, "glb", skip_materials=True)


def decode_gltf(data: bytes, path: Path) -> MeshArrays:
    """Read a glTF file; its buffers may lie in it, or beside it in the same folder.

    Raises:
        FileFormatError: it is damaged, a buffer is missing or elsewhere, or geometry is compressed.
    """
    tree = json.loads(data)
    beside = {uri: _beside(path, uri) for uri in _uris(tree)}
    _check_gltf(tree, len(data) + sum(map(len, beside.values())))
    return _parsed(data, "gltf", beside.__getitem__, skip_materials=True)


def _plain_off(text: bytes, vertices: int, faces: int) -> MeshArrays | None:
    """What follows an OFF file's header, if it is triangles without comments and colours, in one go."""
    if b"#" in text:
        return None
    found = numbers(text)
    corners = found[3 * vertices :]
    if len(corners) != 4 * faces or not (corners[::4] == 3).all():
        return None
    return MeshArrays(found[: 3 * vertices].reshape(-1, 3), corners.reshape(-1, 4)[:, 1:].astype(np.int64))


def _any_off(text: bytes, vertices: int, faces: int) -> MeshArrays:
    """The same with polygons, comments, and colours, which are dropped."""
    lines = [words for line in text.splitlines() if (words := line.partition(b"#")[0].split())]
    points, polygons = lines[:vertices], lines[vertices : vertices + faces]
    if len(polygons) < faces or any(int(words[0]) >= len(words) for words in polygons):
        raise FileFormatError(f"it is truncated or damaged among its {faces} faces")
    counts = np.array([int(words[0]) for words in polygons], np.int64)
    corners = np.array([int(word) for words in polygons for word in words[1 : int(words[0]) + 1]], np.int64)
    return MeshArrays(np.array([words[:3] for words in points], np.float64), fan(counts, corners))


class _Resolver:
    """What trimesh asks for other files: it gets none but those that were chosen before."""

    file_name = "mesh"

    def __init__(self, read: _Resolve | None):
        self._read = read

    def get(self, key: str) -> bytes:
        if self._read is None:
            raise FileFormatError(f"it refers to another file, {key!r}, which is not read")
        return self._read(key)

    __getitem__ = get


def _utf8(text: bytes) -> bytes:
    """Names and comments are of no use here, in whichever encoding they are."""
    return text if text.isascii() else text.decode("latin-1").encode()


def _parsed(data: bytes, kind: str, read: _Resolve | None = None, **options: Any) -> MeshArrays:
    """What trimesh's parser gives, before trimesh makes meshes of it: those would lose vertices, or normals."""
    from trimesh.exchange.load import mesh_loaders

    found: dict[str, Any] = mesh_loaders[kind](
        file_obj=io.BytesIO(data), file_type=kind, resolver=_Resolver(read), **options
    )
    if "geometry" not in found:
        return _arrays(found)
    parts = {
        name: _arrays(part) for name, part in found["geometry"].items() if "vertices" in part and "entities" not in part
    }
    return assembled([(parts[name], matrix) for name, matrix in _places(found) if name in parts])


def _arrays(part: dict[str, Any]) -> MeshArrays:
    vertices, faces = part["vertices"], part.get("faces")
    colours = part.get("vertex_colors")
    colours = None if colours is None or len(colours) != len(vertices) else bytes_of_colours(colours)
    return MeshArrays(vertices, _triangles(faces), part.get("vertex_normals"), colours).checked()


def _triangles(faces: Any) -> np.ndarray:
    if faces is None:
        return np.empty((0, 3), np.int64)
    faces = np.asarray(faces)
    if faces.ndim == 2 and faces.shape[1] == 3:
        return faces
    return fan(np.full(len(faces), faces.shape[1]), faces.ravel())


def _places(found: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """The names of the parts that a scene shows, each as often as it does, and where: matrices [4, 4]."""
    edges = found.get("graph")
    if edges is None:
        yield from ((name, np.eye(4)) for name in found["geometry"])
        return
    above = {edge["frame_to"]: (edge.get("frame_from"), edge.get("matrix", np.eye(4))) for edge in edges}
    for edge in edges:
        if edge.get("geometry") is None:
            continue
        matrix, frame = np.eye(4), edge["frame_to"]
        for _ in range(len(above) + 1):
            if frame not in above:
                break
            frame, own = above[frame]
            matrix = own @ matrix
        else:
            raise FileFormatError("its scene contains itself")
        yield edge["geometry"], matrix


def _absolute(data: bytes) -> bytes:
    """An OBJ file whose faces count vertices from the start; -1 is the last one before the face."""
    seen = {b"v": 0, b"vt": 0, b"vn": 0}
    lines = data.replace(b"\\\n", b"").splitlines()
    for k, line in enumerate(lines):
        words = line.split()
        if words and words[0] in seen:
            seen[words[0]] += 1
        elif words and words[0] == b"f":
            lines[k] = b" ".join([b"f", *(_counted(word, seen.values()) for word in words[1:])])
    return b"\n".join(lines)


def _counted(corner: bytes, seen: Any) -> bytes:
    found = []
    for part, total in zip(corner.split(b"/"), seen, strict=False):
        number = int(part or 1)
        number += total + 1 if number < 0 else 0
        if number < 1:
            raise FileFormatError(f"a face names number {int(part)}, {total} come before it (the first is 1)")
        found.append(b"%d" % number if part else b"")
    return b"/".join(found)


def _uris(tree: dict[str, Any]) -> list[str]:
    """The files that a glTF's buffers name."""
    uris = [buffer.get("uri") for buffer in tree.get("buffers", [])]
    return [uri for uri in uris if uri is not None and not uri.startswith("data:")]


def _beside(path: Path, uri: str) -> bytes:
    """The content of a file beside ``path``."""
    name = urllib.parse.unquote(uri)
    other = path.parent / name
    if Path(name).name != name or not other.is_file():
        raise FileFormatError(f"it refers to {uri!r}, which is no file beside it")
    return other.read_bytes()


def _check_gltf(tree: dict[str, Any], size: int) -> None:
    """Raise unless what a glTF's accessors promise can be in ``size`` bytes, and is not used again too often."""
    accessors = tree.get("accessors", [])
    primitives = [primitive for mesh in tree.get("meshes", []) for primitive in mesh["primitives"]]
    attributes = [primitive["attributes"] for primitive in primitives]
    corners = [primitive["indices"] for primitive in primitives if primitive.get("indices") is not None]
    used = [*chain.from_iterable(found.values() for found in attributes), *corners]
    if any("bufferView" not in accessors[number] for number in used):
        raise InputError("its geometry is compressed (Draco) or sparse: save it without compression")
    promised = sum(abs(int(accessor["count"])) for accessor in accessors)
    if promised > size:
        raise FileFormatError(f"it is damaged: it promises {promised} values, in {size} bytes")
    vertices = [found["POSITION"] for found in attributes if "POSITION" in found]
    for name, which in (("vertices", vertices), ("corners", corners)):
        total, own = (sum(int(accessors[number]["count"]) for number in some) for some in (which, set(which)))
        check_copies(total, own, name)
