"""Distances and sides of meshes against closed forms."""

import importlib.util
import os

import numpy as np
import pytest
import trimesh
from known_meshes import joined, sphere, torus

from neuralfields.errors import InputError, MissingExtra
from neuralfields.geometry import Triangles
from neuralfields.geometry.proximity import BACKENDS, Proximity, along_curve

HAS_OPEN3D = importlib.util.find_spec("open3d") is not None
HALVES = np.array([0.5, 0.3, 0.4])
BOX = Triangles(*(getattr(trimesh.creation.box(2 * HALVES), name) for name in ("vertices", "faces")))


def box_distance(points: np.ndarray) -> np.ndarray:
    beyond = np.abs(points) - HALVES
    return np.linalg.norm(beyond.clip(0), axis=1) + beyond.max(1).clip(max=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_signed_distances_of_a_box(backend: str) -> None:
    if backend == "open3d" and not HAS_OPEN3D and os.environ.get("NF_EXTRAS") != "all":
        pytest.skip("open3d is not installed: pip install 'neuralfields[open3d]'")
    points = np.random.default_rng(0).uniform(-1, 1, (2000, 3))
    truth, proximity = box_distance(points), Proximity(BOX, backend)
    tolerance = 1e-12 if backend == "libigl" else 1e-6
    np.testing.assert_allclose(proximity.signed(points), truth, atol=tolerance)
    nearest = proximity.nearest(points)
    np.testing.assert_allclose(np.linalg.norm(points - nearest.point, axis=1), np.abs(truth), atol=tolerance)
    plane = np.einsum("ij,ij->i", nearest.point - BOX.corners[nearest.face, 0], BOX.normals[nearest.face])
    np.testing.assert_allclose(plane, 0, atol=tolerance)


def test_holes_and_repeated_faces_leave_the_sides() -> None:
    ball = trimesh.creation.icosphere(3, 0.7)
    random = np.random.default_rng(0)
    kept = random.random(len(ball.faces)) > 0.2
    faces = np.concatenate([ball.faces[kept], ball.faces[kept][:50]])
    points = random.uniform(-1, 1, (5000, 3))
    wrong = Proximity(Triangles(ball.vertices, faces)).inside(points) != (np.linalg.norm(points, axis=1) < 0.69)
    # Both a hole and a second layer of faces count for a part of a turn near them.
    assert wrong.mean() < 0.02


def test_the_distance_is_not_weighed_by_the_winding_number() -> None:
    # An open square: the winding number is below a half around it, so the distance is positive and whole.
    square = Triangles([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])  # type: ignore[arg-type]
    found = Proximity(square).signed(np.array([[0.5, 0.5, 0.4], [0.5, 0.5, -0.4], [2.0, 0.5, 0.0]]))
    np.testing.assert_allclose(np.abs(found), [0.4, 0.4, 1.0], atol=1e-12)


def test_unknown_and_missing_backends() -> None:
    with pytest.raises(InputError, match="libigl"):
        Proximity(BOX, "embree")
    if not HAS_OPEN3D:
        with pytest.raises(MissingExtra, match=r"neuralfields\[open3d\]"):
            Proximity(BOX, "open3d")


def test_the_curve_visits_each_point_once_and_neighbours_soon() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (5000, 3))
    order = along_curve(points)
    np.testing.assert_array_equal(np.sort(order), np.arange(5000))
    jumps = np.linalg.norm(np.diff(points[order], axis=0), axis=1)
    assert np.median(jumps) < 0.2
    assert list(along_curve(np.zeros((3, 3)))) == [0, 1, 2]
    assert len(along_curve(np.zeros((0, 3)))) == len(Proximity(BOX).signed(np.zeros((0, 3)))) == 0


@pytest.mark.parametrize("torn", [False, True])
def test_a_large_mesh_is_asked_part_by_part(torn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    mesh = joined(sphere(4, 0.5, (0.3, 0, 0)), torus(60, 30, 0.6, 0.2))
    if torn:
        mesh = Triangles(mesh.vertices, mesh.faces[random.random(len(mesh.faces)) > 0.2])
    near = mesh.sample(2000, random)[0] + 0.01 * random.standard_normal((2000, 3))
    points = np.concatenate([near, random.uniform(-1, 1, (1000, 3)), mesh.vertices[:500]])
    whole = Proximity(mesh)
    nearest, winding = whole.nearest(points), whole.winding(points)
    for name, value in {"_FACES": 700, "_SPARSE": 50, "_POINTS": 1000}.items():
        monkeypatch.setattr(f"neuralfields.geometry.proximity.{name}", value)
    parts = Proximity(mesh)
    found = parts.nearest(points)
    np.testing.assert_array_equal(found.distance, nearest.distance)
    np.testing.assert_allclose(np.linalg.norm(points - found.point, axis=1), nearest.distance, atol=1e-12)
    plane = np.einsum("ij,ij->i", found.point - mesh.corners[found.face, 0], mesh.normals[found.face])
    np.testing.assert_allclose(plane, 0, atol=1e-12)
    np.testing.assert_allclose(parts.winding(points), winding, atol=0.02)
    assert (parts.inside(points) != whole.inside(points))[: len(points) - 500].mean() < 1e-3
    assert len(parts.signed(np.zeros((0, 3)))) == 0
