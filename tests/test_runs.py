"""Runs from Python: what the command does, without the command."""

import numpy as np
import pytest
import torch
import trimesh

from neuralfields import runs, storage
from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.images import write_image

FOREIGN = """
import neuralfields as nf

class Plane(nf.Field):
    def __init__(self, in_dim, out_dim):
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.map = nf.networks.MLP(in_dim, out_dim, depth=0)

    def forward(self, x):
        return self.map(x)
"""

PLAIN = dict.fromkeys(("grid_encode", "mlp", "adam", "lazy_adam"), "reference")


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / "photo.png", np.random.default_rng(0).random((16, 24, 3)), bits=8)
    return tmp_path / "photo.png"


def test_a_resumed_run_imports_only_what_is_trusted(photo, monkeypatch):
    (photo.parent / "their_fields.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(photo.parent)
    with runs.start(photo, runs.Options(field="their_fields:Plane", steps=3)) as run:
        next(run.steps())
        run.interrupt()
    with pytest.raises(FileFormatError, match=r"not trusted.*--trust their_fields"):
        runs.resume(run.folder.path)
    with runs.resume(run.folder.path, trust=("their_fields",)) as run:
        assert [step.step for step in run.steps()] == [2, 3]
        assert run.finish().steps == 3


def test_a_run_tells_its_course(photo):
    with runs.start(photo, runs.Options(steps=5, holdout=0.25)) as run:
        for _ in run.steps():
            pass
        run.finish()
    info = run.folder.read_info()
    assert info["status"] == "done"
    assert {"psnr", "ssim", "psnr_holdout", "bits_per_pixel"} <= info["metrics"].keys()
    assert info["kernels"] in ({"field_step": "cpu"}, PLAIN)
    assert run.folder.read_metrics()[-1]["step"] == 5
    assert not run.folder.checkpoint_path.exists()


def test_linear_light_has_no_psnr_to_reach(photo):
    write_image(photo.with_name("light.exr"), np.random.default_rng(0).random((8, 8, 3), np.float32) * 50)
    with pytest.raises(InputError, match=r"light\.exr is measured by relative_mse: give --steps or --seconds"):
        runs.start("light.exr", runs.Options(until_psnr=30))
    assert not (photo.parent / "runs").exists()


def test_what_another_process_finished_is_kept(photo):
    """A run that was only started here must not be thrown away when its turn comes too late."""
    late = runs.start(photo, runs.Options(steps=2))
    with runs.resume(late.folder.path) as run:
        for _ in run.steps():
            pass
        run.finish()
    with pytest.raises(InputError, match="has just been finished by another process"), late:
        pass
    assert late.folder.field_path.exists()


def test_damaged_metrics_do_not_stop_a_resume(photo):
    with runs.start(photo, runs.Options(steps=3)) as run:
        next(run.steps())
        run.interrupt()
    with open(run.folder.path / "metrics.jsonl", "ab") as file:
        file.write(bytes(100) + b"\n")
    with runs.resume(run.folder.path) as run:
        assert [step.step for step in run.steps()] == [2, 3]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("settings", "steps"), "many"),
        (("settings", "until_psnr"), -1),
        (("settings", "recipe", "batch"), 0),
        (("settings", "recipe", "dtype"), "float8"),
        (("settings", "recipe", "optimizer", "betas"), [2, "x"]),
        (("settings", "recipe", "objective"), None),
        (("signal", "holdout"), 7),
        (("seed",), None),
        (("threads",), -3),
        (("field",), {}),
    ],
)
def test_a_damaged_description_is_one_clear_line(photo, place, value):
    with runs.start(photo, runs.Options(steps=3)) as run:
        next(run.steps())
        run.interrupt()
    info = run.folder.read_info()
    holder = info
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = value
    run.folder.write_info(info)
    with pytest.raises(InputError):
        runs.resume(run.folder.path)


def test_a_slow_disk_does_not_eat_the_fit(photo, monkeypatch):
    """Writing takes longer than the limit allows: still at least half of the time goes into steps."""
    now = [0.0]
    monkeypatch.setattr("neuralfields.runs.run.time.monotonic", lambda: now[0])
    with runs.start(photo, runs.Options(steps=100)) as run:

        def write(*_: object) -> None:
            now[0] += 6

        monkeypatch.setattr("neuralfields.storage.save_checkpoint", write)
        monkeypatch.setattr(run, "_preview", lambda: None)
        for _ in run.steps():
            now[0] += 0.5
    assert now[0] < 100 * 0.5 * 2.5


