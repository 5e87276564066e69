"""The benchmarks' scripts on tiny work: what they write, and that a second run goes on. Nothing depends on time."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import ConvexHull

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "docs")]
import comparison_tables  # noqa: E402

import neuralfields as nf  # noqa: E402
from neuralfields.files.meshes import read_mesh, write_mesh  # noqa: E402

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a script on ``a.png`` in a folder of its own; gives its results."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[0:40, 0:30]
    Image.fromarray(np.stack([6 * x, 5 * y, 2 * (x + y)], -1).astype(np.uint8)).save("a.png")

    def call(script: str, *words: object) -> dict[str, Any]:
        out = tmp_path / f"{script}.json"
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, words), "--side", "16", "--out", str(out)])
        importlib.import_module(script).main()
        return json.loads(out.read_text())

    return call


def test_teaching(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("int_teaching", "a.png", "--steps", 20, "--width", 8, "--depth", 2)
    report = run(*words)
    (row,) = report["results"]["rows"]
    assert row["samples"]["uniform"] == 20 * 256 > row["samples"]["teaching"] > 0
    assert [len(curve) for curve in row["curves"].values()] == [20, 20]
    both = row["targets"]["both"]
    assert both["psnr"] == min(row["final_psnr"].values()) - 0.5
    assert both["uniform"]["psnr"] >= both["psnr"] <= both["teaching"]["psnr"]
    first = next(at for at in row["curves"]["teaching"] if at["psnr"] >= both["psnr"])
    assert both["teaching"] == first
    capsys.readouterr()
    assert run(*words) == report and capsys.readouterr().out == ""
    with pytest.raises(SystemExit, match="rows of other settings"):
        run("int_teaching", "a.png", "--steps", 21)
    told = run(*words, "--seeds", 2)["command"]
    assert told == f"{report['command']}; " + report["command"].replace("--side", "--seeds 2 --side")
    assert "| a.png | both |" in comparison_tables.teaching(report)


def test_progressive(run: Run) -> None:
    words = ("progressive", "--image", "a.png", "--steps", 3, "--batch", 64, "--params", 5000, "--sigmas", 2)
    report = run(*words, "--holdouts", 0)
    report = run(*words, "--holdouts", 0, 0.75)
    rows = report["results"]["rows"]
    assert [(row["method"], row["holdout"]) for row in rows] == [
        (name, holdout) for holdout in (0, 0.75) for name in ("fourier", "sape", "pins")
    ]
    assert all(4500 < row["params"] < 5500 for row in rows)
    assert [row["psnr_holdout"] is None for row in rows] == [True] * 3 + [False] * 3
    assert rows[2]["levels"][-1] == pytest.approx(rows[2]["psnr"])
    best = report["results"]["summary"][3]
    assert (best["of"], best["best"], best["deviation"]) == ("psnr_holdout", rows[3]["psnr_holdout"], 0)
    assert "| 25 % | sape |" in comparison_tables.progressive(report)


def test_sl2a(run: Run) -> None:
    words = ("sl2a_protocol", "--image", "a.png", "--epochs", 2)
    run(*words, "--only", "siren")
    report = run(*words, "--only", "siren", "relu-pe")
    siren, relu = report["results"]["rows"]
    assert (siren["method"], relu["method"]) == ("siren", "relu-pe")
    assert (siren["batch"], siren["steps"], siren["epochs"], len(siren["curve"])) == (256, 2, 2, 2)
    assert siren["best_psnr"] == max(at["psnr"] for at in siren["curve"])
    late = importlib.import_module("sl2a_protocol")
    assert late.WAYS["finer"].batch == 16384
    assert "| siren | " in comparison_tables.sl2a(report) and "33.47" in comparison_tables.sl2a(report)


def test_sl2a_tries_again_what_failed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    script = importlib.import_module("sl2a_protocol")
    words = ("sl2a_protocol", "--image", "a.png", "--epochs", 1, "--only", "siren", "relu-pe")

    def fitted(image: Any, way: Any, options: Any) -> dict[str, Any]:
        return {"error": "the loss became nan"} if way is script.WAYS["siren"] else {"steps": 1}

    with monkeypatch.context() as patched:
        patched.setattr(script, "fitted", fitted)
        assert ["error" in row for row in run(*words)["results"]["rows"]] == [True, False]
    rows = run(*words)["results"]["rows"]
    assert [(row["method"], "curve" in row) for row in rows] == [("relu-pe", False), ("siren", True)]


def test_rates_of_the_sl2a_protocol_are_those_of_the_parameters(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class's own scale does not count twice."""
    script = importlib.import_module("sl2a_protocol")
    rates = {}
    inner = script.nf.steps

    def noted(field: Any, image: Any, **settings: Any) -> Any:
        optimizer = settings["optimizer"](field)
        rates[len(rates)] = {group["lr"] for group in optimizer.param_groups}
        return inner(field, image, **settings)

    monkeypatch.setattr(script.nf, "steps", noted, raising=False)
    run("sl2a_protocol", "--image", "a.png", "--epochs", 1, "--seconds", 1e-9)
    assert [next(iter(found)) for found in rates.values()] == pytest.approx([way.rate for way in script.WAYS.values()])


