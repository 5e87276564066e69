"""Mesh and point files: exact both ways, whole or refused, and every refusal one clear line."""

import base64
import io
import json
import resource
import signal
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from known_meshes import sphere

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.meshes import MESH_SUFFIXES, WRITABLE_MESH_SUFFIXES, MeshArrays, read_mesh, write_mesh
from neuralfields.files.threemf import _elements

BALL = sphere(2)
NORMALS = BALL.vertices
COLOURS = np.random.default_rng(0).integers(0, 256, BALL.vertices.shape, np.uint8)
TETRAHEDRON = (np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]), [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
OBJ_CORNER = b"v 0 0 0\nv 1 0 0\nv 0 1 0\n"
SINGLE = {".glb", ".stl"}  # float32


def read_bytes(folder: Path, name: str, data: bytes | str) -> MeshArrays:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_mesh(path)


@contextmanager
def refused(*words: str, kind: type[InputError] | None = FileFormatError) -> Iterator[None]:
    """One line with all these words, of exactly this kind; with None, InputError or a part of it."""
    with pytest.raises(InputError) as caught:
        yield
    text = str(caught.value)
    assert kind in (type(caught.value), None), text
    assert "\n" not in text and len(text) < 400
    assert not [word for word in words if word not in text], text


@contextmanager
def little_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


# ---- there and back ----


@pytest.mark.parametrize("suffix", sorted(WRITABLE_MESH_SUFFIXES))
@pytest.mark.parametrize("with_normals", [False, True])
@pytest.mark.parametrize("with_colours", [False, True])
def test_round_trip(tmp_path: Path, suffix: str, with_normals: bool, with_colours: bool) -> None:
    vertices = BALL.vertices * np.pi + 1e-9
    path = tmp_path / f"ball{suffix}"
    write_mesh(
        path,
        vertices,
        BALL.faces,
        normals=NORMALS if with_normals else None,
        colours=COLOURS if with_colours else None,
    )
    found = read_mesh(path)
    expected = vertices.astype(np.float32).astype(float) if suffix in SINGLE else vertices
    assert np.array_equal(found.vertices[found.faces], expected[BALL.faces])
    if suffix != ".stl":
        assert np.array_equal(found.faces, BALL.faces)
    assert (found.normals is not None) is (with_normals and suffix in (".obj", ".ply", ".glb"))
    assert (found.colours is not None) is (with_colours and suffix in (".obj", ".ply", ".glb"))
    if found.normals is not None:
        assert np.abs(found.normals - NORMALS).max() < 1e-6
    if found.colours is not None:
        assert np.array_equal(found.colours, COLOURS)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", sorted(WRITABLE_MESH_SUFFIXES))
@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_sizes_survive(tmp_path: Path, suffix: str, scale: float) -> None:
    path = tmp_path / f"ball{suffix}"
    vertices = (BALL.vertices + 3) * scale
    write_mesh(path, vertices, BALL.faces)
    found = read_mesh(path)
    error = np.abs(found.vertices[found.faces] - vertices[BALL.faces]).max()
    assert error <= (4e-7 * scale if suffix in SINGLE else 0)


@pytest.mark.parametrize("offset", [1e3, 1e9, 1e13])
def test_far_from_the_origin_a_mesh_is_kept_or_refused(tmp_path: Path, offset: float) -> None:
    vertices = BALL.vertices + np.array([offset, 0, -offset])
    for suffix in WRITABLE_MESH_SUFFIXES - {".stl"}:
        write_mesh(tmp_path / f"a{suffix}", vertices, BALL.faces, normals=NORMALS)
        found = read_mesh(tmp_path / f"a{suffix}")
        assert np.abs(found.vertices - vertices).max() <= 2e-7 + np.spacing(offset)
        assert np.array_equal(found.faces, BALL.faces)
    if offset == 1e3:
        write_mesh(tmp_path / "a.stl", vertices, BALL.faces)
    else:
        with refused("a.stl", "float32", "use .ply or .obj", kind=InputError):
            write_mesh(tmp_path / "a.stl", vertices, BALL.faces)


def test_what_is_too_small_for_float32_is_refused(tmp_path: Path) -> None:
    for vertices in (BALL.vertices * 1e-43, (BALL.vertices + 1e5) * 1e-13):
        with refused("a.glb", "float32", "use .ply or .obj", kind=InputError):
            write_mesh(tmp_path / "a.glb", vertices, BALL.faces)


@pytest.mark.parametrize("suffix", sorted(WRITABLE_MESH_SUFFIXES))
def test_trimesh_reads_what_is_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ball{suffix}"
    write_mesh(path, BALL.vertices, BALL.faces)
    found = trimesh.load_mesh(path)
    assert found.is_watertight and found.volume == pytest.approx(BALL.volume, rel=1e-5)


def test_floats_as_colours(tmp_path: Path) -> None:
    write_mesh(tmp_path / "a.ply", BALL.vertices, BALL.faces, colours=COLOURS / 255)
    assert np.array_equal(read_mesh(tmp_path / "a.ply").colours, COLOURS)


def test_points_alone(tmp_path: Path) -> None:
    for suffix in (".obj", ".ply"):
        write_mesh(tmp_path / f"a{suffix}", BALL.vertices, np.empty((0, 3), int), normals=NORMALS)
        found = read_mesh(tmp_path / f"a{suffix}")
        assert np.array_equal(found.vertices, BALL.vertices) and found.faces.shape == (0, 3)
        assert found.normals is not None and np.abs(found.normals - NORMALS).max() < 1e-6
    with refused("a.stl", "no faces", "PLY or OBJ", kind=InputError):
        write_mesh(tmp_path / "a.stl", BALL.vertices, np.empty((0, 3), int))


def test_what_cannot_be_written(tmp_path: Path) -> None:
    bad = BALL.vertices.copy()
    bad[3, 1] = np.nan
    with refused("a.dae", "'.dae'", ".glb, .obj, .off, .ply, .stl", kind=InputError):
        write_mesh(tmp_path / "a.dae", BALL.vertices, BALL.faces)
    with refused("there is no folder", kind=InputError):
        write_mesh(tmp_path / "no" / "a.ply", BALL.vertices, BALL.faces)
    with refused("1 of its 162 vertices are not finite", kind=InputError):
        write_mesh(tmp_path / "a.ply", bad, BALL.faces)
    with refused("vertices are [n, 3], got [162, 2]", kind=InputError):
        write_mesh(tmp_path / "a.ply", BALL.vertices[:, :2], BALL.faces)
    with refused("a face names vertex 161, there are 161", kind=InputError):
        write_mesh(tmp_path / "a.ply", BALL.vertices[:-1], BALL.faces)
    with refused("162 vertices, but 3 normals", kind=InputError):
        write_mesh(tmp_path / "a.ply", BALL.vertices, BALL.faces, normals=NORMALS[:3])
    with refused("1e+39", "float32", kind=InputError):
        write_mesh(tmp_path / "a.stl", np.eye(3) * 1e39, np.array([[0, 1, 2]]))
    assert not list(tmp_path.iterdir())


# ---- formats, as others write them ----


@pytest.mark.parametrize("kind", ["obj", "ply", "stl", "stl_ascii", "off", "glb"])
def test_what_trimesh_writes(tmp_path: Path, kind: str) -> None:
    mesh = trimesh.Trimesh(BALL.vertices, BALL.faces, process=False)
    data = mesh.export(file_type=kind)
    found = read_bytes(tmp_path, f"a.{kind.partition('_')[0]}", data)
    assert np.abs(found.vertices[found.faces] - BALL.corners).max() < 1e-6


def test_obj_faces_of_all_kinds(tmp_path: Path) -> None:
    text = OBJ_CORNER + b"v 1 1 0\nvt 0 0\nvn 0 0 1\nf 1/1/1 2/1/1 3/1/1\nf 1//1 2//1 4//1 3//1\nf 1 2 4\n"
    assert read_bytes(tmp_path, "a.obj", text).faces.tolist() == [[0, 1, 2], [0, 1, 3], [3, 2, 0], [0, 1, 3]]


def test_obj_seams_do_not_split_vertices(tmp_path: Path) -> None:
    text = OBJ_CORNER + b"v 9 9 9\nv 1 1 0\nvt 0 0\nvt 1 1\nf 1/1 2/1 3/1\nf 2/2 5/2 3/2\n"
    found = read_bytes(tmp_path, "a.obj", text)
    assert found.vertices.shape == (5, 3) and found.faces.tolist() == [[0, 1, 2], [1, 4, 2]]


def test_obj_normals_where_each_vertex_has_one(tmp_path: Path) -> None:
    normals = b"vn 0 0 1\nvn 0 1 0\nvn 1 0 0\n"
    found = read_bytes(tmp_path, "a.obj", OBJ_CORNER + normals + b"f 1//1 2//2 3//3\n")
    assert found.normals is not None and found.normals.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert read_bytes(tmp_path, "b.obj", OBJ_CORNER + normals + b"f 1//1 2//3 3//2\n").normals is None
    assert read_bytes(tmp_path, "c.obj", OBJ_CORNER + normals + b"f 1//1 2//12 3//3\n").normals is None
    assert read_bytes(tmp_path, "d.obj", OBJ_CORNER + normals + b"f 1 2 3\n").normals is None


def test_obj_in_another_encoding(tmp_path: Path) -> None:
    text = "# Würfel\n".encode("latin-1") + OBJ_CORNER + b"f 1 2 3\n"
    assert read_bytes(tmp_path, "a.obj", text).faces.tolist() == [[0, 1, 2]]


def test_off_with_polygons_comments_and_colours(tmp_path: Path) -> None:
    text = "COFF # a sheet\n4 2 0\n# here\n0 0 0 1 0 0 1\n1 0 0 1 0 0 1\n\n1 1 0 1 0 0 1\n0 1 0 1 0 0 1\n"
    found = read_bytes(tmp_path, "a.off", text + "4 0 1 2 3\n3 2 1 0 255 0 0 # red\n")
    assert found.faces.tolist() == [[0, 1, 2], [0, 2, 3], [2, 1, 0]]
    assert found.vertices[2].tolist() == [1, 1, 0]


def test_obj_counts_backwards_from_the_face(tmp_path: Path) -> None:
    text = OBJ_CORNER + b"f -3 -2 -1\n" + OBJ_CORNER.replace(b" 0\n", b" 5\n") + b"vt 0 0\nf -3/-1 -2/-1 -1/-1\n"
    found = read_bytes(tmp_path, "a.obj", text)
    assert found.faces.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.vertices[3:, 2].tolist() == [5, 5, 5]


@pytest.mark.parametrize("order", ["little", "big"])
def test_ply_polygons_of_all_lengths(tmp_path: Path, order: str) -> None:
    sign = "<" if order == "little" else ">"
    header = (
        f"ply\nformat binary_{order}_endian 1.0\ncomment made by hand\nelement vertex 5\nproperty short x\n"
        "property double y\nproperty float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\n"
        "element face 3\nproperty uchar flags\nproperty list uchar uint vertex_index\n"
        "property list int float extra\nend_header\n"
    ).encode()
    rows = [struct.pack(f"{sign}hdf3B", k, k / 3, -k, 10 * k, 0, 255) for k in range(5)]
    polygons, extra = [[0, 1, 2], [4, 3, 2, 1, 0], [1, 2, 3, 4]], [[], [1.0], [2.0, 3.0]]
    for corners, more in zip(polygons, extra, strict=True):
        rows.append(struct.pack(f"{sign}BB{len(corners)}Ii{len(more)}f", 7, len(corners), *corners, len(more), *more))
    found = read_bytes(tmp_path, "a.ply", header + b"".join(rows))
    assert found.faces.tolist() == [[0, 1, 2], [4, 3, 2], [4, 2, 1], [4, 1, 0], [1, 2, 3], [1, 3, 4]]
    assert found.vertices[:, 1].tolist() == [k / 3 for k in range(5)]
    assert found.colours is not None and found.colours.tolist() == [[10 * k, 0, 255] for k in range(5)]
    with refused("truncated"):
        read_bytes(tmp_path, "b.ply", header + b"".join(rows)[:-1])


def test_ply_text(tmp_path: Path) -> None:
    text = (
        "ply\r\nformat ascii 1.0\r\nelement vertex 4\r\nproperty float x\r\nproperty float y\r\nproperty float z\r\n"
        "property float nx\r\nproperty float ny\r\nproperty float nz\r\nelement face 2\r\n"
        "property list uchar int vertex_indices\r\nend_header\r\n"
        "0 0 0 0 0 1\r\n1 0 0 0 0 1\r\n1 1 0 0 0 1\r\n0 1 nan 0 0 1\r\n3 0 1 2\r\n4 0 1 2 3\r\n"
    )
    found = read_bytes(tmp_path, "a.ply", text)
    assert found.faces.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 3]]
    assert found.normals is not None and found.normals.tolist() == [[0, 0, 1]] * 4
    assert np.isnan(found.vertices[3, 2])


