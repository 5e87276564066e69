"""Shapes by the command, from a mesh file to a mesh file."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from nf_helpers import contents
from test_bad_input import refused

FEW = ("--steps", 1000, "--batch", 2048, "--samples", "300k", "--quiet")


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quality is judged on a smaller lattice, which is enough for a ball."""
    monkeypatch.setattr("neuralfields.signals.shape._LATTICE", 64)


@pytest.fixture
def ball(folder: Path) -> Path:
    """A ball of radius 5 around (100, 0, 0), as ``ball.obj``."""
    mesh = trimesh.creation.icosphere(4, 5.0)
    mesh.apply_translation((100, 0, 0))
    mesh.export("ball.obj")
    return Path("ball.obj")


def test_from_mesh_to_mesh(nf: Callable, ball: Path) -> None:
    status, out, err = nf("fit", ball, *FEW)
    assert (status, err) == (0, "")
    assert out.startswith("runs/ball: IoU 0.99")
    assert "next: nf render runs/ball ball.png   or: nf export runs/ball ball.glb --resolution 512" in out
    info = json.loads(Path("runs/ball/run.json").read_text())
    about, found = info["signal"], info["metrics"]
    assert (about["kind"], about["form"], about["closed"]) == ("mesh", "sdf", True)
    assert about["sampling"]["samples"] == 300_000
    assert found["iou"] > 0.99 and found["chamfer_l1"] < 3e-3 and found["surface_samples"] > 0
    assert Path("runs/ball/previews/latest.png").exists()

    status, out, _ = nf("eval", "runs/ball", "--json")
    measured = json.loads(out)
    assert status == 0
    assert measured["iou"] == pytest.approx(found["iou"]) and measured["hausdorff"] == pytest.approx(found["hausdorff"])

    status, out, err = nf("export", "runs/ball", "back.ply", "--resolution", 48)
    assert (status, err) == (0, "")
    back = trimesh.load("back.ply", process=False)
    assert back.is_watertight and back.body_count == 1
    np.testing.assert_allclose(back.bounds, [[95, -5, -5], [105, 5, 5]], atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(back.vertices - [100, 0, 0], axis=1), 5, atol=0.05)

    np.save("points.npy", np.array([[100.0, 0, 0], [105.4, 0, 0]]))
    status, out, _ = nf("query", "runs/ball", "points.npy", "--world")
    inside, outside = (float(line) for line in out.splitlines()[1:])
    assert status == 0 and inside < -2  # in the units of the mesh
    assert outside == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize(("form", "metric"), [("occupancy", "iou"), ("udf", "distance_error")])
def test_other_forms(nf: Callable, ball: Path, form: str, metric: str) -> None:
    status, out, err = nf("fit", ball, "--as", form, *FEW, "--json")
    assert (status, err) == (0, "")
    info = json.loads(out)
    assert info["signal"]["form"] == form
    assert info["metrics"][metric] > 0.97 if metric == "iou" else info["metrics"][metric] < 0.02
    assert nf("eval", "runs/ball").status == 0
    assert nf("export", "runs/ball", "ball.glb", "--resolution", 32).status == 0
    assert nf("render", "runs/ball", "ball.png", "--size", "32x32").status == 0


def test_any_network_learns_shapes(nf: Callable, ball: Path) -> None:
    status, out, _ = nf("fit", ball, "--field", "siren", "--params", "20k", *FEW, "--json")
    info = json.loads(out)
    assert status == 0 and "Siren" in info["field"]["spec"]["class"]
    assert info["metrics"]["iou"] > 0.5


