"""Triangle meshes: areas, normals, volumes, points on the surface, what is closed."""

import numpy as np
import pytest
from known_meshes import joined, soup, sphere, strip, torus

from neuralfields.errors import InputError
from neuralfields.geometry import Triangles

CORNER = Triangles(np.array([[0, 0, 0], [2, 0, 0], [0, 3, 0.0]]), np.array([[0, 1, 2]]))


def test_a_triangle() -> None:
    assert CORNER.areas.tolist() == [3]
    assert CORNER.normals.tolist() == [[0, 0, 1]]
    assert CORNER.vertex_normals.tolist() == [[0, 0, 1]] * 3
    assert not CORNER.closed
    assert np.array_equal(CORNER.bounds, [[0, 0, 0], [2, 3, 0]])


def test_a_sphere_and_a_torus() -> None:
    ball, ring = sphere(4), torus(120, 60)
    assert ball.volume == pytest.approx(4 / 3 * np.pi, rel=0.01)
    assert ring.volume == pytest.approx(2 * np.pi**2 * 0.4**2, rel=0.01)
    assert ball.areas.sum() == pytest.approx(4 * np.pi, rel=0.01)
    assert ball.closed and ring.closed and joined(ball, ring).closed
    assert not soup(ball).closed and not strip().closed
    assert np.abs(ball.vertex_normals - ball.vertices).max() < 0.01


def test_normals_at_vertices_do_not_depend_on_how_a_face_is_cut() -> None:
    """A cube's corner has the same normal whether one or two triangles of a side meet there."""
    vertices = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1.0)])
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    cube = Triangles(vertices, np.array([face for a, b, c, d in quads for face in ([a, b, c], [a, c, d])]))
    assert cube.volume == pytest.approx(8)
    assert np.allclose(cube.vertex_normals, vertices / 3**0.5)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_far_from_the_origin_and_of_any_size(size: float) -> None:
    ball = sphere(2)
    moved = Triangles((ball.vertices + np.array([1000, -2000, 500])) * size, ball.faces)
    assert moved.volume / size**3 == pytest.approx(ball.volume, rel=1e-9)
    assert np.allclose(moved.vertex_normals, ball.vertex_normals, atol=1e-9)


def test_normals_of_some_faces_are_those_of_all() -> None:
    ring, some = torus(), np.array([5, 0, 5, 500])
    np.testing.assert_array_equal(ring.normals_of(some), ring.normals[some])
    assert not ring.normals_of(some[:0]).size


def test_what_is_computed_of_many_faces_by_pieces_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("areas", "normals", "vertex_normals", "bends", "volume")
    whole = {name: getattr(torus(), name) for name in names}
    monkeypatch.setattr("neuralfields.geometry.triangles._PIECE", 100)
    for name in names:
        np.testing.assert_allclose(getattr(torus(), name), whole[name], rtol=1e-12, atol=1e-15)


def test_degenerate_faces_give_no_normal() -> None:
    mesh = Triangles(np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0.0]]), np.array([[0, 1, 2], [0, 0, 1]]))
    assert not mesh.normals.any() and not mesh.vertex_normals.any()


def test_points_lie_evenly_on_the_surface() -> None:
    ball = sphere(3)
    points, faces = ball.sample(20_000, np.random.default_rng(0))
    heights = ((points - ball.corners[faces, 0]) * ball.normals[faces]).sum(1)
    assert np.abs(heights).max() < 1e-12
    assert np.abs(points.mean(0)).max() < 0.02
    assert np.allclose((points**2).mean(0), 1 / 3, atol=0.02)


@pytest.mark.parametrize(
    ("vertices", "faces", "words"),
    [
        (np.zeros((3, 2)), np.zeros((1, 3), int), r"vertices are \[n, 3\], got \[3, 2\]"),
        (np.zeros((3, 3)), np.zeros((1, 4), int), r"faces are \[n, 3\], got \[1, 4\]"),
        (np.zeros((3, 3)), np.array([[0, 1, 3]]), "from 0 to 2"),
        (np.zeros((3, 3)), np.array([[0, 1, -1]]), "from 0 to 2"),
    ],
)
def test_what_is_no_mesh_is_refused(vertices: np.ndarray, faces: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Triangles(vertices, faces)