def test_stl_with_the_word_solid_and_something_after_it(tmp_path: Path) -> None:
    triangle = np.arange(12, dtype="<f4").tobytes() + b"\0\0"
    data = b"solid but binary".ljust(80, b"\0") + struct.pack("<I", 2) + triangle * 2
    assert len(read_bytes(tmp_path, "a.stl", data).faces) == 2
    assert len(read_bytes(tmp_path, "a.stl", data + b"more").faces) == 2


@pytest.mark.parametrize("mirrored", [False, True])
def test_scenes_are_placed(tmp_path: Path, mirrored: bool) -> None:
    scene = trimesh.Scene()
    mesh = trimesh.Trimesh(BALL.vertices, BALL.faces, vertex_normals=NORMALS, process=False)
    turned = trimesh.transformations.rotation_matrix(0.5, [1, 2, 3], [0, 1, 0])
    turned[:3, :3] *= -2 if mirrored else 2
    scene.add_geometry(mesh, geom_name="ball", node_name="a")
    scene.add_geometry(mesh, geom_name="ball", node_name="b", parent_node_name="a", transform=turned)
    found = read_bytes(tmp_path, "a.glb", scene.export(file_type="glb"))
    assert len(found.faces) == 2 * len(BALL.faces)
    expected = np.concatenate([BALL.vertices, trimesh.transform_points(BALL.vertices, turned)])
    both = trimesh.Trimesh(found.vertices, found.faces, process=False)
    assert np.abs(np.sort(found.vertices, 0) - np.sort(expected, 0)).max() < 1e-6
    assert both.volume == pytest.approx(BALL.volume * 9, rel=1e-5)
    assert found.normals is not None
    assert (found.normals * both.vertex_normals).sum(1).min() > 0.99