def test_resumed_fits_have_the_same_bits(nf: Callable, ball: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neuralfields import runs

    wanted = runs.Options(steps=40, batch=512, samples=20_000, form="occupancy")
    with runs.start(ball, wanted, out=Path("half")) as run:
        for step in run.steps():
            if step.step == 15:
                run.interrupt()
                break
    assert nf("fit", "--resume", "half", "--quiet").status == 0
    words = ("--steps", 40, "--batch", 512, "--samples", 20_000, "--as", "occupancy", "--out", "whole", "--quiet")
    assert nf("fit", ball, *words).status == 0
    assert Path("half/field.nf").read_bytes() == Path("whole/field.nf").read_bytes()


def test_open_surfaces_are_told(nf: Callable, folder: Path) -> None:
    mesh = trimesh.creation.icosphere(4)
    mesh.update_faces(mesh.triangles_center[:, 2] < 0.5)
    mesh.export("bowl.stl")
    status, _, err = nf("fit", "bowl.stl", *FEW[:-1])
    assert status == 0
    assert "open" in err and "--as udf needs no inside" in err
    doubt = json.loads(Path("runs/bowl/run.json").read_text())["signal"]["doubt"]
    assert 0 < doubt < 0.5


def test_a_changed_mesh_is_not_taken_for_the_same(nf: Callable, ball: Path) -> None:
    assert nf("fit", ball, *FEW).status == 0
    trimesh.creation.icosphere(3, 4.0).export("ball.obj")
    status, _, err = nf("eval", "runs/ball")
    assert status == 2 and "changed" in err


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("--viewpoint", 0, 0, 1), ("mesh", "takes --as, --samples, --distances, not --viewpoint")),
        (("--viewpoint", "nan", 0, 1), ("--viewpoint is three finite numbers", "nan")),
        (("--sampler", "loss"), ("--sampler", "mesh")),
        (("--as", "density"), ("--as is one of sdf, occupancy, udf", "density")),
        (("--holdout", 0.1), ("mesh", "holdout")),
        (("--until-psnr", 30), ("--until-psnr", "iou")),
        (("--recipe", "image"), ("image", "mesh")),
        (("--samples", 0), ("--samples", "0")),
        (("--distances", "cgal"), ("--distances is one of libigl, open3d", "cgal")),
    ],
)
def test_options_that_do_not_fit(nf: Callable, folder: Path, ball: Path, words: tuple, fragments: tuple) -> None:
    refused(nf, folder, ["fit", ball, *words], *fragments)


def test_options_of_shapes_are_not_for_images(nf: Callable, folder: Path) -> None:
    refused(nf, folder, ["fit", "a.png", "--as", "udf"], "image", "takes --holdout, not --as")
    refused(nf, folder, ["fit", "a.png", "--samples", 1000], "image", "takes --holdout, not --samples")


def broken(folder: Path) -> dict[str, bytes]:
    """Files by name that hold nothing of use."""
    header = b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    claim = b"property float z\nelement face 1000000000\nproperty list uchar int vertex_indices\nend_header\n"
    return {
        "empty.obj": b"",
        "text.stl": b"this is no mesh at all\n" * 5,
        "billion.ply": header + claim,
        "billion.stl": b"\0" * 80 + (10**9).to_bytes(4, "little") + b"\0" * 16,
        "nan.obj": b"v nan 0 0\nv 0 nan 0\nv 0 0 nan\nf 1 2 3\n",
        "flat.obj": b"v 0 0 0\nv 1 1 1\nv 2 2 2\nf 1 2 3\n",
        "range.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n",
    }


@pytest.mark.parametrize("name", list(broken(Path())))
def test_broken_files_are_one_line(nf: Callable, folder: Path, name: str) -> None:
    Path(name).write_bytes(broken(folder)[name])
    refused(nf, folder, ["fit", name, *FEW], name)


