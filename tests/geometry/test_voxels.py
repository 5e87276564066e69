"""What lattices find inside, against closed forms and winding numbers."""

import numpy as np
import pytest
import trimesh

from neuralfields.geometry import Triangles
from neuralfields.geometry.proximity import Proximity
from neuralfields.geometry.voxels import lattice_points, occupancy


def of(mesh: trimesh.Trimesh) -> Triangles:
    return Triangles(mesh.vertices, mesh.faces)


def sphere(radius: float = 0.6, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Triangles:
    mesh = trimesh.creation.icosphere(3, radius)
    return Triangles(mesh.vertices + np.asarray(centre), mesh.faces)


def joined(*parts: Triangles) -> Triangles:
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces = [part.faces + start for part, start in zip(parts, starts[:-1], strict=True)]
    return Triangles(np.concatenate([part.vertices for part in parts]), np.concatenate(faces))


BOX = of(trimesh.creation.box((1.0, 0.6, 0.8)))
HALVES = np.array([0.5, 0.3, 0.4])


@pytest.mark.parametrize("offset", [(0.0, 0.0, 0.0), (0.1, -0.2, 0.3)])
def test_a_box_holds_what_is_nearer_than_its_sides(offset: tuple[float, float, float]) -> None:
    inside = (np.abs(lattice_points(32, offset)) < HALVES).all(1)
    np.testing.assert_array_equal(occupancy(BOX, 32, offset).inside.reshape(-1), inside)


def test_lines_through_edges_and_corners_cross_once() -> None:
    # Samples of an odd lattice lie on the axes, where an octahedron has its corners, and on its edges.
    mesh = Triangles(
        [[0.9, 0, 0], [-0.9, 0, 0], [0, 0.9, 0], [0, -0.9, 0], [0, 0, 0.9], [0, 0, -0.9]],  # type: ignore[arg-type]
        [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]],  # type: ignore[arg-type]
    )
    points = lattice_points(21)
    distance = np.abs(points).sum(1)
    found = occupancy(mesh, 21).inside.reshape(-1)
    clear = np.abs(distance - 0.9) > 1e-9
    np.testing.assert_array_equal(found[clear], (distance < 0.9)[clear])


PAIR = joined(sphere(0.5, (-0.2, 0, 0)), sphere(0.5, (0.2, 0, 0)))


@pytest.mark.parametrize("mesh", [BOX, sphere(), sphere(0.3, (0.3, 0.2, -0.1)), PAIR])
def test_winding_numbers_agree(mesh: Triangles) -> None:
    offset = (0.11, 0.23, -0.31)
    found = occupancy(mesh, 24, offset)
    np.testing.assert_array_equal(found.inside.reshape(-1), Proximity(mesh).inside(lattice_points(24, offset)))
    assert not found.disputed.any()


def test_a_hollow_sphere_is_empty_inside() -> None:
    inner = sphere(0.3)
    shell = joined(sphere(0.6), Triangles(inner.vertices, inner.faces[:, ::-1]))
    distance = np.linalg.norm(lattice_points(32), axis=1)
    found = occupancy(shell, 32).inside.reshape(-1)
    assert found[(distance > 0.31) & (distance < 0.59)].all()
    assert not found[(distance < 0.29) | (distance > 0.61)].any()


def flipped(mesh: Triangles, share: float) -> Triangles:
    """With some of the faces turned over, so that counting ways in and out is of no use."""
    faces = mesh.faces.copy()
    some = np.random.default_rng(0).random(len(faces)) < share
    faces[some] = faces[some][:, ::-1]
    return Triangles(mesh.vertices, faces)


@pytest.mark.parametrize("mesh", [BOX, sphere(0.4, (0.3, 0.2, -0.1)), of(trimesh.creation.box((4.0, 1.0, 0.3)))])
def test_lines_in_all_directions_agree_on_closed_meshes(mesh: Triangles) -> None:
    offset = (0.11, 0.23, -0.31)
    found, truth = occupancy(flipped(mesh, 0.3), 20, offset), occupancy(mesh, 20, offset)
    np.testing.assert_array_equal(found.inside, truth.inside)
    assert not found.disputed.any()


def test_many_lines_see_through_many_holes() -> None:
    whole = trimesh.creation.icosphere(5, 0.7)
    kept = np.random.default_rng(0).random(len(whole.faces)) > 0.2
    found = occupancy(Triangles(whole.vertices, whole.faces[kept]), 64, (0.1, 0.2, -0.3)).inside
    truth = occupancy(of(whole), 64, (0.1, 0.2, -0.3)).inside
    assert (found & truth).sum() / (found | truth).sum() > 0.99


def test_more_layers_than_a_byte_holds() -> None:
    ball = sphere(0.9)
    shells = joined(*(Triangles(ball.vertices * (1 - k / 300), ball.faces) for k in range(140)))
    assert occupancy(shells, 9).inside[4, 4, 4]


def test_a_hole_is_a_matter_of_dispute() -> None:
    whole = sphere(0.7)
    open_ = Triangles(whole.vertices, whole.faces[whole.vertices[whole.faces, 2].mean(1) < 0.5])
    assert not open_.balanced
    found, truth = occupancy(open_, 32), occupancy(whole, 32).inside
    assert (found.inside != truth).sum() < 0.1 * truth.sum()
    assert found.disputed.any()
    assert not found.disputed[0, 0, 0]  # few lines through there meet the sphere


def test_what_reaches_beyond_the_box_is_cut() -> None:
    assert occupancy(of(trimesh.creation.box((4.0, 4.0, 4.0))), 8).inside.all()
    half = occupancy(Triangles(BOX.vertices + np.array([0, 0, 1]), BOX.faces), 20).inside
    np.testing.assert_array_equal(half.sum((0, 1)) > 0, np.arange(20) >= 16)


def test_large_and_many_faces_go_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = occupancy(BOX, 32, (0.1, 0.2, 0.3)).inside
    monkeypatch.setattr("neuralfields.geometry.voxels._PAIRS", 100)
    monkeypatch.setattr("neuralfields.geometry.voxels._FACES", 5)
    np.testing.assert_array_equal(occupancy(BOX, 32, (0.1, 0.2, 0.3)).inside, whole)
