"""What is told of a scene, and what is found wrong with it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neuralfields.files.images import write_image
from neuralfields.files.posed import PosedPhoto, write_scene
from neuralfields.geometry import Camera
from neuralfields.signals.scene_check import SceneCheck

SIZE = (24, 16)


def photos_of(folder: Path, poses: list[torch.Tensor], focal: float = 30.0) -> list[PosedPhoto]:
    (folder / "images").mkdir(exist_ok=True)
    photos = []
    for k, pose in enumerate(poses):
        path = folder / "images" / f"{k:02}.png"
        write_image(path, np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
        photos.append(PosedPhoto(path, pose.numpy(), (focal, focal), (12.0, 8.0), SIZE))
    return photos


def orbit(count: int) -> list[torch.Tensor]:
    return [Camera.orbit(360 * k / count, 15.0, 4.0, up="z").pose for k in range(count)]


def check(folder: Path, photos: list[PosedPhoto], **points: np.ndarray) -> SceneCheck:
    write_scene(folder, photos, "nerfstudio", **points)
    return SceneCheck.read(folder)


def test_a_good_scene(tmp_path: Path) -> None:
    photos = photos_of(tmp_path, orbit(9))
    found = check(tmp_path, photos, points=np.random.default_rng(0).uniform(-0.3, 0.3, (50, 3)))
    assert not found.findings and found.held_out == (0, 8) and not found.told
    text = "\n".join(found.lines())
    for words in ("9 of 24x16", "30.00 pixels", "pinholes", "4 units away", "up is +z", "2 of 9, every eighth", "50"):
        assert words in text
    told = found.to_json()
    assert json.loads(json.dumps(told, allow_nan=False))["distance"] == pytest.approx([4, 4, 4])
    assert found.picture().shape[2] == 3
    split = [replace(photo, split="test" if k == 3 else "train") for k, photo in enumerate(photos)]
    assert check(tmp_path, split).held_out == (3,)


def test_what_can_be_wrong(tmp_path: Path) -> None:
    eight = orbit(8)
    inverted = [torch.cat([pose[:, :1], pose[:, 1:2], pose[:, 2:3], -pose[:, 3:]], 1) for pose in eight]
    rolled = [pose * torch.tensor([(-1.0) ** k, (-1.0) ** k, 1, 1]) for k, pose in enumerate(eight)]
    cases = {
        "single view": eight[:1],
        "8 cameras stand at one place: nothing tells depth": [eight[0]] * 8,
        "views with the pose of another (1): images/02.png = images/08.png": [*eight, eight[2]],
        "of 1 such pairs one is held out": [*eight, eight[2]],
        "8 of 8 cameras look away from each other": inverted,
        "cameras that look away from what the others look at (1): images/08.png": [*eight, inverted[0]],
        "upside down": rolled,
    }
    for words, poses in cases.items():
        found = check(tmp_path, photos_of(tmp_path, poses))
        assert any(words in finding for finding in found.findings), (words, found.findings)
        assert found.picture().shape[2] == 3


def test_odd_angles_and_foreign_points(tmp_path: Path) -> None:
    assert (
        "views of less than 5 or more than 150 degrees (8)"
        in check(tmp_path, photos_of(tmp_path, orbit(8), 900.0)).findings[0]
    )
    away = np.random.default_rng(0).uniform(100, 101, (50, 3))
    assert "poses and points disagree" in check(tmp_path, photos_of(tmp_path, orbit(8)), points=away).findings[0]


def test_moving_scenes_may_stand_still(tmp_path: Path) -> None:
    photos = [replace(p, time=k / 8) for k, p in enumerate(photos_of(tmp_path, [*orbit(8), orbit(8)[0]]))]
    found = check(tmp_path, photos)
    assert not found.findings and any("0 to 1" in line for line in found.lines())


def test_pictures_left_out_are_named(tmp_path: Path) -> None:
    photos = photos_of(tmp_path, orbit(20))
    write_scene(tmp_path, photos, "nerfstudio")
    for photo in photos[3:10]:
        photo.path.unlink()
    found = SceneCheck.read(tmp_path)
    assert found.findings[0].startswith("7 of 20 pictures are left out because there is no such picture: images/03.png")
    assert found.findings[0].endswith("and 2 more") and len(found.to_json()["left_out"]) == 7
