"""Many fits in one folder: what is done stays done, what failed is told, the rest goes on."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import trimesh
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
    [
        ("{", "damaged"),
        ('{"format": 2}', "format 2"),
        ('{"format": 1, "options": {}}', "damaged"),
        ('{"format": 1, "options": {}, "members": [{"path": 5, "folder": 6}]}', "path of a member is 5"),
        ('{"format": 1, "options": {}, "members": [{"path": "a.png", "folder": "../escaped"}]}', "no name of a folder"),
        ('{"format": 1, "options": {}, "members": [{"path": "a.png", "folder": ".."}]}', "no name of a folder"),
        ('{"format": 1, "options": {"field": "theirs:Field"}, "members": []}', "--trust theirs"),
    ],
)
def test_damaged_manifests(nf: Callable, folder: Path, text: str, fragment: str) -> None:
    Path("many").mkdir()
    Path("many/manifest.json").write_text(text)
    status, _, err = nf("fit", "--resume", "many")
    assert status == 2 and fragment in err and err.count("\n") == 1
    assert not Path("escaped").exists()


def test_any_exception_costs_one_row(nf: Callable, pictures: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before = runs.Run.steps

    def steps(run: runs.Run):
        if run.folder.path.name == "p1":
            raise MemoryError("too large")
        yield from before(run)

    monkeypatch.setattr(runs.Run, "steps", steps)
    status, _, err = nf("fit", *pictures, "--together", *SMALL, "--quiet", "--threads", 1)
    assert status == 2 and err == "2/4 p1: failed: MemoryError: too large\n"
    assert [member["status"] for member in manifest().values()] == ["done", "failed", "done", "done"]


def test_one_process_at_a_time(nf: Callable, pictures: list[str]) -> None:
    collection = runs.Collection.start(pictures, runs.Options(steps=2, batch=64), out=Path("many"))
    going = collection.run(threads=1)
    next(going)
    held = Path("many/manifest.json").read_bytes()
    status, _, err = nf("fit", "--resume", "many")
    assert status == 2 and "many is in use by process" in err
    assert json.loads(held)["members"][0]["status"] == "done"
    assert len(list(going)) == 3 and nf("fit", "--resume", "many").status == 0


def test_numbers_that_are_not_finite_are_null(folder: Path) -> None:
    collection = runs.Collection.start(["a.png"], runs.Options(steps=2), out=Path("many"))
    collection._set(collection.members[0], status="done", metrics={"hausdorff": float("inf")})
    assert "Infinity" not in Path("many/manifest.json").read_text()
    assert runs.Collection.open("many").members[0].metrics == {"hausdorff": None}


def test_a_stop_while_a_fit_is_prepared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = runs.Collection.start(["a.png", "a.png"], runs.Options(steps=2), out=Path("many"))
    before = runs.collection.start

    def start(*words, **more):
        collection.stop()
        return before(*words, **more)

    monkeypatch.setattr("neuralfields.runs.collection.start", start)
    assert [member.status for member in collection.run(threads=1)] == ["waiting", "waiting"]
    assert [path.name for path in Path("many").iterdir()] == ["manifest.json"]


def test_a_field_of_ones_own_goes_on_if_trusted(nf: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("their_plane.py").write_text(
        """
import neuralfields as nf

class Plane(nf.Field):
    def __init__(self, in_dim, out_dim):
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.map = nf.networks.MLP(in_dim, out_dim, depth=0)

    def forward(self, x):
        return self.map(x)
"""
    )
    monkeypatch.syspath_prepend(folder)
    own = ("--field", "their_plane:Plane", "--steps", 3, "--batch", 64, "--out", "many")
    status, out, _ = nf("fit", "a.png", "gone.png", "--together", *own)
    assert status == 2  # a missing file is seen before anything is made
    Path("bad.png").write_bytes(b"nothing")
    status, out, _ = nf("fit", "a.png", "bad.png", "--together", *own)
    assert status == 2 and "go on with: nf fit --resume many --trust their_plane" in out
    write_image(Path("bad.png"), pattern())
    assert nf("fit", "--resume", "many").status == 2
    assert nf("fit", "--resume", "many", "--trust", "their_plane").out == "many: 2 done\n"


def test_meshes_too(nf: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralfields.signals.shape._COARSE", 24)
    for name, radius in (("one", 1.0), ("two", 3.0)):
        trimesh.creation.icosphere(1, radius).export(f"{name}.obj")
    words = (*SMALL, "--samples", 2000)
    assert nf("fit", "one.obj", "two.obj", "--together", *words, "--quiet").out == "runs/together: 2 done\n"
    assert all(0 <= member["metrics"]["iou"] <= 1 for member in manifest().values())
    with runs.start(
        "two.obj",
        runs.Options(field="siren", params=1000, steps=30, batch=256, samples=2000, threads=1),
        out=Path("alone"),
    ) as run:
        for _ in run.steps():
            pass
        run.finish(thorough=False)
    one, two = (neuralfields.load(path).state_dict() for path in ("alone/field.nf", "runs/together/two/field.nf"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_is_refused(nf: Callable, pictures: list[str]) -> None:
    status, _, err = nf("fit", *pictures, "--together", "--precision", "medium")
    assert status == 2 and "--precision" in err and not Path("runs").exists()
    Path("there").mkdir()
    status, _, err = nf("fit", *pictures, "--together", "--out", "there")
    assert status == 2 and "there exists" in err
