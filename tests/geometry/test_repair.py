"""Broken meshes: each kind of damage is undone, or told in one line."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_meshes import joined, quartered, soup, sphere, strip, torus

from neuralfields.errors import InputError
from neuralfields.files.meshes import read_mesh
from neuralfields.geometry import Repairs, Topology, Triangles, repaired, topology

BALL = sphere(2)
SPHERE = Topology(components=1, boundary_edges=0, non_manifold_edges=0, euler=2, closed=True, consistent=True)


def flipped(mesh: Triangles, which: np.ndarray) -> Triangles:
    return Triangles(mesh.vertices, np.where(which[:, None], mesh.faces[:, ::-1], mesh.faces))


def some(count: int, share: float, seed: int = 0) -> np.ndarray:
    """A mask [count] with this share chosen at random."""
    return np.random.default_rng(seed).permutation(count) < share * count


def same(a: Triangles, b: Triangles) -> bool:
    return np.array_equal(a.vertices, b.vertices) and np.array_equal(a.faces, b.faces)


@pytest.mark.parametrize("mesh", [BALL, torus(), joined(BALL, torus()), strip(), strip(twisted=True)])
def test_a_sound_mesh_stays_as_it_is(mesh: Triangles) -> None:
    result, repairs = repaired(mesh)
    assert same(result, mesh)
    assert repairs == Repairs() and str(repairs) == ""


def test_topologies() -> None:
    assert topology(BALL) == SPHERE
    assert topology(torus()) == Topology(1, 0, 0, 0, True, True)
    assert topology(joined(BALL, sphere(1, centre=(3, 0, 0)))) == Topology(2, 0, 0, 4, True, True)
    assert topology(strip()) == Topology(1, 60, 0, 0, False, True)
    assert topology(strip(twisted=True)) == Topology(1, 60, 0, 0, False, False)
    book = Triangles(np.random.default_rng(0).random((5, 3)), np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]]))
    assert topology(book) == Topology(1, 6, 1, 1, False, False)
    assert topology(Triangles(np.zeros((3, 3)), np.empty((0, 3)))) == Topology(0, 0, 0, 0, False, True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.45))
def test_flipped_faces_are_found(seed: int, share: float) -> None:
    for mesh in (BALL, torus()):
        which = some(len(mesh.faces), share, seed)
        result, repairs = repaired(flipped(mesh, which))
        assert same(result, mesh)
        assert repairs == Repairs(flipped_faces=int(which.sum()))


def test_flipped_faces_of_a_mesh_with_holes_are_found() -> None:
    mesh = sphere(3)
    left = Triangles(mesh.vertices, mesh.faces[~some(len(mesh.faces), 0.2)])
    result, _ = repaired(flipped(left, some(len(left.faces), 0.1, 1)))
    outwards = (result.normals * result.corners.mean(1)).sum(1) > 0
    # Faces that lost all three neighbours, and small groups of them, have nobody to agree with.
    assert outwards.mean() > 0.995
    assert topology(result).consistent and not result.closed


def test_faces_removed_leave_the_others() -> None:
    left = Triangles(BALL.vertices, BALL.faces[~some(len(BALL.faces), 0.2)])
    result, repairs = repaired(left)
    assert str(repairs) == ""
    assert np.array_equal(result.corners, left.corners)
    assert topology(result).boundary_edges > 0 and not topology(result).closed


def test_places_that_share_a_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = repaired(soup(BALL))
    monkeypatch.setattr("neuralfields.geometry.repair._HASH", np.array([0, 0, 1], np.uint64))
    found = repaired(soup(BALL))
    assert same(found[0], whole[0]) and found[1] == whole[1] and len(found[0].vertices) == len(BALL.vertices)


def test_inside_out() -> None:
    result, repairs = repaired(flipped(BALL, np.ones(len(BALL.faces), bool)))
    assert same(result, BALL)
    assert str(repairs) == "320 flipped faces"
    bowl = Triangles(BALL.vertices, BALL.faces[:, ::-1][BALL.corners[:, :, 2].mean(1) < 0.5])
    result, _ = repaired(bowl)
    assert ((result.normals * result.corners.mean(1)).sum(1) > 0).all()


def inverted(mesh: Triangles) -> Triangles:
    return flipped(mesh, np.ones(len(mesh.faces), bool))


def test_parts_are_turned_with_what_lies_in_them() -> None:
    hollow = joined(BALL, inverted(sphere(2, 0.5)))
    aside, far = sphere(2, 2, (5, 0, 0)), sphere(1, 1e-3, (900, 0, 0))
    sound = joined(hollow, aside, far, strip())
    for mesh in (
        joined(inverted(hollow), aside, far, strip()),
        joined(hollow, inverted(aside), inverted(far), strip()),
        joined(inverted(hollow), inverted(aside), far, strip()),
    ):
        assert same(repaired(mesh)[0], sound)
    inner = joined(BALL, sphere(2, 0.5))
    assert same(repaired(inner)[0], inner)


@pytest.mark.parametrize("centre", [(0, 0, 0), (1e9, 0, 0)])
@pytest.mark.parametrize("large_too", [False, True])
def test_a_part_in_the_corner_of_anothers_box_is_no_cavity(large_too: bool, centre: tuple[float, float, float]) -> None:
    corner = sphere(1, 0.05, (0.9, 0.9, 0.9))
    large = inverted(BALL) if large_too else BALL
    aside = corner if large_too else inverted(corner)
    result, repairs = repaired(moved(joined(large, aside), centre))
    assert same(result, moved(joined(BALL, corner), centre))
    assert repairs.flipped_faces == len((large if large_too else corner).faces)


def moved(mesh: Triangles, offset: tuple[float, float, float]) -> Triangles:
    return Triangles(mesh.vertices + offset, mesh.faces)


def test_an_open_sheet_keeps_its_side() -> None:
    for order in ([0, 1, 2], [0, 2, 1]):
        sheet = Triangles(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]]), np.array([order]))
        assert same(repaired(quartered(sheet))[0], quartered(sheet))


def test_a_cavity_keeps_its_orientation() -> None:
    inner = sphere(2, 0.5)
    shell = joined(BALL, flipped(inner, np.ones(len(inner.faces), bool)))
    assert same(repaired(shell)[0], shell)


def test_duplicated_vertices_are_merged() -> None:
    result, repairs = repaired(soup(BALL))
    assert topology(result) == SPHERE
    assert np.array_equal(result.corners, BALL.corners)
    assert repairs == Repairs(merged_vertices=960 - 162)
    two = joined(BALL, sphere(2, centre=(5, 0, 0)))
    assert topology(repaired(soup(two))[0]) == Topology(2, 0, 0, 4, True, True)


def test_minus_zero_is_the_same_place() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [-0.0, -0.0, 0], [1, -0.0, 0], [0, -1, 0]])
    result, repairs = repaired(Triangles(vertices, np.array([[0, 1, 2], [4, 3, 5]])))
    assert repairs == Repairs(merged_vertices=2)
    assert topology(result).boundary_edges == 4


def test_vertices_that_are_not_finite_go_with_their_faces() -> None:
    vertices = BALL.vertices.copy()
    vertices[7, 1], vertices[100] = np.nan, np.inf
    result, repairs = repaired(Triangles(vertices, BALL.faces))
    assert repairs == Repairs(non_finite_vertices=2)
    assert np.isfinite(result.vertices).all()
    assert len(result.faces) == len(BALL.faces) - int(np.isin(BALL.faces, [7, 100]).any(1).sum())


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_faces_without_area_go(size: float) -> None:
    a, b, c = BALL.faces[0]
    line = BALL.vertices[[a, a, a]] + np.outer([0.1, 0.3, 0.7], [1.0, 2.0, 3.0])
    vertices = np.concatenate([BALL.vertices, line]) * size
    new = len(BALL.vertices) + np.arange(3)
    worse = np.array([[a, a, a], [a, b, b], new, [c, a, c]])
    result, repairs = repaired(Triangles(vertices, np.concatenate([BALL.faces, worse])))
    assert repairs == Repairs(degenerate_faces=4)
    assert topology(result) == SPHERE and len(result.vertices) == len(BALL.vertices)


def test_a_sliver_that_closes_the_mesh_stays() -> None:
    """A tetrahedron, an edge of which has a middle on one side only: a face without area fills the gap."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0, 0]])
    faces = np.array([[0, 2, 1], [0, 4, 3], [4, 1, 3], [0, 3, 2], [1, 2, 3], [0, 1, 4]])
    mesh = Triangles(vertices, faces)
    assert mesh.areas[-1] == 0 and mesh.closed
    assert same(repaired(mesh)[0], mesh)


