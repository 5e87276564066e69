"""Fits of small pictures by some methods, and what their rows say. Nothing here depends on time."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from neuralfields import metrics, recipes, signals
from neuralfields.bench import machine, methods, tables
from neuralfields.bench.methods import Task
from neuralfields.errors import InputError, NeuralFieldsError
from neuralfields.files.images import read_image, write_image


@pytest.fixture
def picture(tmp_path: Path) -> str:
    y, x = np.mgrid[0:24, 0:32] / 32
    write_image(tmp_path / "a.png", np.stack([x, y, (x + y) / 2], -1))
    return str(tmp_path / "a.png")


def siren(source: str, **changes: object) -> Task:
    task = Task(source, "siren", seed=0, params=2000, steps=30, seconds=None)
    return dataclasses.replace(task, **changes)  # type: ignore[arg-type]


def test_a_row(picture: str, tmp_path: Path) -> None:
    row = methods.fit(siren(picture, picture=str(tmp_path / "fit.png")))
    assert 1500 < row["params"] < 2500 and (row["steps"], row["batch"], row["samples"]) == (30, 768, 30 * 768)
    assert set(row["kernels"].values()) == {"reference"}
    steps = [at["step"] for at in row["curve"]]
    assert steps == sorted(set(steps)) and steps[0] == 1 and steps[-1] == 30 and len(steps) <= 12
    seconds = [at["seconds"] for at in row["curve"]]
    assert seconds == sorted(seconds) and seconds[-1] == row["fit_seconds"]
    assert row["curve"][-1]["psnr"] == pytest.approx(row["psnr"], abs=1e-4)  # the subset is the whole of it
    drawn, truth = (torch.from_numpy(read_image(p).values / 255.0) for p in (tmp_path / "fit.png", picture))
    assert metrics.psnr(drawn, truth) == pytest.approx(row["psnr"], abs=0.2)
    assert 0 < row["ssim"] < 1


def test_the_seed_is_all_that_differs(picture: str) -> None:
    one, same, other = (methods.fit(siren(picture, steps=3, seed=seed)) for seed in (0, 0, 1))
    assert one["psnr"] == same["psnr"] != other["psnr"]


def test_by_time(picture: str) -> None:
    row = methods.fit(siren(picture, steps=None, seconds=0.05))
    assert row["fit_seconds"] >= 0.05 and row["curve"][-1]["step"] == row["steps"]
    assert methods.fit(siren(picture, steps=2, seconds=60.0))["steps"] == 2


def test_a_probe_ends_where_the_field_has_no_kernel(picture: str) -> None:
    assert methods.fit(siren(picture, probe=True)).keys() == {"kernels"}
    assert methods.has_kernels({"mlp": "cpu", "adam": "cpu"})
    assert not methods.has_kernels({"mlp": "reference", "adam": "cpu"})


def test_what_fails_is_a_row(picture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(module: str, question: object, what: str) -> object:
        raise NeuralFieldsError(f"{what} failed: the loss became nan at step 3")

    monkeypatch.setattr(methods, "ask", refused)
    row = methods.measured(siren(picture))
    assert row == {"method": "siren", "seed": 0, "backend": "reference", "error": "the loss became nan at step 3"}


def test_in_a_process_of_its_own(picture: str) -> None:
    row = methods.measured(siren(picture, steps=1, threads=1))
    assert row["method"] == "siren" and row["psnr"] > 0 and row["threads"] == 1
    assert "error" in methods.measured(siren("nowhere.png"))


def test_only_some() -> None:
    assert methods.chosen(["siren"]) == ["siren"] and "hash" in methods.chosen(["has"])
    assert methods.chosen([]) == list(recipes.METHODS)
    with pytest.raises(InputError, match="no method has 'sirene' in its name"):
        methods.chosen(["sirene"])


def test_linear_light_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a.exr", np.ones((12, 12, 3), np.float32))
    with pytest.raises(InputError, match=r"needs values in \[0, 1\]"):
        methods.described(tmp_path / "a.exr")


def test_bands_find_the_frequency() -> None:
    """An error of 20 cycles lies in the octave from 16 on, and is told relative to what the image has there."""
    x = torch.arange(128) / 128
    truth = torch.sin(2 * math.pi * 20 * x).expand(64, 128)[..., None]
    found = {band["cycles"]: band["error"] for band in methods.bands(0.1 * truth, truth)}
    assert found[16] == pytest.approx(0.01, rel=1e-3)
    assert list(found) == [1, 2, 4, 8, 16, 32, 64]
    shifted = methods.bands(torch.full_like(truth, 0.5), truth)  # the mean is of the lowest band, whatever the image's
    assert (
        shifted[0]["error"] is not None
        and shifted[0]["error"] > 1e3
        and shifted[4]["error"] == pytest.approx(0, abs=1e-6)
    )
    assert all(band["error"] is None for band in methods.bands(truth, torch.ones(64, 128, 1)))


def test_rows_of_an_earlier_run(tmp_path: Path) -> None:
    path, settings = tmp_path / "m.json", {"params": 10, "steps": 5}

    def earlier(benchmark: str = "nf bench methods", settings: dict[str, int] = settings) -> object:
        return machine.earlier(path, benchmark, settings)

    assert machine.earlier(None, "nf bench methods", settings) == earlier() == ([], "")
    made = machine.report(["nf", "bench", "methods", "a"], {"settings": settings, "rows": [{"method": "siren"}]})
    machine.write(path, made)
    assert earlier() == ([{"method": "siren"}], "nf bench methods a")
    with pytest.raises(InputError, match="other settings: params 10, steps 5; not params 11: give another --out"):
        earlier(settings={"params": 11})
    with pytest.raises(InputError, match="has rows of nf bench methods a; not of nf bench spectrum: give another"):
        earlier("nf bench spectrum")
    machine.write(path, made | {"machine": {"cpu": "abacus"}})
    with pytest.raises(InputError, match="other hardware: cpu abacus; not cpu"):
        earlier()
    machine.write(path, made | {"versions": made["versions"] | {"torch": "0.1"}})
    with pytest.raises(InputError, match=r"other versions: neuralfields .*, torch 0.1; not neuralfields"):
        earlier()
    machine.write(path, made | {"versions": made["versions"] | {"python": "2.7"}})
    assert earlier()
    path.write_text("{}")
    with pytest.raises(InputError, match="holds no rows to go on with"):
        earlier()


def test_a_run_that_goes_on_tells_all_its_commands() -> None:
    once = machine.report(["nf", "a"], [])["command"]
    twice = machine.report(["nf", "b"], [], once)["command"]
    assert machine.report(["nf", "b"], [], twice)["command"] == "nf a; nf b"
    assert machine.report(["nf", "a"], [], twice)["command"] == "nf a; nf b"


def row(method: str, image: str, psnr: float, **more: object) -> methods.Row:
    numbers = {"params": 1234, "batch": 64, "steps": 10, "samples": 640, "fit_seconds": 2.0, "peak_memory_mib": 300}
    about = {"method": method, "image": image, "seed": 0, "backend": "reference", "kernels": {"mlp": "reference"}}
    return {**about, **numbers, "psnr": psnr, "ssim": psnr / 100, **more}


def test_the_table_sorts_and_tells_failures() -> None:
    rows = [row("b", "x.png", 20.0), row("a", "x.png", 30.0), row("a", "y.png", 20.0), row("b", "y.png", 31.0)]
    broken = {"method": "c", "image": "x.png", "seed": 0, "backend": "reference", "error": "diverged"}
    lines = tables.methods_table({"rows": [*rows, broken, broken | {"image": "y.png"}]}).splitlines()
    assert lines[0] == "plain PyTorch for all:" and lines[1].endswith("  x dB   y dB    SSIM  mean dB")
    assert [line.split()[0] for line in lines[3:5]] == ["b", "a"]
    assert lines[3].split() == ["b", "1,234", "64", "10", "2.0", "0.00032", "300", "20.00", "31.00", "0.2550", "25.50"]
    assert lines[5] == "c failed on x.png, y.png: diverged"
    assert "x dB" not in tables.methods_table({"rows": rows}, 70) and "mean dB" in tables.methods_table(
        {"rows": rows}, 70
    )


def test_a_method_that_failed_on_an_image_has_no_mean() -> None:
    rows = [row("a", "x.png", 30.0), row("b", "x.png", 20.0), row("b", "y.png", 20.0)]
    _, cells = tables.methods_cells(rows)
    assert [line[0] for line in cells] == ["b", "a"] and cells[1][-1] == "-" and cells[1][-4] == "30.00"


def test_medians_over_seeds_and_kernels() -> None:
    rows = [
        row("a", "x.png", psnr, seed=i, backend="native", kernels={"mlp": "cpu", "adam": "reference"})
        for i, psnr in enumerate((10.0, 40.0, 20.0))
    ]
    columns, (line,) = tables.methods_cells(rows)
    assert line[columns.index("dB")] == "20.00" and line[columns.index("kernels")] == "mlp"
    assert line[columns.index("seeds") :] == ["3", "30.00"]
    _, cells = tables.methods_cells([*rows, row("b", "x.png", 1.0)])
    assert cells[1][0] == "b" and cells[1][-2:] == ["1", "-"]


def test_images_are_described(picture: str) -> None:
    found = methods.described(Path(picture))
    assert found["image"] == "a.png" and found["shape"] == [24, 32, 3]
    assert found["sha256"] == signals.read(picture).describe()["sha256"]
