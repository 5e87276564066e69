"""3MF: a zip with meshes as XML (3D Manufacturing Format, Core Specification 1.3)."""

import io
import zipfile
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.mesh_arrays import MeshArrays, check_faces, joined, placed

_MAX_BYTES = 2**31  # of the model, unpacked
_MAX_PLACES = 2**16  # of objects in the build, components of components counted each
_MODEL = ".model"


class _Object(NamedTuple):
    mesh: MeshArrays | None
    components: list[tuple[str, np.ndarray]]  # numbers of objects, and where they stand


def decode(data: bytes) -> MeshArrays:
    """Read all objects that the build places, as one mesh; without a build, all objects.

    Raises:
        FileFormatError: it is no 3MF file, it is damaged, or objects contain themselves.
        InputError: it is too large.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        models = [info for info in archive.infolist() if info.filename.lower().endswith(_MODEL)]
        size = sum(info.file_size for info in models)
        if not models:
            raise FileFormatError("there is no 3D model in it")
        if size > _MAX_BYTES:
            raise InputError(f"its model has {size:,} bytes, and at most {_MAX_BYTES:,} are read")
        objects: dict[str, _Object] = {}
        build: list[tuple[str, np.ndarray]] = []
        for info in models:
            with archive.open(info) as stream:
                build += _read(stream, objects)
    parts = list(_parts(objects, build or [(name, np.eye(4)) for name in objects]))
    check_faces(sum(len(part.faces) for part, _ in parts))
    return joined([placed(part, matrix) for part, matrix in parts])


def _read(stream: object, objects: dict[str, _Object]) -> list[tuple[str, np.ndarray]]:
    """Add the objects of one model file to ``objects``; give what its build places."""
    build = []
    vertices: list[tuple[str, ...]] = []
    faces: list[tuple[str, ...]] = []
    components: list[tuple[str, np.ndarray]] = []
    for _, element in ElementTree.iterparse(stream):  # type: ignore[arg-type]
        get = element.attrib.__getitem__
        match element.tag.rpartition("}")[2]:
            case "vertex":
                vertices.append((get("x"), get("y"), get("z")))
            case "triangle":
                faces.append((get("v1"), get("v2"), get("v3")))
            case "component":
                components.append(_place(element))
            case "object":
                mesh = MeshArrays(_array(vertices, np.float64), _array(faces, np.int64)).checked() if vertices else None
                objects[get("id")] = _Object(mesh, components)
                vertices, faces, components = [], [], []
            case "item":
                build.append(_place(element))
            case _:
                continue
        element.clear()
    return build


def _array(rows: list[tuple[str, ...]], dtype: type) -> np.ndarray:
    return np.array(rows, np.str_).astype(dtype).reshape(-1, 3)


def _place(element: ElementTree.Element) -> tuple[str, np.ndarray]:
    """The object that an item or component names, and its matrix [4, 4]."""
    matrix = np.eye(4)
    if "transform" in element.attrib:
        matrix[:3] = np.array(element.attrib["transform"].split(), np.float64).reshape(4, 3).T
    return element.attrib["objectid"], matrix


def _parts(objects: dict[str, _Object], build: list[tuple[str, np.ndarray]]) -> Iterator[tuple[MeshArrays, np.ndarray]]:
    """The meshes that are placed, and where."""
    waiting = [(name, matrix, 0) for name, matrix in reversed(build)]
    places = 0
    while waiting:
        name, matrix, depth = waiting.pop()
        places += 1
        if name not in objects or depth > len(objects):
            raise FileFormatError(f"the object {name} is not in it, or contains itself")
        if places > _MAX_PLACES:
            raise InputError(f"it places more than {_MAX_PLACES:,} objects")
        mesh, components = objects[name]
        if mesh is not None:
            yield mesh, matrix
        waiting += [(inner, matrix @ own, depth + 1) for inner, own in reversed(components)]
