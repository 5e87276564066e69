"""Ways of a camera: through keys, around a scene, from files."""

import json
import math
from pathlib import Path

import pytest
import torch

from neuralfields.errors import FileFormatError, InputError
from neuralfields.geometry import Camera, Frame
from neuralfields.render import CameraPath, Surroundings

SIZE = (64, 48)


def ring(count: int, *, elevation: float = 20.0, distance: float = 4.0, target=(1.0, 2.0, 0.5)) -> list[Camera]:
    return [
        Camera.orbit(360 * k / count, elevation, distance, target=target, up="z", fov=50, size=SIZE)
        for k in range(count)
    ]


def fov(camera: Camera) -> float:
    return math.degrees(2 * math.atan(camera.size[1] / 2 / camera.focal[1]))


def test_a_path_goes_through_its_keys() -> None:
    keys = ring(5)
    path = CameraPath.through(keys, times=[0, 1, 1.5, 4, 4.5])
    for camera, key in zip(path.at(path.times, (80, 60)), keys, strict=True):
        torch.testing.assert_close(camera.pose, key.pose, rtol=0, atol=1e-12)
        assert camera.size == (80, 60) and fov(camera) == pytest.approx(50)
    before, after = path.at(torch.tensor([-3.0, 9.0]), SIZE)
    torch.testing.assert_close(before.pose, keys[0].pose)
    torch.testing.assert_close(after.pose, keys[-1].pose)


def test_places_are_smooth_and_turns_steady() -> None:
    path = CameraPath.through(ring(12), loop=True)
    times = torch.linspace(0, 12, 1201, dtype=torch.float64)
    cameras = path.at(times, SIZE)
    places = torch.stack([camera.eye for camera in cameras])
    torch.testing.assert_close(places[0], places[-1])
    speed = places.diff(dim=0).norm(dim=-1)
    assert (speed.diff().abs() < 4e-3 * speed.mean()).all()  # no jump at a key
    ring_radius = 4 * math.cos(math.radians(20))
    assert (speed.sum() / (2 * math.pi * ring_radius) - 1).abs() < 2e-3
    axes = torch.stack([camera.axes for camera in cameras])
    angle = ((axes[1:] * axes[:-1]).sum((1, 2)) / 2 - 0.5).clamp(-1, 1).acos()
    assert angle.max() < 1.01 * angle.mean()


def test_what_all_keys_look_at_stays_in_the_middle() -> None:
    target = [0.5, -1.0, 0.25]
    keys = [{"eye": eye, "target": target} for eye in ([4, 0, 1], [0, 4, 2], [-2, 2, 3])]
    path = CameraPath.of({"keys": keys, "loop": True})
    for key, camera in zip(path.poses, path.at(path.times, SIZE), strict=True):
        torch.testing.assert_close(camera.pose, key, rtol=0, atol=1e-12)
    for camera in path.frames(60, SIZE):
        place, depth = camera.project(torch.tensor([target], dtype=torch.float64))
        assert depth > 0 and torch.allclose(place, torch.tensor([SIZE], dtype=torch.float64) / 2, atol=1e-6)
        axes = camera.pose[:, :3]
        torch.testing.assert_close(axes.T @ axes, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-12)
        assert axes[2, 1] > 0.3  # upwards stays up


def test_frames_of_a_loop_do_not_show_the_first_twice() -> None:
    loop, way = (CameraPath.through(ring(8), seconds=2, loop=loop) for loop in (True, False))
    assert loop.end == way.end == 2
    assert not torch.allclose(loop.frames(16, SIZE)[-1].eye, loop.frames(16, SIZE)[0].eye)
    torch.testing.assert_close(loop.frames(16, SIZE)[8].eye, ring(8)[4].eye)
    torch.testing.assert_close(way.frames(15, SIZE)[-1].eye, ring(8)[-1].eye)
    assert len(way.frames(1, SIZE)) == 1


def test_one_key_stands_still() -> None:
    path = CameraPath.through(ring(1))
    for camera in path.frames(3, SIZE):
        torch.testing.assert_close(camera.pose, ring(1)[0].pose)


