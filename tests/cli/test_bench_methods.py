"""``nf bench methods`` and ``nf bench spectrum`` from end to end, on tiny work."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from nf_helpers import pattern, running, wait_for

from neuralfields import NeuralFieldsError
from neuralfields.bench import methods, spectrum
from neuralfields.bench.methods import Task
from neuralfields.files.images import write_image

TINY = ("--budget-params", "6k", "--budget-steps", 3, "--threads", 1)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Fits are done in this process, which saves the time of starting others, and noted."""
    asked: list[Task] = []

    def ask(module: str, question: dict[str, Any], what: str) -> Any:
        asked.append(Task(**question))
        return {"neuralfields.bench.methods": methods, "neuralfields.bench.spectrum": spectrum}[module].fit(asked[-1])

    monkeypatch.setattr(methods, "ask", ask)
    return asked


def rows_of(path: str) -> list[dict[str, Any]]:
    return json.loads(Path(path).read_text())["results"]["rows"]


def test_methods(nf, here):
    words = ["bench", "methods", "a.png", "--only", "siren", "hash", *TINY, "--out", "m.json", "--pictures", "p"]
    status, out, err = nf(*words)
    assert status == 0 and out.startswith("plain PyTorch for all:\nmethod")
    names = [task.method for task in here]
    assert sorted(names) == ["hash", "siren"]
    assert err.splitlines()[:2] == [f"{i}/2 {name} a.png, seed 0, reference" for i, name in enumerate(names, 1)]
    report = json.loads(Path("m.json").read_text())
    assert report["results"]["settings"] == {"params": 6000, "steps": 3, "seconds": None, "threads": 1}
    assert report["command"].startswith("nf bench methods a.png --only siren hash --budget-params 6k")
    rows = report["results"]["rows"]
    assert [row["method"] for row in rows] == names
    assert all(row["image"] == "a.png" and row["steps"] == 3 and row["curve"] and row["bands"] for row in rows)
    assert {path.name for path in Path("p").glob("*.png")} == {
        f"{name}-a.png" for name in ("course", "bands", "errors")
    }
    assert len(list(Path("p/fits").iterdir())) == 2


def test_a_second_run_goes_on(nf, here):
    words = ["bench", "methods", "a.png", *TINY, "--out", "m.json", "--only"]
    assert nf(*words, "siren").status == 0
    status, out, err = nf(*words, "siren", "hash", "--seeds", 2)
    assert status == 0 and err.splitlines()[0] == "1 of 4 fits are in m.json"
    assert [(task.method, task.seed) for task in here].count(("siren", 0)) == 1 and len(here) == 4
    assert len(rows_of("m.json")) == 4
    status, out, err = nf(*words, "hash")
    assert status == 0 and len(here) == 4 and len(rows_of("m.json")) == 4 and "siren" in out
    command = "nf bench methods a.png --budget-params 6k --budget-steps 3 --threads 1 --only"
    assert json.loads(Path("m.json").read_text())["command"] == (
        f"{command} siren; {command} siren hash --seeds 2; {command} hash"
    )
    status, out, err = nf("bench", "methods", "a.png", "--budget-params", "6k", "--budget-steps", 4, "--out", "m.json")
    assert (status, out) == (2, "") and "m.json has rows of other settings: params 6000, steps 3" in err


def test_another_image_of_that_name_is_refused(nf, here):
    """Tables and pictures know an image by its name."""
    words = ["bench", "methods", "a.png", *TINY, "--out", "m.json", "--only", "siren"]
    assert nf(*words).status == 0
    before = Path("m.json").read_bytes()
    write_image(Path("a.png"), pattern()[::-1])
    status, out, err = nf(*words)
    assert (status, out, err) == (2, "", "nf bench: m.json has rows of another a.png: give another --out\n")
    assert Path("m.json").read_bytes() == before and len(here) == 1


def test_one_image_of_two_names_is_measured_twice(nf, here):
    shutil.copy("a.png", "b.png")
    assert nf("bench", "methods", "a.png", "b.png", *TINY, "--out", "m.json", "--only", "siren").status == 0
    assert [row["image"] for row in rows_of("m.json")] == ["a.png", "b.png"] and len(here) == 2


def test_the_spectrum_is_another_benchmark(nf):
    assert nf("bench", "spectrum", *TINY, "--out", "m.json", "--only", "siren").status == 0
    status, out, err = nf("bench", "methods", "a.png", *TINY, "--out", "m.json", "--only", "siren")
    assert (status, out) == (2, "") and "m.json has rows of nf bench spectrum" in err and err.count("\n") == 1


def test_failures_are_rows_and_tried_again(nf, monkeypatch):
    def fails(module, question, what):
        raise NeuralFieldsError(f"{what} failed: the loss became nan")

    words = ["bench", "methods", "a.png", *TINY, "--out", "m.json", "--only", "siren"]
    with monkeypatch.context() as patch:
        patch.setattr(methods, "ask", fails)
        status, out, _ = nf(*words)
    assert status == 0 and out.splitlines()[-1] == "siren failed on a.png: the loss became nan"
    assert rows_of("m.json")[0]["error"] == "the loss became nan"
    status, out, _ = nf(*words)
    assert status == 0 and "failed" not in out and [row["steps"] for row in rows_of("m.json")] == [3]