def test_a_resumed_run_keeps_its_precision(photo):
    with runs.start(photo, runs.Options(steps=3, precision="medium")) as run:
        next(run.steps())
        run.interrupt()
    assert run.folder.read_info()["settings"]["precision"] == "medium"
    with runs.resume(run.folder.path) as run:
        assert torch.get_float32_matmul_precision() == "medium"
        run.interrupt()


def test_precision_and_threads_hold_inside_only(photo):
    before = torch.get_float32_matmul_precision(), torch.get_num_threads()
    run = runs.start(photo, runs.Options(steps=3, precision="medium", threads=2))
    assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == before
    with run:
        assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == ("medium", 2)
        for _ in run.steps():
            pass
        run.finish()
        assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == ("medium", 2)
    assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == before


@pytest.mark.parametrize("field", ["hash", "siren"])
def test_metrics_are_those_of_the_file_in_any_precision(photo, field):
    with runs.start(photo, runs.Options(steps=10, precision="medium", field=field)) as run:
        for _ in run.steps():
            pass
        run.finish()
    values = run.signal.measure(storage.load(run.folder.field_path), thorough=True)
    assert {name: run.info["metrics"][name] for name in values} == values


def course(photo, out, options, stops=()):
    """The finished run and its field's file, after stops and resumes at these steps."""
    run = runs.start(photo, options, out=photo.parent / out)
    for stop in (*stops, None):
        with run:
            for step in run.steps():
                if step.step == stop:
                    run.interrupt()
                    break
            else:
                run.finish()
        if stop:
            run = runs.resume(run.folder.path)
    return storage.load(run.folder.field_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"field": "sape", "params": 10_000, "sampler": "teaching"},
        {"field": "barf", "params": 10_000, "sampler": "loss", "ema": 0.9},
        {"field": "gaussian-points", "params": 800, "holdout": 0.3, "ema": 0.9},
        {"field": "neurbf", "params": 25_000, "sampler": "loss"},
    ],
    ids=lambda settings: settings["field"],
)
def test_masks_places_and_samplers_go_on_where_they_were(photo, settings):
    options = runs.Options(steps=12, batch=100, threads=1, **settings)
    whole, resumed = course(photo, "a", options), course(photo, "b", options, stops=(2, 7))
    left, right = whole.state_dict(), resumed.state_dict()
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)
    x = torch.rand(50, 2) * 2 - 1
    assert torch.equal(whole(x), resumed(x))


@pytest.mark.parametrize("form", ["udf", None], ids=["udf", "points"])
def test_shapes_go_on_where_they_were(photo, monkeypatch, form):
    monkeypatch.setattr("neuralfields.signals.shape._LATTICE", 16)
    monkeypatch.setattr("neuralfields.signals.point_cloud._CELLS", 16)
    ball = trimesh.creation.icosphere(1)
    (ball if form else trimesh.PointCloud(ball.vertices)).export("shape.ply")
    shape = photo.with_name("shape.ply")
    samples = {"form": form, "samples": 2000} if form else {}
    options = runs.Options(steps=8, batch=100, threads=1, field="siren", params=1000, **samples)
    left, right = (course(shape, out, options, stops).state_dict() for out, stops in (("a", ()), ("b", (2, 5))))
    assert all(torch.equal(left[name], right[name]) for name in left)


def test_a_resumed_shape_tells_of_its_samples(photo):
    trimesh.creation.icosphere(1).export("ball.ply")
    with runs.start("ball.ply", runs.Options(steps=8, batch=100, samples=2000)) as run:
        next(run.steps())
        run.interrupt()
    told = []
    resumed = runs.resume(run.folder.path, tell=told.append)
    assert len(told) == 1 and told[0].endswith("making 2,000 samples")
    assert resumed.info["other_seconds"]["sample"] > run.info["other_seconds"]["sample"]


@pytest.mark.parametrize("name", ["photo.png", "ball.obj"])
def test_a_folder_that_is_there_is_refused_before_anything_is_read(tmp_path, name):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out exists; choose another --out"):
        runs.start(tmp_path / name, out=str(tmp_path / "out"))  # which does not exist