def gltf(uri: str, count: int = 4, **more: object) -> str:
    """A tetrahedron, its numbers at ``uri``."""
    views = [{"buffer": 0, "byteLength": 48}, {"buffer": 0, "byteOffset": 48, "byteLength": 24}]
    tree = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "buffers": [{"uri": uri, "byteLength": 72}],
        "bufferViews": views,
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": count, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        ],
    }
    return json.dumps(tree | more)


BUFFER = TETRAHEDRON[0].astype("<f4").tobytes() + np.array(TETRAHEDRON[1], "<u2").tobytes()


def test_gltf_with_its_buffer_in_it_or_beside_it(tmp_path: Path) -> None:
    inside = "data:application/octet-stream;base64," + base64.b64encode(BUFFER).decode()
    (tmp_path / "the numbers.bin").write_bytes(BUFFER)
    for uri in (inside, "the%20numbers.bin"):
        found = read_bytes(tmp_path, "a.gltf", gltf(uri))
        assert np.array_equal(found.vertices, TETRAHEDRON[0]) and found.faces.tolist() == TETRAHEDRON[1]


@pytest.mark.parametrize(
    "uri", ["../a.bin", "/etc/passwd", "missing.bin", "sub/a.bin", "https://example.com/a.bin", ""]
)
def test_gltf_reads_nothing_from_elsewhere(tmp_path: Path, uri: str) -> None:
    folder = tmp_path / "inner"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path / "a.bin", folder / "sub" / "a.bin"):
        place.write_bytes(BUFFER)
    with refused("a.gltf", "no file beside it"):
        read_bytes(folder, "a.gltf", gltf(uri))


