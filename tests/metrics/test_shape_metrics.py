"""Metrics of shapes by hand."""

import math

import numpy as np
import pytest
import trimesh

from neuralfields import metrics
from neuralfields.errors import InputError
from neuralfields.geometry import Triangles


def ball(radius: float, subdivisions: int = 5) -> Triangles:
    mesh = trimesh.creation.icosphere(subdivisions, radius)
    return Triangles(mesh.vertices, mesh.faces)


def test_iou_by_hand() -> None:
    a, b = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
    assert metrics.iou(a, b) == pytest.approx(1 / 3)
    assert metrics.iou(a, a) == metrics.iou(~a & a, ~a & a) == 1
    assert metrics.iou(a, ~a) == 0
    with pytest.raises(InputError, match="one shape"):
        metrics.iou(a, a[:2])


def test_two_spheres_are_as_far_apart_as_their_radii() -> None:
    found = metrics.surface_errors(ball(0.5), ball(0.6), samples=5000)
    assert found.chamfer_l1 == pytest.approx(0.1, rel=5e-3)
    assert found.chamfer_l2 == pytest.approx(0.02, rel=1e-2)
    assert found.hausdorff == pytest.approx(0.1, rel=2e-2)
    assert found.to_target == pytest.approx(found.to_prediction, rel=1e-2)
    assert found.normal_error < 2


def test_what_is_missing_shows_one_way_only() -> None:
    whole = ball(0.5)
    half = Triangles(whole.vertices, whole.faces[whole.vertices[whole.faces, 2].min(1) > 0])
    found = metrics.surface_errors(half, whole, samples=5000)
    assert found.to_target < 1e-9
    assert found.to_prediction > 0.1
    assert 0.5 < found.hausdorff < 0.75


def test_orientation_does_not_count() -> None:
    whole = ball(0.5, 3)
    turned = Triangles(whole.vertices, whole.faces[:, ::-1])
    assert metrics.surface_errors(turned, whole, samples=1000).normal_error < 1e-3


def test_nothing_is_infinitely_far() -> None:
    nothing = Triangles(np.zeros((0, 3)), np.zeros((0, 3)))
    assert metrics.surface_errors(nothing, ball(0.5, 2)).chamfer_l1 == math.inf
    assert metrics.surface_errors(ball(0.5, 2), nothing).hausdorff == math.inf