@pytest.mark.parametrize("kernels", [False, True])
def test_both_backends(nf, here, monkeypatch, kernels):
    """A field without kernels of its own is measured once."""
    monkeypatch.setattr(methods, "has_kernels", lambda found: kernels)
    words = ["bench", "methods", "a.png", *TINY, "--out", "m.json", "--only", "siren", "--backend", "both"]
    status, out, _ = nf(*words)
    assert status == 0 and "plain PyTorch for all:" in out and "with the kernels there are:" in out
    plain, native = rows_of("m.json")
    assert (plain["backend"], native["backend"]) == ("reference", "native")
    assert (plain["fit_seconds"] == native["fit_seconds"]) is not kernels
    assert [task.probe for task in here] == [False, True]


def test_interrupted(nf, here, monkeypatch):
    counted = []
    inner = methods.ask

    def ask(*arguments):
        counted.append(arguments)
        if len(counted) == 2:
            raise KeyboardInterrupt
        return inner(*arguments)

    monkeypatch.setattr(methods, "ask", ask)
    status, out, err = nf("bench", "methods", "a.png", "--only", "siren", "hash", *TINY, "--out", "m.json")
    assert status == 130 and err.splitlines()[-1] == "nf bench: interrupted" and len(rows_of("m.json")) == 1
    assert "SSIM" in out


def test_a_killed_run_leaves_no_child_and_keeps_its_rows(folder):
    words = ["bench", "methods", "a.png", "--only", "siren", "--budget-params", "2k", "--budget-seconds", 0.2]
    with running(*words, "--seeds", 200, "--out", "m.json", "--threads", 1) as process:
        wait_for(Path("m.json"), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "nf bench: interrupted" in err
    assert 1 <= len(rows_of("m.json")) < 200


def test_spectrum(nf):
    words = ["bench", "spectrum", "--only", "siren", "--budget-steps", 40, "--budget-params", "2k", "--threads", 1]
    status, out, _ = nf(*words, "--out", "s.json", "--pictures", "p")
    assert status == 0 and out.splitlines()[0].split() == [
        "method",
        "parameters",
        "batch",
        *(str(2**i) for i in range(9)),
    ]
    assert Path("p/spectrum.png").exists()
    status, out, err = nf(*words, "--out", "s.json")
    assert status == 0 and err == "1 of 1 fits are in s.json\n"


def test_names(nf):
    status, out, _ = nf("bench", "methods", "--list")
    assert status == 0 and out.split() == methods.chosen([])
    assert json.loads(nf("bench", "spectrum", "--list", "--json").out) == methods.chosen([])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("methods", "nothing to fit: give images, as in nf bench methods photo.png"),
        ("methods missing.png", "there is no file missing.png"),
        ("methods a.png a.png", "the images' names differ, got a.png a.png"),
        ("methods a.png --only nope", "no method has 'nope' in its name: --list prints them"),
        ("methods a.png --budget-seconds 0", "--budget-seconds is above 0, got 0.0"),
        ("methods a.png --budget-seconds nan", "--budget-seconds is above 0, got nan"),
        ("methods a.png --budget-steps -3", "--budget-steps is above 0, got -3"),
        ("methods a.png --budget-params many", "got 'many'"),
        ("methods a.png --budget-params 0", "--budget-params is above 0, got 0"),
        ("methods a.png --seeds 0", "--seeds is above 0, got 0"),
        ("methods a.png --threads 0", "--threads is between 1 and 1024, got 0"),
        ("methods a.png --out m.txt", "--out is a .json, not m.txt"),
        ("methods a.png --pictures a.png", "--pictures is a folder, a.png is a file"),
        ("methods a.png --backend cuda", "invalid choice: 'cuda'"),
        ("methods b.png", "cannot read b.png"),
        ("methods a.exr", "needs values in [0, 1]; a.exr is linear light"),
        ("methods a.png --out other.json", "other.json exists and holds no rows to go on with"),
        ("spectrum --budget-steps 1", "--budget-steps is above 1, got 1"),
        ("spectrum a.png", "a.png"),
        ("spectrum --only nope", "no method has 'nope' in its name"),
    ],
)
def test_bad_input(nf, words, text):
    Path("b.png").write_text("text")
    Path("other.json").write_text("[]")
    write_image(Path("a.exr"), pattern())
    status, out, err = nf("bench", *words.split())
    assert (status, out) == (2, "") and err.startswith("nf bench: ") and text in err and err.count("\n") == 1


def test_help(nf):
    for kind in ("methods", "spectrum"):
        status, out, _ = nf("bench", kind, "--help")
        assert status == 0 and "--budget-params" in out and "goes\non from there" in out
