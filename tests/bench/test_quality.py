"""Time to quality of a small picture; tests/cli/test_bench.py measures in processes of their own."""

from pathlib import Path

import numpy as np
import pytest

from neuralfields.bench import quality
from neuralfields.bench.quality import Task
from neuralfields.files.images import write_image


@pytest.fixture
def picture(tmp_path: Path) -> str:
    y, x = np.mgrid[0:24, 0:32] / 32
    write_image(tmp_path / "a.png", np.stack([x, y, (x + y) / 2], -1))
    return str(tmp_path / "a.png")


@pytest.mark.parametrize("backend", quality.BACKENDS)
def test_until_the_psnr(picture: str, backend: str) -> None:
    found = quality.fit(Task(picture, 20.0, 0, 60.0, backend, 1))
    assert found["reached"] and found["steps"] >= 1 and found["fit_seconds"] > 0
    assert found["shape"] == [24, 32, 3] and found["threads"] == 1 and found["psnr"] == 20.0
    if backend == "eager":
        assert set(found["kernels"].values()) == {"reference"}
    assert found["peak_memory_mib"] is None or found["peak_memory_mib"] > 50


def test_given_up_after_the_time(picture: str) -> None:
    found = quality.fit(Task(picture, 150.0, 0, 1e-6, "ours", 1))
    assert not found["reached"] and found["steps"] == 1
