"""``nf check``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralfields.files.images import read_image, write_image
from neuralfields.files.posed import PosedPhoto, write_scene
from neuralfields.geometry import Camera


@pytest.fixture
def scene(folder: Path) -> Path:
    place = folder / "scene"
    (place / "images").mkdir(parents=True)
    photos = []
    for k in range(10):
        path = place / "images" / f"{k}.png"
        write_image(path, np.zeros((16, 24, 3), np.uint8))
        photos.append(PosedPhoto(path, Camera.orbit(36 * k, up="z").pose.numpy(), (30.0, 30.0), (12.0, 8.0), (24, 16)))
    write_scene(place, photos, "colmap")
    photos[4].path.unlink()
    return place


def test_words_and_picture(nf: Callable[..., Any], scene: Path) -> None:
    answer = nf("check", scene)
    assert answer.status == 0 and not answer.err
    assert "scene: COLMAP" in answer.out and "! 1 of 10 pictures are left out" in answer.out
    assert read_image("check.png").values.shape[2] == 3
    assert answer.out.splitlines()[-1].startswith("check.png:")
    Path("check.png").write_bytes(b"mine")
    for name in ("check-2.png", "check-3.png"):
        assert nf("check", scene).out.splitlines()[-1].startswith(f"{name}:")
        assert read_image(name).values.shape[2] == 3
    assert Path("check.png").read_bytes() == b"mine"


def test_json_and_another_name(nf: Callable[..., Any], scene: Path) -> None:
    answer = nf("check", scene, "map.jpg", "--json")
    told = json.loads(answer.out)
    assert told["views"] == 9 and told["picture"] == "map.jpg" and Path("map.jpg").exists()


def test_bad_input(nf: Callable[..., Any], scene: Path) -> None:
    for words, text in (
        (("nowhere",), "no such folder"),
        ((".",), "transforms_train.json (Blender)"),
        ((scene, "map.mp4"), "the suffix is one of"),
        ((scene, "no/map.png"), "no folder"),
        ((scene, scene / "images/3.png"), "picture of the scene"),
    ):
        answer = nf("check", *words)
        assert answer.status == 2 and text in answer.err and answer.err.count("\n") == 1, answer.err
    (scene / "sparse/0/images.bin").write_bytes(b"\1")
    assert "truncated" in nf("check", scene).err
