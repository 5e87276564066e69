"""Visual hulls of a ball: nothing of it is lost, little is left beside it."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from tiny_scenes import CENTRE, RADIUS, around, ball_hit, photo

from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Frame, tightened, visual_hull
from neuralfields.geometry.lenses import Lens

CUBE = Frame.of_box((-1, -1, -1), (1, 1, 1))


def views(cameras: list[Camera]) -> Iterator[tuple[Camera, np.ndarray]]:
    return ((camera, photo(camera)[..., 3] > 0) for camera in cameras)


def distances(frame: Frame, cells: int) -> torch.Tensor:
    """Of the middles of cells [z, y, x] from the ball's, in the world."""
    line = (torch.arange(cells) * 2 + 1) / cells - 1
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    return (frame.to_world(torch.stack([x, y, z], -1)) - torch.tensor(CENTRE)).norm(dim=-1)


def bent(camera: Camera) -> Camera:
    return Camera(camera.pose, camera.focal, camera.size, camera.centre, Lens("opencv", (0.2, 0.05, 0.01, -0.01)))


@pytest.mark.parametrize("lens", [False, True])
def test_a_ball_is_kept_and_little_beside(lens: bool) -> None:
    cameras = around(20, size=(48, 40))
    hull = visual_hull(views([bent(camera) for camera in cameras] if lens else cameras), CUBE, 32)
    assert hull.shape == (32, 32, 32) and hull.dtype == torch.bool
    away = distances(CUBE, 32)
    assert hull[away < RADIUS].all()
    assert not hull[away > RADIUS + 0.25].any()
    assert int(hull.sum()) < 2.2 * int((away < RADIUS).sum())


def test_tightened() -> None:
    hull = visual_hull(views(around(20, size=(48, 40))), CUBE, 32)
    frame = tightened(hull, CUBE)
    assert RADIUS < frame.scale < RADIUS + 0.25
    assert frame.offset == pytest.approx(CENTRE, abs=0.07)
    inner = visual_hull(views(around(20, size=(48, 40))), frame, 32)
    assert inner[distances(frame, 32) < RADIUS].all()
    with pytest.raises(InputError, match="no place in common"):
        tightened(torch.zeros(4, 4, 4, dtype=torch.bool), CUBE)


def test_a_cell_partly_out_of_the_picture_is_kept() -> None:
    """The picture ends in the middle of the ball; what it does not show must not be lost."""
    cameras = around(12, size=(32, 32))
    for camera in cameras[::2]:
        pose = camera.pose.clone()
        pose[:, 3] += 0.8 * pose[:, 0]  # to the right
        cameras[cameras.index(camera)] = Camera(pose, camera.focal, camera.size)
    hull = visual_hull(views(cameras), CUBE, 32)
    assert hull[distances(CUBE, 32) < RADIUS].all()


def test_what_nobody_sees_and_blank_pictures() -> None:
    camera = around(1, size=(32, 32))[0]
    full, blank = np.ones((32, 32), bool), np.zeros((32, 32), bool)
    hull = visual_hull([(camera, full), (camera, blank)], CUBE, 16)
    line = (torch.arange(16) * 2 + 1) / 16 - 1
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    pixels, _ = camera.project(torch.stack([x, y, z], -1).view(-1, 3).double())
    shown = ((pixels >= 0) & (pixels <= 32)).all(-1).view(16, 16, 16)
    assert torch.equal(hull, shown)


def test_a_camera_inside_the_box() -> None:
    """Cells around the camera and behind it are not judged by it."""
    inside = Camera.look_at((0.9, 0.9, 0.9), CENTRE, fov=60, size=(32, 32))
    hull = visual_hull(views([inside, *around(12, size=(32, 32))]), CUBE, 32)
    assert hull[distances(CUBE, 32) < RADIUS].all()
    ray = inside.rays(torch.tensor([[16.0, 16.0]]), dtype=torch.float64)
    assert bool(ball_hit(ray)[0])
