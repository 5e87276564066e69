"""What cameras do together."""

import math

import pytest
import torch

from neuralfields.geometry import Camera, Cameras, Lens
from neuralfields.geometry.survey import share_seen, survey, view_angles

TARGET = (1.0, -2.0, 0.5)


def orbit(count: int = 8, distance: float = 3.0, lens: Lens | None = None) -> list[Camera]:
    found = [Camera.orbit(360 * k / count, 10.0, distance, target=TARGET, up="z", size=(40, 30)) for k in range(count)]
    return [Camera(camera.pose, 30.0, (40, 30), lens=lens) for camera in found]


def ahead(x: float, y: float = 0.0) -> Camera:
    """A camera beside the origin that looks along -z."""
    pose = torch.eye(4)
    pose[:2, 3] = torch.tensor([x, y])
    return Camera(pose, 30.0, (40, 30))


def test_an_orbit() -> None:
    found = survey(Cameras(orbit()))
    assert found.focus is not None and found.focus.tolist() == pytest.approx(TARGET)
    assert found.distance == pytest.approx((3, 3, 3)) and found.off_axis == pytest.approx(0, abs=1e-6)
    assert found.up.tolist() == pytest.approx([0, 0, 1], abs=1e-9) and found.spread == pytest.approx(160)
    assert found.extent == pytest.approx((6 * math.cos(math.radians(10)),) * 2 + (0,), abs=1e-9)
    assert not (found.duplicates or found.outwards or found.far_off or found.dark)


def test_parallel_axes_meet_nowhere() -> None:
    for cameras in ([ahead(0)], [ahead(0), ahead(0)], [ahead(0), ahead(1), ahead(2, 1)]):
        found = survey(Cameras(cameras))
        assert found.focus is None and found.distance is None and found.spread == pytest.approx(0, abs=1e-4)


def test_axes_that_are_little_apart_meet() -> None:
    turns = [2 * math.pi * k / 12 for k in range(12)]
    cameras = [Camera.look_at((math.cos(a), math.sin(a), 0), (0, 0, -15), (0, 1, 0), size=(40, 30)) for a in turns]
    found = survey(Cameras(cameras))
    assert found.focus is not None and found.focus.tolist() == pytest.approx([0, 0, -15], abs=1e-6)


def test_odd_ones_are_found() -> None:
    cameras = orbit()
    turned = cameras[2].pose * torch.tensor([-1.0, 1, -1, 1])
    far = Camera.orbit(20, 10, 60.0, target=TARGET, up="z").pose
    some = [
        *cameras,
        Camera(turned, 30.0, (40, 30)),
        Camera(cameras[1].pose, 99.0, (20, 20)),
        Camera(far, 30.0, (9, 9)),
    ]
    found = survey(Cameras(some))
    assert (found.outwards, found.duplicates, found.far_off) == ((8,), ((1, 9),), (10,))


def test_angles_and_dark_corners() -> None:
    plain, barrel = ahead(0), Camera(torch.eye(4), 20.0, (40, 30), lens=Lens("opencv", (-0.3,)))
    assert view_angles(plain) == pytest.approx([2 * math.degrees(math.atan(n / 60)) for n in (40, 30)])
    fisheye = Camera(torch.eye(4), 10.0, (40, 20), lens=Lens("fisheye", ()))
    assert view_angles(fisheye) == pytest.approx((math.degrees(4), math.degrees(2)))
    found = survey(Cameras([plain, barrel]))
    assert found.dark == (1,) and bool(found.angles.isfinite().all())


def test_points_in_pictures() -> None:
    cameras = Cameras(orbit())
    points = torch.tensor([TARGET, (100.0, 0, 0)], dtype=torch.float64)
    assert share_seen(cameras, points) == pytest.approx(0.5, abs=0.13)
    assert share_seen(cameras, points[:1]) == 1
