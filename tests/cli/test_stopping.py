"""Ctrl-C, kills, two at once: what was done is kept, and goes on as if nothing had happened."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
import torch
from nf_helpers import command, running, wait_for

import neuralfields
from neuralfields import runs
from neuralfields.storage import RunFolder

# A checkpoint at step 61 only, metrics of every step, and a kill at step 90.
_KILLED = """
import os, signal
import neuralfields.runs.run as runs

runs._LOST_SECONDS, runs._METRICS_SECONDS = float("inf"), 0
before = runs.Run.steps

def steps(run):
    for step in before(run):
        runs._LOST_SECONDS = 0 if step.step == 60 else float("inf")
        if step.step == 90:
            os.kill(os.getpid(), signal.SIGKILL)
        yield step

runs.Run.steps = steps
"""


def info(path: Path = Path("runs/a")) -> dict:
    return json.loads((path / "run.json").read_text())


def same_weights(left: Path, right: Path) -> bool:
    one, two = (neuralfields.load(path / "field.nf").state_dict() for path in (left, right))
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("ema", [[], ["--ema", "0.9"]])
def test_killed_and_resumed(nf, folder, ema):
    words = ["fit", "a.png", "--steps", 120, "--threads", 1, *ema]
    assert nf(*words, "--out", "undisturbed").status == 0
    killed = subprocess.run(command(*words, code=_KILLED), capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert RunFolder.open("runs/a").read_metrics()[-1]["step"] == 90
    assert not Path("runs/a/field.nf").exists()
    (folder / "runs/a/.field-01234567.tmp.nf").write_bytes(b"half")
    status, out, err = nf("fit", "--resume", "runs/a")
    assert status == 0 and "resumed at step 61" in err and "120 steps" in out
    assert same_weights(Path("undisturbed"), Path("runs/a"))
    assert {path.name for path in Path("runs/a").iterdir()} == {"run.json", "field.nf", "metrics.jsonl", "previews"}
    steps = [entry["step"] for entry in RunFolder.open("runs/a").read_metrics()]
    assert steps == sorted(set(steps)) and steps[:61] == list(range(1, 62)) and steps[-1] == 120


def test_killed_before_the_first_checkpoint(nf, folder):
    words = ["fit", "a.png", "--steps", 20, "--threads", 1]
    assert nf(*words, "--out", "undisturbed").status == 0
    runs.start("a.png", runs.Options(steps=20, threads=1))  # and no step after that
    assert nf("fit", "--resume", "runs/a").status == 0
    assert same_weights(Path("undisturbed"), Path("runs/a"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_request_stops_after_the_step(nf, folder, number):
    with running("fit", "a.png", "--steps", 1000000, "--threads", 1) as process:
        wait_for(Path("runs/a/metrics.jsonl"), process)

        status, _, err = nf("fit", "--resume", "runs/a")
        assert status == 2 and err == (
            f"nf fit: runs/a is in use by process {process.pid}; wait for it, or choose another --out\n"
        )

        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    step = info()["steps"]
    assert err.count("nf fit: stopping after this step; Ctrl-C again leaves at once\n") == 1
    assert err.splitlines()[-1] == f"nf fit: stopped at step {step}; go on with: nf fit --resume runs/a"
    assert info()["status"] == "interrupted" and step > 0
    status, _, err = nf("eval", "runs/a")
    assert status == 2 and "nf fit --resume runs/a" in err


class TestInThisProcess:
    """What a second Ctrl-C does, at exact moments."""

    @pytest.fixture(autouse=True)
    def handlers(self):
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def interrupted(self, nf, monkeypatch, *words, step, times):
        before = runs.Run.steps

        def steps(run):
            for result in before(run):
                for _ in range(times if result.step == step else 0):
                    signal.raise_signal(signal.SIGINT)
                yield result

        monkeypatch.setattr(runs.Run, "steps", steps)
        result = nf("fit", *words)
        monkeypatch.setattr(runs.Run, "steps", before)
        return result

    def test_second_leaves_at_once(self, nf, monkeypatch):
        status, out, err = self.interrupted(nf, monkeypatch, "a.png", "--steps", 20, step=5, times=2)
        assert (status, out) == (130, "") and err.endswith("nf fit: interrupted\n")
        assert not Path("runs").exists()

    def test_second_keeps_the_checkpoint(self, nf, monkeypatch):
        assert self.interrupted(nf, monkeypatch, "a.png", "--steps", 20, step=5, times=1).status == 130
        status, _, err = self.interrupted(nf, monkeypatch, "--resume", "runs/a", step=9, times=2)
        assert status == 130 and err.endswith("nf fit: interrupted; go on with: nf fit --resume runs/a\n")
        assert (info()["status"], info()["steps"]) == ("interrupted", 5)
        assert nf("fit", "--resume", "runs/a").status == 0
        assert nf("fit", "a.png", "--steps", 20).status == 0
        assert same_weights(Path("runs/a"), Path("runs/a-2"))

    def test_one_leaves_the_last_measurement(self, nf, monkeypatch):
        """It may take long; by then a checkpoint has the fit, save for at most its last second (here for nothing)."""
        with monkeypatch.context() as patched:
            patched.setattr("neuralfields.runs.run._UNSAVED_SECONDS", 0.0)
            patched.setattr("neuralfields.runs.run.finish", lambda *given, **more: signal.raise_signal(signal.SIGINT))
            status, out, err = nf("fit", "a.png", "--steps", 9)
        assert (status, out) == (130, "") and err.endswith("nf fit: interrupted; go on with: nf fit --resume runs/a\n")
        assert nf("fit", "--resume", "runs/a").status == 0
        assert (info()["status"], info()["steps"]) == ("done", 9)

    def test_while_another_line_is_being_said(self, nf, monkeypatch):
        """Python's files refuse a handler's line in the midst of another one; the request counts all the same."""

        def refusing(*words, file, **more):
            raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

        monkeypatch.setattr("neuralfields.cli.parser.print", refusing, raising=False)
        assert self.interrupted(nf, monkeypatch, "a.png", "--steps", 20, step=5, times=1).status == 130
        assert (info()["status"], info()["steps"]) == ("interrupted", 5)

    def test_the_files_after_it_are_not_begun(self, nf, monkeypatch):
        status, _, _ = self.interrupted(nf, monkeypatch, "a.png", "a.png", "--steps", 5, step=5, times=1)
        assert status == 130 and info()["status"] == "done"
        assert not Path("runs/a-2").exists()


def test_a_display_that_fails_costs_nothing(nf, folder, monkeypatch):
    def broken(*words, **more):
        raise BrokenPipeError

    monkeypatch.setattr("neuralfields.cli.parser.print", broken, raising=False)
    assert nf("fit", "a.png", "--steps", 3).status == 0


@pytest.mark.parametrize("recipe", ["image", "compact"])
def test_a_kill_while_measuring_loses_nothing(nf, folder, monkeypatch, recipe):
    words = ["fit", "a.png", "--steps", 5, "--recipe", recipe, "--ema", 0.9]
    assert nf(*words, "--out", "undisturbed").status == 0
    monkeypatch.setattr("neuralfields.runs.run._UNSAVED_SECONDS", 0.0)
    monkeypatch.setattr("neuralfields.runs.run.finish", lambda *words, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        nf(*words)
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert info()["status"] == "failed"
    status, _, err = nf("fit", "--resume", "runs/a")
    assert status == 0 and "resumed at step 5" in err
    assert same_weights(Path("undisturbed"), Path("runs/a"))


def test_finished_by_another_process_meanwhile(nf, folder):
    first = runs.start("a.png", runs.Options(steps=3, threads=1))
    with first:
        for _ in first.steps():
            pass
        first.interrupt()
    late = runs.resume("runs/a")
    assert nf("fit", "--resume", "runs/a").status == 0
    with pytest.raises(neuralfields.NeuralFieldsError, match="runs/a has just been finished"), late:
        pass
    assert info()["status"] == "done"


def test_the_source_has_changed(nf, folder):
    first = runs.start("a.png", runs.Options(steps=30, threads=1))
    with first:
        next(first.steps())
        first.interrupt()
    source = Path("a.png").read_bytes()
    assert nf("fit", "a.png", "--steps", 1, "--out", "x").status == 0
    assert nf("export", "x", "other.png").status == 0
    Path("a.png").write_bytes(Path("other.png").read_bytes())
    status, _, err = nf("fit", "--resume", "runs/a")
    assert status == 2 and "a.png has changed since" in err
    Path("a.png").unlink()
    status, _, err = nf("fit", "--resume", "runs/a")
    assert status == 2 and "a.png" in err and "no such file" in err
    Path("a.png").write_bytes(source)
    assert nf("fit", "--resume", "runs/a").status == 0
