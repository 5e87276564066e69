"""3MF: a zip with meshes as XML (3D Manufacturing Format, Core Specification 1.3)."""

import io
import zipfile
from array import array
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.mesh_arrays import MeshArrays, assembled

_MAX_BYTES = 2**29  # of the model, unpacked
_MAX_DEPTH = 100  # of elements in elements
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
    return assembled(list(_parts(objects, build or [(name, np.eye(4)) for name in objects])))


def _read(stream: object, objects: dict[str, _Object]) -> list[tuple[str, np.ndarray]]:
    """Add the objects of one model file to ``objects``; give what its build places."""
    build = []
    vertices, faces = array("d"), array("q")
    components: list[tuple[str, np.ndarray]] = []
    for element in _elements(stream):
        get = element.attrib.__getitem__
        match element.tag.rpartition("}")[2]:
            case "vertex":
                vertices.extend((float(get("x")), float(get("y")), float(get("z"))))
            case "triangle":
                faces.extend((int(get("v1")), int(get("v2")), int(get("v3"))))
            case "component":
                components.append(_place(element))
            case "object":
                mesh = MeshArrays(np.array(vertices), np.array(faces)).checked() if vertices else None
                objects[get("id")] = _Object(mesh, components)
                vertices, faces, components = array("d"), array("q"), []
            case "item":
                build.append(_place(element))
            case _:
                pass
    return build


def _elements(stream: object) -> Iterator[ElementTree.Element]:
    """All elements as they end, none of which keeps another."""
    above: list[ElementTree.Element] = []
    for event, element in ElementTree.iterparse(stream, ("start", "end")):  # type: ignore[arg-type]
        if event == "start":
            above.append(element)
            if len(above) > _MAX_DEPTH:
                raise FileFormatError(f"its elements lie in each other more than {_MAX_DEPTH} deep")
            continue
        yield above.pop()
        if above:
            above[-1].remove(element)


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