def test_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a ball in place of both things, and a small network in place of the recipe's."""
    script = importlib.import_module("scan")
    x, y, z = np.random.default_rng(0).standard_normal((3, 400))
    points = np.stack([x, y, z], -1) / np.sqrt(x**2 + y**2 + z**2)[:, None]
    faces = ConvexHull(points).simplices
    a, b, c = (points[faces[:, k]] for k in range(3))
    out = np.einsum("ij,ij->i", np.cross(b - a, c - a), a)
    faces[out < 0] = faces[out < 0, ::-1]
    for name in ("meshes/armadillo.obj", "pointclouds/bunny_scans/bun000.ply", "pointclouds/bunny_scans/bun045.ply"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_mesh(tmp_path / name, points, faces if "meshes" in name else faces[:0])

    def small(cloud: nf.signals.PointCloud) -> nf.recipes.Recipe:
        field = nf.networks.Siren(3, 1, width=16, depth=2, first_omega=5.0, hidden_omega=5.0)
        settings = {"objective": nf.objectives.OrientedPoints(), "optimizer": nf.fitting.Adam(lr=5e-3)}
        return nf.recipes.Recipe("small", field, decay=nf.fitting.Decay(0, 0.1), batch=400, steps=80, **settings)

    monkeypatch.setattr(script, "DATA", tmp_path)
    monkeypatch.setattr(nf.recipes, "siren_sdf", small)
    monkeypatch.setattr("neuralfields.signals.point_cloud._CELLS", 32)
    file = tmp_path / "scan.json"
    monkeypatch.setattr(sys, "argv", ["scan.py", "--resolution", "32", "--threads", "1", "--out", str(file)])
    script.main()
    rows = json.loads(file.read_text())["results"]["rows"]
    assert [(name, row["points"], row["steps"]) for name, row in rows.items()] == [
        ("armadillo", 400, 80),
        ("bunny", 800, 80),
    ]
    assert rows["armadillo"]["closed"] and rows["armadillo"]["chamfer_l1_percent"] < 3
    assert rows["armadillo"]["points_to_mesh_percent"] < 2 and rows["bunny"]["components"] >= 1


def test_large_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its meshes are the sample, with more faces."""
    script = importlib.import_module("large_mesh")
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    (tmp_path / "meshes").mkdir()
    write_mesh(tmp_path / "meshes" / "corner.obj", corners, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]))

    def looked_at(path: Path, seconds: float, folder: Path) -> dict[str, Any]:
        found = read_mesh(path)
        mesh = nf.geometry.Triangles(found.vertices, found.faces)
        return {"faces": len(mesh.faces), "closed": mesh.closed, "volume": mesh.volume, "peak_memory_mib": 1}

    monkeypatch.setattr(script, "DATA", tmp_path)
    monkeypatch.setattr(script, "command", looked_at)
    words = ["large_mesh.py", "--only", "corner.obj", "--times", "0", "2", "--out", str(tmp_path / "large.json")]
    monkeypatch.setattr(sys, "argv", words)
    script.main()
    rows = json.loads((tmp_path / "large.json").read_text())["results"]["rows"]
    assert [(row["faces"], row["closed"], row["peak_bytes_per_face"]) for row in rows] == [
        (4, True, 2**18),
        (64, True, 2**14),
    ]
    assert [row["volume"] for row in rows] == pytest.approx([1 / 6, 1 / 6], rel=1e-5)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("--only nothing --out part.json", "no case has 'nothing' in its name; there are: sin"),
        ("--only L-BFGS", "--out"),
    ],
)
def test_a_part_of_the_stages_does_not_pass_for_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, text: str
) -> None:
    script = importlib.import_module("multistage")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["multistage.py", *words.split()])
    monkeypatch.setattr(script, "write", lambda *given: pytest.fail("it was written"))
    with pytest.raises(SystemExit, match="2"):
        script.main()
    assert text in capsys.readouterr().err


def test_operations_of_a_shader() -> None:
    from neuralfields.viewer.describe import program_of
    from neuralfields.viewer.program import Function

    viewer = importlib.import_module("viewer")
    assert viewer._FUNCTIONS.keys() == set(get_args(Function))
    network = program_of(nf.networks.MLP(2, 3, width=4, depth=1))
    assert viewer.flops(network) == (2 * 2 * 4 + 4) + 4 + (2 * 4 * 3 + 3)
    assert viewer.texels(network) == 5 + 5
    grid = program_of(nf.encodings.HashGrid(2, levels=3, features=2, log2_size=6, base=2, finest=8))
    assert viewer.texels(grid) == 3 * 4


def test_viewing(run: Run) -> None:
    """Fields that pages draw and fields that the server draws; what was sent has arrived."""
    words = ("--rounds", 1, "--seconds", 0.3, "--warm-up", 0, "--threads", 1, "--only", "hash", "sape")
    rows = run("viewing", *words)["results"]
    assert [(row["method"], row["drawn_by"]) for row in rows] == [("hash", "page"), ("sape", "server")]
    for row in rows:
        assert row["steps_per_second"]["alone"][0] > 0 and row["steps_per_second"]["watched"][0] > 0
        assert row["bytes_per_second"] > 0