def test_glb_and_obj_read_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(BUFFER)
    tree = gltf("a.bin").encode()
    tree += b" " * (-len(tree) % 4)
    data = struct.pack("<4sIIII", b"glTF", 2, 20 + len(tree), len(tree), 0x4E4F534A) + tree
    with refused("a.glb"):
        read_bytes(tmp_path, "a.glb", data)
    (tmp_path / "a.mtl").write_text("this is read by nobody")
    text = b"mtllib a.mtl\nusemtl red\n" + OBJ_CORNER + b"f 1 2 3\n"
    assert read_bytes(tmp_path, "a.obj", text).faces.tolist() == [[0, 1, 2]]


def threemf(path: Path, *, objects: str, build: str = "") -> None:
    """A 3MF file with a tetrahedron as object 1."""
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in TETRAHEDRON[0])
    faces = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in TETRAHEDRON[1])
    mesh = f"<mesh><vertices>{vertices}</vertices><triangles>{faces}</triangles></mesh>"
    space = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "3D/3dmodel.model",
            f'<?xml version="1.0"?><model unit="millimeter" xmlns="{space}"><resources>'
            f'<object id="1" type="model">{mesh}</object>{objects}</resources><build>{build}</build></model>',
        )


def test_3mf(tmp_path: Path) -> None:
    pair = (
        '<object id="2"><components><component objectid="1"/>'
        '<component objectid="1" transform="2 0 0 0 2 0 0 0 2 10 0 0"/></components></object>'
    )
    item = '<item objectid="2" transform="1 0 0 0 1 0 0 0 1 0 5 0"/>'
    threemf(tmp_path / "a.3mf", objects=pair, build=item)
    found = read_mesh(tmp_path / "a.3mf")
    expected = np.concatenate([TETRAHEDRON[0], TETRAHEDRON[0] * 2 + np.array([10, 0, 0])]) + np.array([0, 5, 0])
    assert np.array_equal(found.vertices, expected)
    assert found.faces[4:].tolist() == (np.array(TETRAHEDRON[1]) + 4).tolist()
    threemf(tmp_path / "b.3mf", objects="")
    assert np.array_equal(read_mesh(tmp_path / "b.3mf").vertices, TETRAHEDRON[0])