@pytest.mark.parametrize("turned", [False, True])
def test_repeated_faces_go(turned: bool) -> None:
    again = BALL.faces[:50][:, ::-1] if turned else np.roll(BALL.faces[:50], 1, axis=1)
    result, repairs = repaired(Triangles(BALL.vertices, np.concatenate([BALL.faces, again])))
    assert same(result, BALL)
    assert str(repairs) == "50 duplicate faces"


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_sizes_do_not_matter(size: float) -> None:
    damaged = soup(flipped(BALL, some(len(BALL.faces), 0.1)))
    result, repairs = repaired(Triangles((damaged.vertices + 1) * size, damaged.faces))
    assert topology(result) == SPHERE and result.volume > 0
    assert repairs.degenerate_faces == 0 and repairs.flipped_faces == 32


def test_one_triangle_is_an_open_surface() -> None:
    mesh = Triangles(np.eye(3), np.array([[0, 1, 2]]))
    result, repairs = repaired(mesh)
    assert same(result, mesh) and repairs == Repairs()
    assert topology(result) == Topology(1, 3, 0, 1, False, True)


def test_all_damage_at_once() -> None:
    damaged = soup(flipped(joined(BALL, sphere(2, centre=(4, 0, 0))), some(640, 0.1)))
    vertices = np.concatenate([damaged.vertices, [[np.nan, 0, 0]], damaged.vertices[:3]])
    faces = np.concatenate([damaged.faces, [[0, 1, 1920], [5, 5, 6], [1921, 1922, 1923]]])
    result, repairs = repaired(Triangles(vertices, faces))
    assert topology(result) == Topology(2, 0, 0, 4, True, True)
    assert result.volume == pytest.approx(2 * BALL.volume)
    assert str(repairs) == (
        "1 non-finite vertex, 1 degenerate face, 1 duplicate face, 1,599 merged vertices, 64 flipped faces"
    )


