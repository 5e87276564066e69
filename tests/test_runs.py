"""Runs from Python: what the command does, without the command."""

import numpy as np
import pytest

from neuralfields import runs
from neuralfields.errors import FileFormatError
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
    assert info["kernels"] == dict.fromkeys(("grid_encode", "mlp", "adam", "lazy_adam"), "reference")
    assert run.folder.read_metrics()[-1]["step"] == 5
    assert not run.folder.checkpoint_path.exists()