def test_3mf_that_multiplies_itself(tmp_path: Path) -> None:
    doubled = "".join(
        f'<object id="{k}"><components><component objectid="{k - 1}"/><component objectid="{k - 1}"/>'
        "</components></object>"
        for k in range(2, 40)
    )
    threemf(tmp_path / "a.3mf", objects=doubled, build='<item objectid="39"/>')
    with refused("a.3mf", "places more than", kind=InputError):
        read_mesh(tmp_path / "a.3mf")
    points = "".join(f'<vertex x="{x}" y="0" z="0"/>' for x in range(20_000))
    corner = '<triangle v1="0" v2="1" v3="2"/>'
    line = f'<object id="2"><mesh><vertices>{points}</vertices><triangles>{corner}</triangles></mesh></object>'
    threemf(tmp_path / "c.3mf", objects=line, build='<item objectid="2"/>' * 1000)
    with little_memory(), refused("c.3mf", "20,000 vertices come to 20,000,000", kind=InputError):
        read_mesh(tmp_path / "c.3mf")
    loop = '<object id="2"><components><component objectid="2"/></components></object>'
    threemf(tmp_path / "b.3mf", objects=loop, build='<item objectid="2"/>')
    with refused("b.3mf", "contains itself"):
        read_mesh(tmp_path / "b.3mf")


