"""PLY: meshes of polygons and point clouds, as text or binary (Turk, The PLY Polygon File Format, 1994)."""

from typing import NamedTuple

import numpy as np

from neuralfields.errors import FileFormatError
from neuralfields.files.mesh_arrays import MeshArrays, bytes_of_colours, fan, numbers

_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"int64": "i8", "uint64": "u8", "float": "f4", "float32": "f4", "float64": "f8", "double": "f8"},
}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_CORNERS = ("vertex_indices", "vertex_index")


class _Property(NamedTuple):
    name: str
    kind: str  # what the header calls it, "f4", "u1"; text is read as float64 first
    dtype: np.dtype
    before: np.dtype | None  # of the number of values, for a list


class _Element(NamedTuple):
    name: str
    length: int
    properties: list[_Property]


class _Lists(NamedTuple):
    counts: np.ndarray  # [rows]
    values: np.ndarray  # of all rows, one after the other


_Columns = dict[str, np.ndarray | _Lists]


def decode(data: bytes) -> MeshArrays:
    """Read a PLY file's vertices, faces (cut into triangles), vertex normals and colours.

    Raises:
        FileFormatError: it is no PLY file, its header is damaged, or it holds less than its header promises.
    """
    order, elements, start = _header(data)
    body = memoryview(data)[start:]
    if not order:
        body = memoryview(numbers(bytes(body)).tobytes())
        elements = [element._replace(properties=[_as_text(p) for p in element.properties]) for element in elements]
    table: dict[str, _Columns] = {}
    at = 0
    for element in elements:
        table[element.name], at = _rows(body, element, at) if element.length else ({}, at)
    return _mesh(table.get("vertex", {}), table.get("face", {}))


