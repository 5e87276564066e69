"""Many fits in one folder: what is done stays done, what failed is told, the rest goes on."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nf_helpers import pattern

import neuralfields
from neuralfields import runs
from neuralfields.files.images import write_image

SMALL = ("--field", "siren", "--params", "1k", "--steps", 30, "--batch", 256)


@pytest.fixture
def pictures(folder: Path) -> list[str]:
    for number in range(4):
        write_image(Path(f"p{number}.png"), pattern() * (number + 1) / 4)
    return [f"p{number}.png" for number in range(4)]


def manifest(folder: str = "runs/together") -> dict[str, dict]:
    held = json.loads(Path(folder, "manifest.json").read_text())
    return {member["folder"]: member for member in held["members"]}


def test_all_are_fitted_as_if_alone(nf: Callable, pictures: list[str]) -> None:
    status, out, err = nf("fit", *pictures, "--together", *SMALL)
    assert status == 0 and out == "runs/together: 4 done\n"
    assert "4 of 4 left" in err and err.count("done, psnr") == 4
    assert nf("fit", "p2.png", *SMALL, "--threads", 1, "--out", "alone").status == 0
    one, two = (neuralfields.load(path).state_dict() for path in ("alone/field.nf", "runs/together/p2/field.nf"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    for name, member in manifest().items():
        info = json.loads(Path("runs/together", name, "run.json").read_text())
        assert (member["status"], info["status"], info["threads"]) == ("done", "done", 1)
        assert member["metrics"]["psnr"] == pytest.approx(info["metrics"]["psnr"])
    assert nf("eval", "runs/together/p0").status == 0


def test_a_bad_file_costs_one_row(nf: Callable, pictures: list[str]) -> None:
    Path("p1.png").write_bytes(b"nothing")
    status, out, err = nf("fit", *pictures, "--together", *SMALL, "--quiet")
    assert status == 2 and "3 done, 1 failed" in out.replace("1 failed, 3 done", "3 done, 1 failed")
    assert err.count("\n") == 1 and "p1: failed" in err
    assert "begins with" in manifest()["p1"]["reason"] and not Path("runs/together/p1").exists()
    write_image(Path("p1.png"), pattern())
    before = Path("runs/together/p0/field.nf").stat().st_mtime_ns
    status, out, err = nf("fit", "--resume", "runs/together")
    assert (status, out) == (0, "runs/together: 4 done\n") and "1 of 4 left" in err
    assert Path("runs/together/p0/field.nf").stat().st_mtime_ns == before


def test_ctrl_c_and_on(nf: Callable, pictures: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = runs.Run.steps, []

    def steps(run: runs.Run):
        for step in before(run):
            seen.append(step.step)
            if len(seen) == 45:  # in the midst of the second
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.2)  # only the main thread is told
            yield step

    monkeypatch.setattr(runs.Run, "steps", steps)
    words = ("fit", *pictures, "--together", *SMALL, "--threads", 1, "--out", "many")
    status, out, err = nf(*words)
    assert (status, out) == (130, "") and "go on with: nf fit --resume many" in err
    states = [member["status"] for member in manifest("many").values()]
    assert states == ["done", "interrupted", "waiting", "waiting"]
    monkeypatch.setattr(runs.Run, "steps", before)
    assert nf("fit", "--resume", "many").status == 0
    assert nf("fit", "p1.png", *SMALL, "--threads", 1, "--out", "alone").status == 0
    one, two = (neuralfields.load(path).state_dict() for path in ("alone/field.nf", "many/p1/field.nf"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_a_kill_left_is_put_right(nf: Callable, pictures: list[str]) -> None:
    assert nf("fit", *pictures[:2], "--together", *SMALL, "--out", "many", "--quiet").status == 0
    held = json.loads(Path("many/manifest.json").read_text())
    held["members"][0] |= {"status": "running", "metrics": None}
    Path("many/manifest.json").write_text(json.dumps(held))
    assert nf("fit", "--resume", "many", "--quiet").status == 0
    assert manifest("many")["p0"]["status"] == "done" and manifest("many")["p0"]["metrics"]["psnr"] > 5


def test_files_of_one_name_get_folders_of_their_own(nf: Callable, pictures: list[str]) -> None:
    Path("other").mkdir()
    write_image(Path("other/p0.png"), pattern())
    assert nf("fit", "p0.png", "other/p0.png", "--together", *SMALL, "--quiet").status == 0
    assert set(manifest()) == {"p0", "p0-2"}
    assert nf("fit", "p0.png", "--together", *SMALL, "--quiet").out == "runs/together-2: 1 done\n"


@pytest.mark.parametrize(
    ("text", "fragment"),
    [("{", "damaged"), ('{"format": 2}', "format 2"), ('{"format": 1, "options": {}}', "damaged")],
)
def test_damaged_manifests(nf: Callable, folder: Path, text: str, fragment: str) -> None:
    Path("many").mkdir()
    Path("many/manifest.json").write_text(text)
    status, _, err = nf("fit", "--resume", "many")
    assert status == 2 and fragment in err and err.count("\n") == 1


def test_what_is_refused(nf: Callable, pictures: list[str]) -> None:
    status, _, err = nf("fit", *pictures, "--together", "--precision", "medium")
    assert status == 2 and "--precision" in err and not Path("runs").exists()
    Path("there").mkdir()
    status, _, err = nf("fit", *pictures, "--together", "--out", "there")
    assert status == 2 and "there exists" in err