def test_3mf_with_far_more_in_it_than_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nested = "<a>" * 200 + "</a>" * 200
    threemf(tmp_path / "a.3mf", objects=nested)
    with refused("a.3mf", "more than 100 deep"):
        read_mesh(tmp_path / "a.3mf")
    elements = b"<vertices>" + b'<vertex x="0"/>' * 1000 + b"</vertices>"
    for element in _elements(io.BytesIO(elements)):
        assert len(element) <= 1
    monkeypatch.setattr("neuralfields.files.threemf._MAX_BYTES", 500)
    threemf(tmp_path / "b.3mf", objects="")
    with refused("b.3mf", "at most 500 are read", kind=InputError):
        read_mesh(tmp_path / "b.3mf")


@pytest.mark.parametrize("shared", ["nodes", "primitives"])
def test_gltf_that_multiplies_itself(tmp_path: Path, shared: str) -> None:
    count = 100_000
    uri = "data:;base64," + base64.b64encode(bytes(12 * count) + BUFFER[48:]).decode()
    views = [{"buffer": 0, "byteLength": 12 * count}, {"buffer": 0, "byteOffset": 12 * count, "byteLength": 24}]
    more: dict[str, object] = {"buffers": [{"uri": uri, "byteLength": 12 * count + 24}], "bufferViews": views}
    if shared == "nodes":
        more |= {"nodes": [{"mesh": 0}] * 200, "scenes": [{"nodes": [*range(200)]}]}
    else:
        more |= {"meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}] * 200}]}
    with little_memory(), refused("a.gltf", "100,000 vertices come to 20,000,000", kind=InputError):
        read_bytes(tmp_path, "a.gltf", gltf(uri, count=count, **more))


def test_npz_with_far_more_in_it_than_its_size(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (50_000_000, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(150):
            file.write(bytes(10**6))
    with little_memory(), refused("a.npz", "unpacks to 50,000,000 points", kind=InputError):
        read_mesh(tmp_path / "a.npz")


def test_blank_lines_are_passed_over_at_once(tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise TimeoutError("it takes time with the square of the number of lines")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)  # what takes a moment would take minutes
    try:
        found = read_bytes(tmp_path, "a.xyz", "0 0 1\n" + "\n" * 300_000 + "2 3 4\n")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert found.vertices.tolist() == [[0, 0, 1], [2, 3, 4]]


@pytest.mark.parametrize(
    ("name", "text", "normals", "colours"),
    [
        ("a.xyz", "0 0 1\n2 3 4\n", None, None),
        ("a.txt", "# x y z\n0 0 1\n// more\n2 3 4", None, None),
        ("a.csv", "x,y,z\n0,0,1\n2,3,4\n", None, None),
        ("a.pts", "2\n0 0 1 -100\n2 3 4 -200\n", None, None),
        ("a.pts", "2\n0 0 1 -100 255 0 7\n2 3 4 -200 1 2 3\n", None, [[255, 0, 7], [1, 2, 3]]),
        ("a.xyz", "0 0 1 0 0 1\r\n2 3 4 0.6 0 -0.8\r\n", [[0, 0, 1], [0.6, 0, -0.8]], None),
        ("a.xyz", "0;0;1;0;0;1\n2;3;4;0;1;0\n", [[0, 0, 1], [0, 1, 0]], None),
    ],
)
def test_tables_of_points(tmp_path: Path, name: str, text: str, normals: list | None, colours: list | None) -> None:
    found = read_bytes(tmp_path, name, text)
    assert found.vertices.tolist() == [[0, 0, 1], [2, 3, 4]] and found.faces.shape == (0, 3)
    assert (None if found.normals is None else found.normals.tolist()) == normals
    assert (None if found.colours is None else found.colours.tolist()) == colours


def test_arrays_of_points(tmp_path: Path) -> None:
    points = np.hstack([BALL.vertices, NORMALS])
    np.save(tmp_path / "a.npy", np.asfortranarray(points))
    np.savez(tmp_path / "a.npz", points=points.astype(np.float32), other=np.zeros(3))
    for name in ("a.npy", "a.npz"):
        found = read_mesh(tmp_path / name)
        assert np.abs(found.vertices - BALL.vertices).max() < 1e-6
        assert found.normals is not None and np.abs(found.normals - NORMALS).max() < 1e-6
    np.save(tmp_path / "b.npy", np.zeros((4, 5)))
    with refused("b.npy", "float64 [4, 5]", "[n, 3] or [n, 6]", kind=InputError):
        read_mesh(tmp_path / "b.npy")
    np.save(tmp_path / "c.npy", np.array([[None] * 3]), allow_pickle=True)
    with refused("c.npy", "object", kind=InputError):
        read_mesh(tmp_path / "c.npy")


# ---- damage ----


def test_values_that_are_not_finite_are_kept(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, "a.obj", b"v nan 0 0\nv 1 0 inf\nv 0 1 0\nf 1 2 3\n")
    assert np.isnan(found.vertices[0, 0]) and np.isinf(found.vertices[1, 2])


def test_no_file_a_folder_an_unknown_suffix(tmp_path: Path) -> None:
    with refused("a.ply", "no such file", kind=InputError):
        read_mesh(tmp_path / "a.ply")
    (tmp_path / "folder.ply").mkdir()
    with refused("folder.ply", "is a folder, not a mesh file", kind=InputError):
        read_mesh(tmp_path / "folder.ply")
    with refused("a.blend", "'.blend'", ".3mf, .csv, .glb", kind=InputError):
        read_bytes(tmp_path, "a.blend", b"BLENDER")


@pytest.mark.parametrize("suffix", sorted(MESH_SUFFIXES))
def test_empty_files_and_garbage(tmp_path: Path, suffix: str) -> None:
    with refused(f"a{suffix}", "it is empty"):
        read_bytes(tmp_path, f"a{suffix}", b"")
    for garbage in ("hello world, this is no mesh\n" * 5, bytes(range(256)) * 4, b"\0" * 500, b"\xff" * 33):
        with refused(f"a{suffix}"):
            read_bytes(tmp_path, f"a{suffix}", garbage)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.obj", OBJ_CORNER + b"f 1 2 4\n", "index 3"),
        ("a.obj", OBJ_CORNER + b"f 1 2 -4\n", "a face names number -4, 3 come before it"),
        ("a.obj", OBJ_CORNER + b"f 0 1 2\n", "a face names number 0"),
        ("a.obj", OBJ_CORNER + b"f 1 2 x\n", "damaged"),
        ("a.obj", b"v 0 0 zero\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "damaged"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", "names vertex 3, there are 3"),
        ("a.xyz", "1 2 3\n4 5\n", "5 numbers in 2 lines"),
        ("a.xyz", "1 2\n3 4\n5 6\n", "6 numbers in 3 lines"),
        ("a.stl", "solid a\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0", "does not end with endsolid"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n", "no vertices x, y, z"),
        ("a.ply", "ply\nformat ascii 1.0\nproperty float x\nend_header\n1\n", "'property float x'"),
        ("a.ply", "ply\nelement vertex 1\nproperty float x\nend_header\n1\n", "does not name the format"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 1\n", "its header has no end"),
    ],
)
def test_damage_is_told(tmp_path: Path, name: str, data: bytes | str, words: str) -> None:
    with refused(name, words):
        read_bytes(tmp_path, name, data)


PLY_HEAD = (
    "ply\nformat {} 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nelement face {}\n"
)
PLY_HEAD += "property list {} int vertex_indices\nend_header\n"
BILLION = 10**9


def absurd_glb(length: int, first: int) -> bytes:
    return struct.pack("<4sIIII", b"glTF", 2, length, first, 0x4E4F534A).ljust(100, b" ")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.stl", bytes(80) + struct.pack("<I", BILLION) + bytes(16)),
        ("a.stl", b"solid".ljust(80, b"\0") + struct.pack("<I", 2**32 - 1) + bytes(16)),
        ("a.ply", PLY_HEAD.format("ascii", 3, BILLION, "uchar") + "0 0 0\n" * 3),
        ("a.ply", PLY_HEAD.format("binary_little_endian", 3, BILLION, "uchar") + "\0" * 36),
        ("a.ply", PLY_HEAD.format("binary_big_endian", BILLION, 1, "uchar") + "\0" * 36),
        ("a.ply", PLY_HEAD.format("binary_little_endian", 10**30, 1, "uchar") + "\0" * 36),
        ("a.ply", PLY_HEAD.format("binary_little_endian", 3, 1, "uint").encode() + bytes(36) + b"\xff" * 4),
        ("a.ply", PLY_HEAD.format("binary_little_endian", 3, 1, "int").encode() + bytes(36) + b"\xff" * 4),
        ("a.ply", PLY_HEAD.format("ascii", 3, 1, "uchar") + "0 0 0\n" * 3 + "1e9 1\n"),
        ("a.ply", PLY_HEAD.format("ascii", 3, 1, "uchar") + "0 0 0\n" * 3 + "nan 1\n"),
        ("a.off", f"OFF\n3 {BILLION} 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"),
        ("a.off", f"OFF\n{BILLION} 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"),
        ("a.glb", absurd_glb(2**32 - 1, 2**32 - 1)),
        ("a.glb", absurd_glb(100, 2**31)),
        ("a.glb", absurd_glb(2**31, 20)),
        ("a.gltf", gltf("data:;base64,AAAA", count=BILLION)),
        ("a.gltf", gltf("data:;base64,AAAA", accessors=[{"count": -BILLION, "bufferView": 0}] * 2)),
        (
            "a.npy",
            b"\x93NUMPY\1\0v\0" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 3)}".ljust(118),
        ),
    ],
)
def test_small_files_with_great_claims(tmp_path: Path, name: str, data: bytes | str) -> None:
    with little_memory(), refused(name):
        read_bytes(tmp_path, name, data)