@pytest.mark.parametrize(
    ("vertices", "faces", "words"),
    [
        (np.eye(3), np.empty((0, 3)), "no faces, only 3 vertices"),
        (np.full((3, 3), np.nan), [[0, 1, 2]], "none of the mesh's 1 faces is of use: 3 non-finite vertices"),
        (np.ones((3, 3)), [[0, 1, 2]], "2 merged vertices"),
        (np.eye(3), [[0, 1, 1], [0, 0, 0]], "2 degenerate faces"),
        (np.outer([0, 1, 2], [1.0, 2.0, 3.0]), [[0, 1, 2]], "1 degenerate face"),
        (np.eye(3) * 1e200, [[0, 1, 2]], r"1e\+200 long"),
        (np.eye(3) * 1e-200, [[0, 1, 2]], "1e-200 long"),
        ((2 * np.eye(3) - 1) * 1e308, [[0, 1, 2]], "inf long"),
    ],
)
def test_what_leaves_nothing_is_told(vertices: np.ndarray, faces: list[list[int]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        repaired(Triangles(vertices, np.array(faces)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_faces_come_out_sound(data: st.DataObject) -> None:
    places = st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.5, float("nan")])] * 3)
    vertices = data.draw(st.lists(places, min_size=3, max_size=12))
    corner = st.integers(0, len(vertices) - 1)
    faces = data.draw(st.lists(st.tuples(corner, corner, corner), min_size=1, max_size=20))
    mesh = Triangles(np.array(vertices), np.array(faces))
    with suppress(InputError):
        check_sound(repaired(mesh)[0])


def check_sound(result: Triangles) -> None:
    assert np.isfinite(result.vertices).all()
    assert len(np.unique(result.vertices, axis=0)) == len(result.vertices) == len(np.unique(result.faces))
    assert len(np.unique(np.sort(result.faces, axis=1), axis=0)) == len(result.faces)
    assert (np.diff(np.sort(result.faces, axis=1)) > 0).all()
    again, repairs = repaired(result)
    assert repairs == Repairs() and same(again, result)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("spot", SPHERE),
        ("armadillo", SPHERE),
        ("nefertiti", SPHERE),
        ("stanford-bunny", Topology(1, 223, 0, -3, False, True)),
        ("beetle-alt", Topology(1, 1136, 0, -11, False, True)),
    ],
)
def test_real_meshes(data: Path, name: str, expected: Topology) -> None:
    read = read_mesh(data / "meshes" / f"{name}.obj")
    result, _ = repaired(Triangles(read.vertices, read.faces))
    assert topology(result) == expected
    assert result.closed is expected.closed
