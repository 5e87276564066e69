"""Run folders, finished or not, and field files are opened, and followed while others fit them."""

import json
import math
import os
from pathlib import Path

import pages
import pytest
import torch
from tiny_scenes import write

import neuralfields as nf
from neuralfields import runs
from neuralfields.errors import InputError
from neuralfields.files.images import write_image
from neuralfields.viewer.messages import encode
from neuralfields.viewer.sources import opened


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "a.png", pages.picture())
    return tmp_path


def begun(steps: int, **options: object) -> runs.Run:
    return runs.start("a.png", runs.Options(field="hash", params=5000, steps=steps, threads=1, **options))  # type: ignore[arg-type]


def finished(steps: int = 3) -> Path:
    with begun(steps) as run:
        for _ in run.steps():
            pass
        run.finish()
    return run.folder.path


def test_a_finished_run(folder):
    session = opened([finished()])
    (item,) = session.items
    assert session.title == item.shown.name == "a"
    assert item.shown.truth and item.shown.kind == "image" and item.step == 3
    assert "dB" in item.shown.summary and "3 steps" in item.shown.summary
    (fit,) = session.hello().fits
    assert (fit.shown, fit.state) == (0, "done") and not session.watches and not session.notes
    points = fit.course
    assert points and points[-1].step == 3 and points[-1].fraction == 1 and points[-1].learning_rate > 0
    assert str(folder) not in str(encode(session.hello()))


def test_a_loss_that_was_not_finite_is_left_out(folder):
    path = finished()
    metrics = next(path.glob("metrics*"))
    first = json.loads(metrics.read_text().splitlines()[0])
    metrics.write_text(metrics.read_text() + json.dumps(first | {"step": 4, "loss": math.nan}) + "\n")
    encode(opened([path]).hello())


def test_several_runs_and_a_file(folder):
    first, second = finished(), finished(4)
    (folder / "other").mkdir()
    os.link(first / "field.nf", folder / "other" / "a.nf")
    session = opened([first, second, folder / "other" / "a.nf"])
    assert [item.shown.name for item in session.items] == ["runs/a", "a-2", "other/a"]
    assert [item.shown.id for item in session.items] == [0, 1, 2]
    assert [(fit.shown, fit.course[-1].step) for fit in session.hello().fits] == [(0, 3), (1, 4)]
    assert [item.shown.truth for item in session.items] == [True, True, False]
    (with_signal,) = opened([folder / "other" / "a.nf"], signal=folder / "a.png").items
    assert with_signal.shown.truth


def test_a_source_that_is_gone(folder):
    path = finished()
    (folder / "a.png").unlink()
    session = opened([path])
    assert not session.items[0].shown.truth and session.items[0].shown.size == (16, 12)
    assert "is gone" in session.notes[0]


def test_what_is_none(folder):
    with pytest.raises(InputError, match="not the folder of a fit"):
        opened([folder])
    run = begun(3)
    with pytest.raises(InputError, match="a has no values yet"):
        opened([run.folder.path])


def test_a_run_that_another_process_fits(folder):
    run = begun(6)
    with run:
        steps = run.steps()
        next(steps)
        run.save()
        session = opened([run.folder.path])
        (item,), (watch,) = session.items, session.watches
        assert session.fits[0].state == "running" and session.control is None
        assert same(item.current(), run.state.field) and item.step == 1
        next(steps)
        assert not watch() and item.step == 1
        run.save()
        os.utime(run.folder.checkpoint_path, ns=(1, 1))  # whatever the clock's steps are
        assert not watch()
        assert same(item.current(), run.state.field) and item.step == 2
        for _ in steps:
            pass
        run.finish()
        assert watch() and not watch()
    assert item.step == 6 and "dB" in item.shown.summary
    (fit,) = session.hello().fits
    assert fit.state == "done" and fit.course[-1].step == 6


def test_an_end_that_cannot_be_read_at_first_is_read_later(folder, monkeypatch):
    with begun(3) as run:
        steps = run.steps()
        next(steps)
        run.save()
        session = opened([run.folder.path])
        (watch,) = session.watches
        for _ in steps:
            pass
        run.finish()
    read = run.folder.read_metrics
    monkeypatch.setattr(type(run.folder), "read_metrics", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watch()
    monkeypatch.setattr(type(run.folder), "read_metrics", lambda folder: read())
    assert watch() and not watch()
    (fit,) = session.hello().fits
    assert fit.state == "done" and fit.course[-1].step == 3


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_an_interrupted_run_shows_its_average(folder):
    with begun(6, ema=0.5) as run:
        for _ in zip(range(3), run.steps(), strict=False):
            pass
        run.interrupt()
    session = opened([run.folder.path])
    assert session.fits[0].state == "paused"
    with run.state.averaged() as best:
        assert same(session.items[0].current(), best)


def test_signals_that_take_long_come_later(folder, tmp_path):
    scene = nf.signals.PosedImages.read(write(tmp_path / "ball", 4, 1))
    torch.manual_seed(0)
    field = nf.recipes.ngp(scene).field
    field.frame, field.provenance = scene.frame, {"signal": scene.describe()}
    nf.save(field, folder / "ball.nf")
    (item,) = opened([folder / "ball.nf"], signal=tmp_path / "ball").items
    assert item.shown.kind == "radiance" and not item.shown.views
    assert item.complete() and len(item.shown.views) == 5 and item.shown.truth
    assert not item.complete()
