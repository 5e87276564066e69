"""Estimated normals: known surfaces, both ways of choosing the side, and points that are few, same or on a line."""

import numpy as np
import pytest

from neuralfields.errors import InputError
from neuralfields.geometry import estimated_normals


def ball(n: int, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((n, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def torus(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals; its hole is what simple rules about the middle get wrong."""
    u, v = np.random.default_rng(1).random((2, n)) * 2 * np.pi
    normals = np.stack([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)], -1)
    return normals * 0.4 + np.stack([np.cos(u), np.sin(u), 0 * u], -1), normals


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left * right).sum(1)


def test_a_ball() -> None:
    points = ball(3000)
    found = estimated_normals(points)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    assert cosines(found, points).min() > 0.97


def test_a_torus() -> None:
    points, normals = torus(6000)
    assert cosines(estimated_normals(points), normals).min() > 0.9


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_size_and_place_do_not_matter(scale: float) -> None:
    points = ball(1000)
    found = estimated_normals(points * scale + np.array([3, -2, 5]) * scale)
    assert cosines(found, points).min() > 0.9


def test_separate_parts_each_point_outwards() -> None:
    part = ball(1500)
    points = np.concatenate([part, part * 0.5 + [4, 0, 0], part * 0.3 + [0, 3, 0]])
    assert cosines(estimated_normals(points), np.tile(part, (3, 1))).min() > 0.9


def test_order_does_not_matter() -> None:
    points, _ = torus(3000)
    order = np.random.default_rng(2).permutation(len(points))
    np.testing.assert_allclose(estimated_normals(points[order]), estimated_normals(points)[order], atol=1e-9)


def test_a_viewpoint_decides() -> None:
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 20), np.linspace(-1, 1, 20)), -1).reshape(-1, 2)
    points = np.concatenate([grid, np.zeros((400, 1))], 1)
    for height in (5.0, -5.0):
        found = estimated_normals(points, viewpoint=np.array([0, 0, height]))
        np.testing.assert_allclose(found, np.tile([0, 0, np.sign(height)], (400, 1)), atol=1e-12)
    views = np.where(np.arange(400)[:, None] < 100, [0, 0, 1.0], [0, 0, -1.0])
    np.testing.assert_allclose(estimated_normals(points, viewpoint=views)[:, 2], views[:, 2])


def test_the_same_points_have_the_same_normal() -> None:
    points = ball(800)
    again = np.concatenate([points, np.repeat(points[:5], 40, axis=0)])
    found = estimated_normals(again)
    np.testing.assert_array_equal(found[800:], np.repeat(found[:5], 40, axis=0))
    np.testing.assert_array_equal(found[:800], estimated_normals(points))


def test_fewer_points_than_neighbours() -> None:
    triangle = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(np.abs(estimated_normals(triangle)), [[0, 0, 1]] * 3, atol=1e-12)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    assert np.isfinite(estimated_normals(corners)).all()


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_points_on_a_line_have_none(count: int) -> None:
    line = np.linspace(0, 1, count)[:, None] * [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match=f"{count} different points on a line have no normals"):
        estimated_normals(line)
    with pytest.raises(InputError, match="1 different points on a line"):
        estimated_normals(np.ones((9, 3)))


def test_what_is_refused() -> None:
    points = ball(50)
    with pytest.raises(InputError, match=r"points are \[n, 3\], got \[50, 2\]"):
        estimated_normals(points[:, :2])
    with pytest.raises(InputError, match=r"points are \[n, 3\], got \[0, 3\]"):
        estimated_normals(points[:0])
    with pytest.raises(InputError, match="neighbours is between 3 and 256, got 2"):
        estimated_normals(points, neighbours=2)
    with pytest.raises(InputError, match=r"a viewpoint is 3 finite numbers, or as many .* 50 points, got \[2\]"):
        estimated_normals(points, viewpoint=np.zeros(2))
    points[7, 1] = np.nan
    with pytest.raises(InputError, match="1 of 50 points are not finite"):
        estimated_normals(points)