def encode(mesh: MeshArrays) -> bytes:
    """A binary PLY file's bytes, with coordinates in float64."""
    columns = [(name, "<f8", mesh.vertices[:, k]) for k, name in enumerate("xyz")]
    if mesh.normals is not None:
        columns += [(name, "<f4", mesh.normals[:, k]) for k, name in enumerate(("nx", "ny", "nz"))]
    if mesh.colours is not None:
        columns += [(name, "|u1", mesh.colours[:, k]) for k, name in enumerate(("red", "green", "blue"))]
    vertices = np.empty(len(mesh.vertices), [(name, dtype) for name, dtype, _ in columns])
    for name, _, values in columns:
        vertices[name] = values
    faces = np.empty(len(mesh.faces), [("count", "|u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.faces
    words = {"<f8": "double", "<f4": "float", "|u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    header += [f"property {words[dtype]} {name}" for name, dtype, _ in columns]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", ""]
    return "\n".join(header).encode() + vertices.tobytes() + faces.tobytes()


def _header(data: bytes) -> tuple[str, list[_Element], int]:
    """The byte order ("" for text), the elements, and where their values begin."""
    if not data.startswith(b"ply"):
        raise FileFormatError(f"it is no PLY file, it begins with {data[:12]!r}")
    end = data.find(b"end_header")
    stop = data.find(b"\n", end)
    if end < 0 or stop < 0:
        raise FileFormatError("its header has no end")
    order, elements = None, []
    for line in data[:end].decode("latin-1").splitlines()[1:]:
        match line.split():
            case ["format", kind, _] if kind in _ORDERS:
                order = _ORDERS[kind]
            case ["element", name, length] if length.isdecimal():
                elements.append(_Element(name, int(length), []))
            case ["property", "list", count, kind, name] if {count, kind} <= _TYPES.keys() and elements:
                elements[-1].properties.append(_property(name, kind, count, order))
            case ["property", kind, name] if kind in _TYPES and elements:
                elements[-1].properties.append(_property(name, kind, None, order))
            case [] | ["comment" | "obj_info", *_]:
                pass
            case _:
                raise FileFormatError(f"its header has the line {line[:80]!r}")
    if order is None:
        raise FileFormatError("its header does not name the format")
    _check_length(order, elements, len(data) - stop - 1)
    return order, elements, stop + 1


def _property(name: str, kind: str, count: str | None, order: str | None) -> _Property:
    kind, order = _TYPES[kind], order or "="
    return _Property(name, kind, np.dtype(order + kind), np.dtype(order + _TYPES[count]) if count else None)


def _as_text(given: _Property) -> _Property:
    number = np.dtype(np.float64)
    return given._replace(dtype=number, before=number if given.before else None)


def _check_length(order: str, elements: list[_Element], size: int) -> None:
    """Raise FileFormatError if the promised rows cannot fit into ``size`` bytes, however short they are."""
    for name, length, properties in elements:
        row = sum((p.before or p.dtype).itemsize if order else 2 for p in properties)  # text: a digit, a space
        if length * max(row, 1) > size + 1:
            raise FileFormatError(f"it is truncated: its header promises {length} of {name!r}, {size} bytes follow")


def _rows(body: memoryview, element: _Element, at: int) -> tuple[_Columns, int]:
    """An element's columns, read from the place ``at`` on, and where they end."""
    sizes, _ = _sizes(body, element, at)
    row = np.dtype([field for k, p in enumerate(element.properties) for field in _fields(k, p, sizes[k])])
    end = at + element.length * row.itemsize
    if end <= len(body):
        rows = np.frombuffer(body, row, element.length, at)
        lists = [k for k, p in enumerate(element.properties) if p.before]
        if all((rows[f"{k} count"] == sizes[k]).all() for k in lists):
            return {p.name: _column(rows, k, p) for k, p in enumerate(element.properties)}, end
    return _uneven_rows(body, element, at)


def _fields(k: int, given: _Property, size: int) -> list[tuple[str, np.dtype, tuple[int, ...]]]:
    """Of a row whose list number ``k`` has ``size`` values."""
    if given.before is None:
        return [(f"{k}", given.dtype, ())]
    return [(f"{k} count", given.before, ()), (f"{k}", given.dtype, (size,))]


def _column(rows: np.ndarray, k: int, given: _Property) -> np.ndarray | _Lists:
    values = rows[f"{k}"]
    if given.before is None:
        return values.astype(given.kind)
    return _Lists(np.broadcast_to(values.shape[1], len(rows)), values.reshape(-1))


def _sizes(body: memoryview, element: _Element, at: int) -> tuple[list[int], int]:
    """How many values each property has in the row at ``at``, and where that row ends."""
    sizes = []
    for p in element.properties:
        size = 1
        if p.before is not None:
            size = int(_one(body, p.before, at, element))
            at += p.before.itemsize
        at += size * p.dtype.itemsize
        if size < 0 or at > len(body):
            raise FileFormatError(f"it is truncated or damaged among its {element.length} of {element.name!r}")
        sizes.append(size)
    return sizes, at


def _one(body: memoryview, dtype: np.dtype, at: int, element: _Element) -> np.generic:
    if at + dtype.itemsize > len(body):
        raise FileFormatError(f"it is truncated among its {element.length} of {element.name!r}")
    return np.frombuffer(body, dtype, 1, at)[0]


def _uneven_rows(body: memoryview, element: _Element, at: int) -> tuple[_Columns, int]:
    """The same where lists differ in length from row to row."""
    counts: list[list[int]] = []
    parts: list[list[np.ndarray]] = [[] for _ in element.properties]
    for _ in range(element.length):
        sizes, end = _sizes(body, element, at)
        for p, size, part in zip(element.properties, sizes, parts, strict=True):
            at += p.before.itemsize if p.before else 0
            part.append(np.frombuffer(body, p.dtype, size, at))
            at += size * p.dtype.itemsize
        counts.append(sizes)
        at = end
    columns: _Columns = {}
    for k, p in enumerate(element.properties):
        values = np.concatenate(parts[k])
        columns[p.name] = _Lists(np.array([row[k] for row in counts]), values) if p.before else values.astype(p.kind)
    return columns, at


def _mesh(vertex: _Columns, face: _Columns) -> MeshArrays:
    vertices = _stacked(vertex, ("x", "y", "z"))
    if vertices is None:
        raise FileFormatError("there are no vertices x, y, z in it")
    corners = next((face[name] for name in _CORNERS if name in face), None)
    if face and not isinstance(corners, _Lists):
        raise FileFormatError(f"its faces have {', '.join(face)}, but no list called vertex_indices")
    faces = fan(corners.counts, corners.values) if isinstance(corners, _Lists) else np.empty((0, 3), np.int64)
    colours = _stacked(vertex, ("red", "green", "blue"))
    return MeshArrays(
        vertices,
        faces,
        _stacked(vertex, ("nx", "ny", "nz")),
        None if colours is None else bytes_of_colours(colours),
    )


def _stacked(columns: _Columns, names: tuple[str, ...]) -> np.ndarray | None:
    """Three columns as one array [rows, 3], or None if one is missing."""
    found = [columns[name] for name in names if isinstance(columns.get(name), np.ndarray)]
    return np.stack(found, 1) if len(found) == 3 else None
