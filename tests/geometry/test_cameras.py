"""Cameras and rays: where pixels look."""

import math

import pytest
import torch

from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Rays, box_interval


def ray(camera: Camera, x: float, y: float) -> torch.Tensor:
    return camera.rays(torch.tensor([[x, y]], dtype=torch.float64), dtype=torch.float64).direction[0]


def test_the_middle_of_the_picture_looks_at_the_target() -> None:
    camera = Camera.look_at((1.0, 2.0, 3.0), (-0.5, 0.2, 0.1), size=(64, 48))
    towards = torch.tensor([-1.5, -1.8, -2.9], dtype=torch.float64)
    torch.testing.assert_close(ray(camera, 32, 24), towards / towards.norm())
    assert camera.eye.tolist() == [1, 2, 3]


def test_x_is_right_and_row_0_on_top() -> None:
    camera = Camera.look_at((0.0, 0.0, 5.0), fov=90.0, size=(200, 100))
    assert camera.focal == pytest.approx(50)
    torch.testing.assert_close(ray(camera, 100, 0) * math.sqrt(2), torch.tensor([0, 1, -1.0], dtype=torch.float64))
    torch.testing.assert_close(ray(camera, 200, 50) * math.sqrt(5), torch.tensor([2, 0, -1.0], dtype=torch.float64))
    assert camera.centres(torch.tensor([0, 199, 200])).tolist() == [[0.5, 0.5], [199.5, 0.5], [0.5, 1.5]]


@pytest.mark.parametrize(
    ("azimuth", "elevation", "up", "eye"),
    [
        (0, 0, "y", (0, 0, 2)),
        (90, 0, "y", (2, 0, 0)),
        (0, 90, "y", (0, 2, 0)),
        (0, 0, "z", (0, -2, 0)),
        (90, 0, "z", (2, 0, 0)),
        (0, 90, "z", (0, 0, 2)),
    ],
)
def test_orbits(azimuth: float, elevation: float, up: str, eye: tuple[float, float, float]) -> None:
    camera = Camera.orbit(azimuth, elevation, 2.0, up=up)
    torch.testing.assert_close(camera.eye, torch.tensor(eye, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(ray(camera, 400, 400), -camera.eye / 2, atol=1e-12, rtol=0)
    if elevation == 0:
        above = camera.axes[1]
        assert above["xyz".index(up)] == pytest.approx(1)


def test_poses_as_matrices() -> None:
    matrix = torch.eye(4)
    matrix[:3, 3] = torch.tensor([1.0, 2, 3])
    assert Camera(matrix, 100.0, (10, 10)).eye.tolist() == [1, 2, 3]
    with pytest.raises(InputError, match="without scaling"):
        Camera(2 * matrix[:3], 100.0, (10, 10))
    with pytest.raises(InputError, match="without scaling"):
        Camera(matrix[:3] * torch.tensor([-1.0, 1, 1, 1]), 100.0, (10, 10))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"eye": (0.0, 0.0, 0.0)}, "one line"),
        ({"eye": (0.0, 3.0, 0.0)}, "one line"),
        ({"eye": (0.0, 0.0, 3.0), "fov": 180.0}, "field of view"),
        ({"eye": (0.0, 0.0, 3.0), "size": (0, 10)}, "width"),
    ],
)
def test_impossible_cameras(settings: dict, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Camera.look_at(**settings)


def test_rays_and_the_box() -> None:
    origin = torch.tensor([[0.0, 0, 3], [0, 0, 0], [0, 0, 3], [2, 0, 3], [0.5, 1, 3], [0, 0, 3]])
    direction = torch.tensor([[0.0, 0, -1], [1, 0, 0], [0, 0, 1], [0, 0, -1], [0, 0, -1], [0.6, 0, -0.8]])
    near, far = box_interval(Rays(origin, direction))
    hit = near < far
    assert hit.tolist() == [True, True, False, False, True, False]
    assert near[:2].tolist() == [2, 0] and far[:2].tolist() == [4, 1]
    assert len(Rays(origin, direction)[hit]) == 3