def test_a_file(tmp_path: Path) -> None:
    pose = Camera.look_at((0.0, 4.0, 1.0), up=(0, 0, 1)).pose.tolist()
    keys = [{"eye": [4, 0, 1], "target": [0, 0, 0], "fov": 30, "time": 1}, {"pose": pose, "time": 4}]
    file = tmp_path / "path.json"
    file.write_text(json.dumps({"keys": keys, "fov": 60}))
    path = CameraPath.read(file)
    assert path.end == 3 and not path.loop
    first, last = path.at(torch.tensor([0.0, 3.0]), SIZE)
    assert first.eye.tolist() == [4, 0, 1] and fov(first) == pytest.approx(30) and fov(last) == pytest.approx(60)
    torch.testing.assert_close(last.pose, torch.tensor(pose, dtype=torch.float64))
    middle = path.at(torch.tensor([1.5]), SIZE)[0]
    assert fov(middle) == pytest.approx(45)
    assert float(middle.eye[2]) == pytest.approx(1)
    # Half way the camera has turned half the angle.
    half, whole = ((first.axes @ other.axes.T).diagonal().sum() for other in (middle, last))
    assert math.acos((float(half) - 1) / 2) * 2 == pytest.approx(math.acos((float(whole) - 1) / 2))


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("{", "no JSON"),
        ("[]", "a list 'keys'"),
        ('{"keys": []}', "a list 'keys'"),
        ('{"keys": [3]}', "keys[0] is 3"),
        ('{"keys": [{}]}', "keys[0]: it has either"),
        ('{"keys": [{"eye": [1, 2, 3]}]}', "needs a 'target'"),
        ('{"keys": [{"eye": [1, 2], "target": [0, 0, 0]}]}', "eye is three numbers, got [1, 2]"),
        ('{"keys": [{"eye": [1, 2, NaN], "target": [0, 0, 0]}]}', "eye is a finite number, got nan"),
        ('{"keys": [{"eye": [0, 0, 0], "target": [0, 0, 0]}]}', "one line"),
        ('{"keys": [{"eye": [1, 2, 3], "target": [0, 0, 0], "fov": 190}]}', "got 190"),
        ('{"keys": [{"eye": [1, 2, 3], "target": [0, 0, 0], "fow": 20}]}', "not 'fow'"),
        ('{"keys": [{"pose": [[1, 2], [3]]}]}', "a pose is a matrix"),
        ('{"keys": [{"pose": [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]]}]}', "without scaling"),
        ('{"keys": [{"eye": [1, 2, 3], "target": [0, 0, 0]}], "seconds": 0}', "seconds is positive"),
        ('{"keys": [{"eye": [1, 2, 3], "target": [0, 0, 0], "time": 1}, {"eye": [1, 2, 3], "target": [0, 0, 0]}]}',
         "1 of 2 have one"),
        ('{"keys": [{"eye": [1, 2, 3], "target": [0, 0, 0], "time": 1},'
         ' {"eye": [1, 2, 3], "target": [0, 0, 0], "time": 1}]}', "ascend"),
    ],
)  # fmt: skip
def test_files_that_are_refused(tmp_path: Path, text: str, fragment: str) -> None:
    file = tmp_path / "path.json"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        CameraPath.read(file)
    assert fragment in str(error.value) and "path.json" in str(error.value) and "\n" not in str(error.value)
    assert isinstance(error.value, FileFormatError) == (text == "{")


def test_surroundings_of_cameras_around_a_target() -> None:
    found = Surroundings.of(ring(10))
    torch.testing.assert_close(found.target, torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64))
    torch.testing.assert_close(found.up, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    assert (found.radius, found.elevation, found.fov) == pytest.approx((4, 20, 50)) and found.swing is None
    path = found.tour(seconds=3)
    assert path.loop and path.end == 3
    torch.testing.assert_close(path.frames(4, SIZE)[0].pose, ring(4)[0].pose)
    torch.testing.assert_close(path.frames(4, SIZE)[1].pose, ring(4)[1].pose)
    higher = found.camera(90, 50, distance=2)
    assert float(higher.eye[2]) == pytest.approx(0.5 + 2 * math.sin(math.radians(50)))


def test_surroundings_of_cameras_on_one_side() -> None:
    cameras = [
        Camera.look_at((1.5 * x, -5.0, 1.0 * z), (0.0, 1.0, 0.0), (0, 0, 1), fov=40, size=SIZE)
        for x in (-1, 0, 1)
        for z in (-1, 0, 1)
    ]
    found = Surroundings.of(cameras)
    torch.testing.assert_close(found.target, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), rtol=0, atol=1e-9)
    across, high = math.degrees(math.atan(1.5 / 6)), math.degrees(math.asin(1 / math.hypot(6, 1.5, 1)))
    assert found.swing == pytest.approx((0.7 * across, high), abs=0.01)
    torch.testing.assert_close(found.front, torch.tensor([0.0, -1.0, 0.0], dtype=torch.float64), rtol=0, atol=1e-9)
    places = torch.stack([camera.eye for camera in found.tour().frames(40, SIZE)])
    assert places[:, 0].abs().max() < 1.6 and places[:, 2].abs().max() < 1.15
    assert (places[:, 1] + 5).abs().max() < 0.72
    arc = [Camera.orbit(a, 10, 4.0, up="z", fov=50, size=SIZE) for a in (170, 190, 230, 260)]
    found = Surroundings.of(arc)
    assert found.swing == pytest.approx((0.7 * 45, 0))
    torch.testing.assert_close(found.camera().pose, Camera.orbit(215, 10, 4.0, up="z", fov=50, size=SIZE).pose)


def test_surroundings_of_cameras_close_together() -> None:
    cameras = [
        Camera.look_at((0.3 * x, -5.0, 0.2 * z), (0.0, 1.0, 0.0), (0, 0, 1)) for x in (-1, 0, 1) for z in (-1, 1)
    ]
    found = Surroundings.of(cameras)
    torch.testing.assert_close(found.target, torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), rtol=0, atol=1e-6)
    assert found.swing is not None and found.swing[0] == pytest.approx(0.7 * math.degrees(math.atan(0.3 / 6)), abs=0.01)


def test_parallel_cameras_look_as_far_as_is_told() -> None:
    cameras = [Camera.look_at((x, 0.0, 0.0), (x, 0.0, -1.0)) for x in (-1.0, 0.0, 1.0)]
    assert Surroundings.of(cameras).target.tolist() == pytest.approx([0, 0, -4])
    assert Surroundings.of(cameras, (4.0, 12.0)).target.tolist() == pytest.approx([0, 0, -6])


def test_cameras_that_are_all_the_same() -> None:
    found = Surroundings.of([Camera.orbit(30, 20, 4.0)] * 3)
    for camera in found.tour().frames(5, SIZE):
        assert camera.pose.isfinite().all()
    with pytest.raises(InputError, match="there are none"):
        Surroundings.of([])


def test_surroundings_of_a_box() -> None:
    found = Surroundings.of_box(Frame.of_box((0, 0, 0), (4, 4, 4)))
    camera = found.camera()
    assert found.target.tolist() == [2, 2, 2] and float((camera.eye - found.target).norm()) == pytest.approx(8)