def test_one_triangle_is_an_open_surface(nf: Callable, folder: Path) -> None:
    Path("one.obj").write_bytes(b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    status, _, err = nf("fit", "one.obj", "--as", "udf", *FEW)
    assert (status, err) == (0, "")
    found = json.loads(Path("runs/one/run.json").read_text())["metrics"]
    assert found["distance_error"] < 0.02


def test_nothing_is_left_where_a_fit_cannot_begin(nf: Callable, folder: Path, ball: Path) -> None:
    before = contents(folder)
    assert nf("fit", ball, "--field", "k-plane", *FEW).status == 2
    assert contents(folder) == before


def test_points_are_told_from_meshes(nf: Callable, folder: Path) -> None:
    directions = trimesh.creation.icosphere(3).vertices
    trimesh.PointCloud(directions * 4).export("scan.ply")
    words = ("--steps", 60, "--batch", 400, "--field", "siren", "--params", 2000)  # measuring larger ones takes long
    status, _, err = nf("fit", "scan.ply", *words)
    assert status == 0 and "points" in err and "normals are estimated" in err
    info = json.loads(Path("runs/scan/run.json").read_text())
    assert (info["signal"]["kind"], info["signal"]["form"]) == ("points", "sdf")
    assert info["metrics"]["points_to_surface"] < 0.2
    assert nf("eval", "runs/scan").status == 0
    np.savetxt("table.xyz", np.concatenate([directions, directions], 1))
    assert nf("fit", "points", "table.xyz", *words, "--quiet").status == 0
    refused(nf, folder, ["fit", "mesh", "scan.ply"], "scan.ply", "points")
    refused(nf, folder, ["fit", "scan.ply", "--as", "udf"], "scan.ply", "points", "takes --viewpoint, not --as")
    refused(nf, folder, ["fit", "scan.ply", "--sampler", "loss"], "scan.ply", "points", "--sampler")


def test_a_viewpoint_is_for_points_without_normals(nf: Callable, folder: Path, ball: Path) -> None:
    directions = trimesh.creation.icosphere(2).vertices
    trimesh.PointCloud(directions).export("scan.ply")
    place = ("--viewpoint", 0, 0, 9)
    words = ("--steps", 3, "--batch", 64, "--field", "siren", "--params", 2000, "--quiet")
    assert nf("fit", "points", "scan.ply", *place, *words).status == 0
    info = json.loads(Path("runs/scan/run.json").read_text())
    assert (info["signal"]["kind"], info["signal"]["viewpoint"]) == ("points", [0, 0, 9])
    np.savetxt("table.xyz", np.concatenate([directions, directions], 1))
    for words in (["table.xyz", *place], ["points", ball, *place]):
        refused(nf, folder, ["fit", *words], "has normals", "viewpoint")


def test_a_field_file_tells_how_its_source_was_read(nf: Callable, folder: Path, ball: Path) -> None:
    assert nf("fit", ball, "--as", "occupancy", *FEW).status == 0
    by_folder, by_file = (
        json.loads(nf("eval", *words, "--json").out)
        for words in (("runs/ball",), ("runs/ball/field.nf", "--signal", ball))
    )
    assert by_file["iou"] == by_folder["iou"] > 0.8 and "distance_error" not in by_file


@pytest.mark.parametrize("sampling", [{"sampels": 3}, 5, {"spreads": 1}])
def test_damaged_descriptions_of_shapes(nf: Callable, folder: Path, ball: Path, sampling: object) -> None:
    assert nf("fit", ball, "--steps", 3, "--samples", 1000, "--quiet").status == 0
    info = json.loads(Path("runs/ball/run.json").read_text())
    info["signal"]["sampling"] = sampling
    Path("runs/ball/run.json").write_text(json.dumps(info))
    refused(nf, folder, ["eval", "runs/ball"], "sampling")
    Path("runs/ball/run.json").write_text(json.dumps(info | {"status": "interrupted"}))
    refused(nf, folder, ["fit", "--resume", "runs/ball"], "sampling")


def test_eval_explains_the_metrics_of_shapes(nf: Callable) -> None:
    text = nf("eval", "--help").out
    assert "where the longest side is 1.8" in text
    assert all(name in text for name in ("iou_near", "chamfer_l1", "points_to_surface", "psnr", "bits_per_point"))


def test_a_process_leaves_nothing_on_stderr(nf: Callable, ball: Path) -> None:
    """libigl complains at the end of a process about what is still held then."""
    assert nf("fit", ball, "--steps", 30, "--samples", "20k", "--params", "20k", "--quiet").status == 0
    coarse = "from neuralfields.signals import shape; shape._LATTICE = 64"
    program = f"{coarse}; from neuralfields.cli import main; raise SystemExit(main())"
    words = [sys.executable, "-c", program, "eval", "runs/ball"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "") and "hausdorff" in done.stdout
