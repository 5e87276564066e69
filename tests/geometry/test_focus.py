"""What cameras look at: where their axes meet, and frames for cameras around, in a row, and back to back."""

import pytest
import torch
from tiny_scenes import CENTRE, around

from neuralfields.errors import InputError
from neuralfields.geometry import Camera, cube_in_view, gaze, open_frame

TARGET = torch.tensor(CENTRE, dtype=torch.float64)


def in_a_row(count: int = 5) -> list[Camera]:
    """Cameras along x that look along -z."""
    return [Camera.look_at((k - (count - 1) / 2, 0, 0), (k - (count - 1) / 2, 0, -1)) for k in range(count)]


def test_axes_meet() -> None:
    found = gaze(around())
    assert found.meeting is not None and found.away == pytest.approx(3)
    torch.testing.assert_close(found.meeting, TARGET)
    torch.testing.assert_close(found.middle, TARGET)


def test_axes_that_meet_nowhere() -> None:
    found = gaze(in_a_row())
    assert found.meeting is None and found.away == pytest.approx(8)
    assert found.middle.tolist() == pytest.approx([0, 0, -8])
    alone = gaze(around()[:1])
    assert alone.meeting is None and alone.away == 0
    torch.testing.assert_close(alone.middle, around()[0].eye)


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_around_a_thing(scale: float) -> None:
    cameras = around(distance=3 * scale, target=[scale * value for value in CENTRE])
    frame = open_frame(cameras)
    torch.testing.assert_close(torch.tensor(frame.offset), scale * torch.tensor(CENTRE))
    eyes = frame.to_box(torch.stack([camera.eye for camera in cameras]))
    torch.testing.assert_close(eyes.norm(dim=-1), torch.ones(10, dtype=torch.float64))
    cube = cube_in_view(cameras)
    assert cube.scale == pytest.approx(1.1 * 3 * scale * torch.tensor(22.5).deg2rad().tan().item())


def test_all_look_the_same_way() -> None:
    frame = open_frame(in_a_row(), (4.0, 12.0))
    assert frame.offset == pytest.approx((0, 0, -6))  # 2 / (1/4 + 1/12)
    assert frame.scale == pytest.approx(6)
    unknown = open_frame(in_a_row())
    assert unknown.offset == pytest.approx((0, 0, -8))


def test_back_to_back() -> None:
    cameras = [Camera.look_at(eye, (3 * eye[0], 3 * eye[1], 0.1)) for eye in ((1, 0, 0), (-1, 0, 0.1), (0, 1, 0))]
    frame = open_frame(cameras)
    eyes = torch.stack([camera.eye for camera in cameras])
    torch.testing.assert_close(torch.tensor(frame.offset, dtype=torch.float64), eyes.mean(0))
    assert float(frame.to_box(eyes).norm(dim=-1).max()) == pytest.approx(0.25)


def test_one_place_tells_nothing() -> None:
    with pytest.raises(InputError, match="there is a single picture, so nothing tells how far"):
        open_frame(around()[:1])
    with pytest.raises(InputError, match="all 3 pictures are from one place"):
        cube_in_view([around()[0]] * 3)
    assert open_frame(around()[:1], (2.0, 6.0)).scale == pytest.approx(3)
