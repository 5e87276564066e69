"""Scenes by the command: fitted, measured with pictures beside the truth, killed and resumed."""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nf_helpers import command
from test_bad_input import refused
from test_stopping import _KILLED
from tiny_scenes import write

import neuralfields
from neuralfields.files.images import read_image
from neuralfields.files.posed import read_scene

OWN = ("--field", "tiny_scenes:TinyField", "--batch", 256)


@pytest.fixture
def scene(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ball of twelve pictures in the working folder, and a field for it that processes can import."""
    here = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    return write(Path("scenes/ball"), 10, 2, size=(24, 20))


def test_from_photos_to_a_field(nf: Callable[..., Any], scene: Path) -> None:
    status, out, err = nf("fit", scene, *OWN, "--steps", 20)
    assert status == 0, err
    assert "ball 10 views of 24x20 and 2 to judge by" in err
    assert out.startswith("runs/ball: ") and " on 2 held-out views; 20 steps" in out
    info = json.loads(Path("runs/ball/run.json").read_text())
    assert info["signal"]["kind"] == "scene" and info["signal"]["held_out"] == 2
    assert Path("runs/ball/previews/latest.png").exists()

    status, out, err = nf("eval", "runs/ball", "--scales", "--holdout", "--trust", "tiny_scenes")
    assert status == 0, err
    assert "images/010.png: " in out and "psnr_double" in out
    after = json.loads(Path("runs/ball/run.json").read_text())
    assert after["metrics"]["psnr"] == pytest.approx(info["metrics"]["psnr"], abs=1e-6)
    assert {"ssim", "psnr_half", "ssim_half", "psnr_double", "ssim_double"} <= after["metrics"].keys()
    assert [view["name"] for view in after["views"]] == ["images/010.png", "images/011.png"]
    assert after["metrics"]["psnr"] == pytest.approx(np.mean([view["psnr"] for view in after["views"]]))
    pictures = sorted(Path("runs/ball/eval").iterdir())
    assert [path.name for path in pictures] == ["0000-010.png", "0001-011.png"]
    picture, truth = np.split(read_image(pictures[0]).values, 2, axis=1)
    stored = read_image(scene / "images/010.png").values.astype(float)
    white = stored[..., :3] * stored[..., 3:] / 255 + 255 - stored[..., 3:]
    np.testing.assert_allclose(truth, white, atol=1)
    assert picture.shape == truth.shape == (20, 24, 3)

    scene.rename("moved")
    assert "is gone: give its new place with --signal" in nf("eval", "runs/ball", "--trust", "tiny_scenes").err
    for path in ("runs/ball", "runs/ball/field.nf"):
        words = ("eval", path, "--signal", "moved", "--json", "--trust", "tiny_scenes")
        assert json.loads(nf(*words).out)["views"] == after["views"]


def test_options(nf: Callable[..., Any], scene: Path) -> None:
    words = ("fit", scene, *OWN, "--steps", 2, "--holdout", 0.2, "--scale", 2, "--split", "val", "--quiet")
    status, out, err = nf(*words)
    assert status == 0, err
    told = json.loads(Path("runs/ball/run.json").read_text())["signal"]
    assert (told["holdout"], told["scale"], told["split"], told["shape"]) == (0.2, 2, "val", [7, 10, 12])
    status, out, err = nf("fit", scene, *OWN, "--steps", 2, "--holdout", 0, "--quiet")
    assert status == 0 and "on the views it was trained on" in out
    assert nf("eval", "runs/ball-2", "--holdout", "--trust", "tiny_scenes").status != 0


def test_refined_cameras(nf: Callable[..., Any], scene: Path) -> None:
    status, _, err = nf("fit", scene, *OWN, "--steps", 30, "--refine-poses", "--exposure", "--split", "val")
    assert status == 0, err
    told = json.loads(Path("runs/ball/run.json").read_text())["calibration"]
    before, after = read_scene(scene), read_scene("runs/ball/transforms.json")
    trained = [photo for photo in after.photos if photo.split == "train"]
    assert [entry["name"] for entry in told] == [f"images/{photo.path.name}" for photo in trained]
    assert Counter(photo.split for photo in after.photos) == {"train": 9, "val": 1}
    was = {photo.path.name: photo for photo in before.photos}
    for photo, entry in zip(trained, told, strict=True):
        original = was[photo.path.name]
        assert photo.path.resolve() == original.path.resolve()
        assert (photo.focal, photo.size, photo.lens) == (original.focal, original.size, original.lens)
        way = np.linalg.norm(photo.pose[:, 3] - original.pose[:, 3])
        assert way == pytest.approx(entry["moved"], abs=1e-9) and 1e-4 < way < 0.5
        cosine = (np.trace(photo.pose[:, :3].T @ original.pose[:, :3]) - 1) / 2
        assert np.degrees(np.arccos(cosine)) == pytest.approx(entry["turned"], abs=1e-5)
        assert len(entry["gain"]) == 3
    assert np.log([entry["gain"] for entry in told]).mean() == pytest.approx(0, abs=1e-6)
    held = next(photo for photo in after.photos if photo.split == "val")
    np.testing.assert_allclose(held.pose, was[held.path.name].pose, rtol=0, atol=1e-15)
    assert nf("fit", "runs/ball/transforms.json", *OWN, "--steps", 2, "--quiet").status == 0


HOW = {"a field of one's own": OWN, "default": (), "refined": (*OWN, "--refine-poses", "--exposure")}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_killed_and_resumed(nf: Callable[..., Any], scene: Path, how: tuple[object, ...]) -> None:
    words = ["fit", scene, *how, "--steps", 120, "--threads", 1]
    assert nf(*words, "--out", "undisturbed").status == 0
    killed = subprocess.run(command(*words, code=_KILLED), capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    status, out, err = nf("fit", "--resume", "runs/ball", "--trust", "tiny_scenes")
    assert status == 0 and "resumed at step 61" in err and "120 steps" in out, err
    one, two = (
        neuralfields.load(f"{run}/field.nf", trust="tiny_scenes").state_dict() for run in ("undisturbed", "runs/ball")
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    infos = (json.loads(Path(f"{run}/run.json").read_text()) for run in ("undisturbed", "runs/ball"))
    learned = [info.get("calibration") for info in infos]
    assert learned[0] == learned[1] and (learned[0] is not None) == ("--exposure" in how)


def test_changed_pictures_stop_a_resume(nf: Callable[..., Any], scene: Path) -> None:
    words = ["fit", scene, *OWN, "--steps", 120]
    killed = subprocess.run(command(*words, code=_KILLED), capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (scene / "images/000.png").write_bytes((scene / "images/001.png").read_bytes())
    assert "has changed since" in nf("fit", "--resume", "runs/ball", "--trust", "tiny_scenes").err


BAD = {
    "nothing in it": (["empty"], "is no scene of posed photos"),
    "a run": (["run"], "is a run: go on with it by nf fit --resume run"),
    "options of others": (["a.png", "--scale", "2"], "is read as image, which takes --holdout, not --scale"),
    "split": (["scenes/ball", "--split", "train"], "--split is one of test, val, got 'train'"),
    "scale": (["scenes/ball", "--scale", "0"], "--scale is a whole number from 1 on, got 0"),
    "holdout": (["scenes/ball", "--holdout", "0.9"], "0 to 0.5, got 0.9"),
    "field": (["scenes/ball", "--field", "siren", "--quiet"], "Siren cannot: recipes.ngp gives one"),
    "sampler": (["scenes/ball", "--sampler", "loss"], "--sampler chooses among pixels"),
    "cameras of others": (["a.png", "--refine-poses"], "--refine-poses is for scenes of posed photos, a.png is read"),
    "cameras in a sphere": (
        ["scenes/ball", "--recipe", "nerfpp", "--refine-poses"],
        "--refine-poses moves cameras, and nerfpp has a sphere around them",
    ),
    "a target": (["scenes/ball", "--exposure", "--until-psnr", "20"], "--refine-poses and --exposure correct them"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_words(nf: Callable[..., Any], folder: Path, scene: Path, case: str) -> None:
    (folder / "empty").mkdir()
    (folder / "run").mkdir()
    (folder / "run/run.json").write_text("{}")
    words, fragment = BAD[case]
    refused(nf, folder, ["fit", *words], fragment)