def test_geometry_that_is_compressed_is_told(tmp_path: Path) -> None:
    accessors = [{"componentType": 5126, "count": BILLION, "type": "VEC3"}] * 2
    with refused("compressed (Draco)", kind=InputError):
        read_bytes(tmp_path, "a.gltf", gltf("data:;base64,AAAA", accessors=accessors))


@pytest.mark.parametrize("kind", ["ply", "stl", "glb", "off", "stl_ascii"])
def test_truncated_anywhere(tmp_path: Path, kind: str) -> None:
    mesh = trimesh.Trimesh(*TETRAHEDRON, process=False)
    data = mesh.export(file_type=kind)
    data = data.encode() if isinstance(data, str) else data
    name = f"a.{kind.partition('_')[0]}"
    assert len(read_bytes(tmp_path, name, data).faces) == 4
    for length in range(len(data.rstrip()) - 1):
        with refused(name):
            read_bytes(tmp_path, name, data[:length])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["ply", "stl", "glb", "off", "obj", "3mf"]), st.data())
def test_changed_bytes_are_read_or_refused(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    if kind == "3mf":
        threemf(tmp_path / "whole.3mf", objects="")
    else:
        write_mesh(tmp_path / f"whole.{kind}", *map(np.array, TETRAHEDRON))
    content = bytearray((tmp_path / f"whole.{kind}").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_bytes(tmp_path, f"a.{kind}", bytes(content))
    except InputError:
        with refused(f"a.{kind}", kind=None):
            read_mesh(tmp_path / f"a.{kind}")
        return
    assert found.vertices.dtype == np.float64 and found.faces.dtype == np.int64
    assert not len(found.faces) or 0 <= found.faces.min() <= found.faces.max() < len(found.vertices)


# ---- real files ----


def test_real_files(data: Path) -> None:
    spot = read_mesh(data / "meshes" / "spot.obj")
    assert (spot.vertices.shape, spot.faces.shape) == ((2930, 3), (5856, 3))
    scan = read_mesh(data / "pointclouds" / "bunny_scans" / "bun045.ply")
    assert (scan.vertices.shape, scan.faces.shape) == ((40097, 3), (0, 3))
    lidar = read_mesh(data / "pointclouds" / "lidar_pair" / "source.ply")
    assert (lidar.vertices.shape, lidar.normals, lidar.colours) == ((69792, 3), None, None)
