"""What the applications draw of a small picture."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "apps"))
import compare_methods
import fit_sdf
import reconstruct_scan
import render_path
import tiny_scenes
import train_nerf
from ball_scene import BallScene

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.files.meshes import read_mesh


@pytest.mark.parametrize("channels", [1, 3])
def test_compare_methods(tmp_path: Path, capsys: pytest.CaptureFixture[str], channels: int) -> None:
    y, x = np.mgrid[0:20, 0:40]
    values = np.stack([x * 6, y * 12, x + y][:channels], -1).astype(np.uint8).squeeze()
    Image.fromarray(values).save(tmp_path / "a.png")
    compare_methods.main(
        tmp_path / "a.png", tmp_path / "b.png", methods=["siren", "fourier"], seconds=0.05, params=2000
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("siren ") and " dB after " in lines[1] and lines[2].endswith("a.png, siren, fourier")
    drawn = np.asarray(Image.open(tmp_path / "b.png").convert("RGB"))
    gap, label, side = compare_methods.GAP, compare_methods.LABEL, compare_methods.SIDE
    assert drawn.shape == (2 * (label + side // 2) + gap, 3 * side + 2 * gap, 3)
    assert (drawn[label + side // 2 :, :side] == 255).all()  # below the image there is nothing
    source = drawn[label + 4 : label + side // 2 : 8, 4:side:8]  # each pixel is 8 x 8
    assert (source.squeeze() == (values[..., None] if channels == 1 else values)).all()


@pytest.mark.parametrize(
    ("settings", "out", "told"),
    [
        ({"methods": ["siren", "nope"]}, "b.png", "no method is called 'nope'; there are: hash"),
        ({"seconds": float("nan")}, "b.png", "--seconds is above 0 and finite, got nan"),
        ({"params": compare_methods.number("1e400")}, "b.png", "--params is above 0 and finite, got inf"),
        ({"threads": 0}, "b.png", "--threads is above 0 and finite, got 0"),
        ({}, "b.pgn", r"--out is one of .png, .jpg, .jpeg, .webp in a folder that there is, got .*b.pgn"),
        ({}, "no/b.png", r"in a folder that there is, got .*no/b.png"),
    ],
)
def test_compare_methods_refuses_before_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], out: str, told: str
) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setattr(compare_methods, "fitted", lambda *given: pytest.fail("it was fitted"))
    with pytest.raises(InputError, match=told):
        compare_methods.main(tmp_path / "a.png", tmp_path / out, **settings)
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize("shape", [(1, 1000), (1000, 1)])
def test_compare_methods_of_a_line(tmp_path: Path, shape: tuple[int, int]) -> None:
    Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / "a.png")
    compare_methods.main(tmp_path / "a.png", tmp_path / "b.png", methods=["siren"], seconds=0.01, params=2000)
    assert (tmp_path / "b.png").exists()


def test_reconstruct_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Two halves of a ball of radius 5 about (7, 0, 0), seen from both sides, by a small network."""
    points = np.random.default_rng(0).standard_normal((3000, 3))
    points *= 5 / np.linalg.norm(points, axis=1, keepdims=True)
    for name, side in (("front", points[:, 0] > 0), ("back", points[:, 0] <= 0)):
        np.savetxt(tmp_path / f"{name}.xyz", points[side] + [7, 0, 0])

    def small(cloud: nf.signals.PointCloud) -> nf.recipes.Recipe:
        field = nf.networks.Siren(3, 1, width=32, depth=3, first_omega=5.0, hidden_omega=5.0)
        settings = {"objective": nf.objectives.OrientedPoints(), "optimizer": nf.fitting.Adam(lr=4e-3)}
        return nf.recipes.Recipe("small", field, decay=nf.fitting.Decay(0, 0.1), batch=1000, steps=9, **settings)

    monkeypatch.setattr(nf.recipes, "siren_sdf", small)
    out = tmp_path / "ball.ply"
    views = [[100.0, 0.0, 0.0], [-100.0, 0.0, 0.0]]
    reconstruct_scan.main(
        [tmp_path / "front.xyz", tmp_path / "back.xyz"], out, viewpoints=views, steps=150, resolution=32
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "front.xyz + back.xyz: 3,000 points, normals estimated"
    assert lines[1].startswith("fitted in 150 steps") and lines[3] == "parts: 1, of which 1 near the points"
    mesh = read_mesh(out)
    made = nf.geometry.Triangles(mesh.vertices, mesh.faces)
    assert made.volume == pytest.approx(4 / 3 * np.pi * 5**3, rel=0.03)
    np.testing.assert_allclose(made.bounds, [[2, -5, -5], [12, 5, 5]], atol=0.2)


@pytest.mark.parametrize(
    ("settings", "out", "told"),
    [
        ({"steps": 0}, "b.ply", "--steps is above 0, got 0"),
        ({"threads": -1}, "b.ply", "--threads is above 0, got -1"),
        ({"viewpoints": [[0, 0, 1]] * 3}, "b.ply", "--viewpoint is given once, or once for each of 2 files"),
        ({}, "b.png", r"--out is one of .glb, .obj, .off, .ply, .stl in a folder that there is, got .*b.png"),
        ({}, "no/b.ply", r"in a folder that there is, got .*no/b.ply"),
        ({}, "b.ply", "a.xyz"),
    ],
)
def test_reconstruct_scan_refuses_before_it_fits(tmp_path: Path, settings: dict[str, Any], out: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        reconstruct_scan.main([tmp_path / "a.xyz", tmp_path / "a.xyz"], tmp_path / out, **settings)
    assert not (tmp_path / out).exists()


def test_fit_sdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("neuralfields.signals.shape._LATTICE", 32)
    trimesh.creation.icosphere(2, 3.0).export(tmp_path / "ball.obj")
    fit_sdf.main(tmp_path / "ball.obj", tmp_path / "made.glb", seconds=0.3, resolution=24)
    out = capsys.readouterr().out
    assert "320 faces, closed" in out and "chamfer_l1" in out and "made.glb" in out
    assert {path.name for path in tmp_path.iterdir()} == {"ball.obj", "made.glb", "made.nf", "made.png"}
    for settings, name in (({"seconds": 0}, "a.glb"), ({}, "a.txt"), ({}, "no/a.glb")):
        with pytest.raises(InputError, match=r"above 0|folder that there is"):
            fit_sdf.main(tmp_path / "ball.obj", tmp_path / name, **settings)


def test_render_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nf.save(BallScene(), tmp_path / "ball.nf")
    keys = [{"eye": [4, 0, 1], "target": [0, 0, 0]}, {"eye": [0, 4, 1], "target": [0, 0, 0]}]
    (tmp_path / "path.json").write_text(json.dumps({"keys": keys, "seconds": 0.1}))
    given = {"size": (32, 24), "trust": ("ball_scene",)}
    render_path.main(tmp_path / "ball.nf", tmp_path / "path.json", tmp_path / "out.gif", **given)
    assert "out.gif: 2 pictures, " in capsys.readouterr().out
    with Image.open(tmp_path / "out.gif") as film:
        assert film.size == (96, 24)
        colour, depth, normals = np.split(np.asarray(film.convert("RGB")).astype(int), 3, axis=1)
    assert (colour[0, 0] >= 250).all() and colour[12, 16, 1] < 80  # a ball on white
    assert np.ptp(depth[12, 16]) < 12 and normals[12, 16].argmax() == 0  # its normal is towards +x
    with pytest.raises(InputError, match="mode is one of colour, depth"):
        render_path.main(tmp_path / "ball.nf", None, tmp_path / "out.gif", modes=["shaded"], **given)
    nf.save(nf.networks.MLP(3, 1, width=4, depth=1), tmp_path / "shape.nf")
    with pytest.raises(InputError, match="no scene"):
        render_path.main(tmp_path / "shape.nf", None, tmp_path / "out.gif", **given)


def test_train_nerf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_scenes.write(tmp_path / "ball", 10, 2, size=(24, 24))
    before = torch.get_float32_matmul_precision()
    try:
        train_nerf.main(tmp_path / "ball", tmp_path / "ball.nf", seconds=1.0, film=tmp_path / "ball.gif")
        assert torch.get_float32_matmul_precision() == "medium"  # as nf fit has it
    finally:
        torch.set_float32_matmul_precision(before)
    told = capsys.readouterr().out
    assert "ball.gif: 144 pictures" in told and " dB" in told
    with Image.open(tmp_path / "ball.png") as drawn:
        assert drawn.size == (48, 48)  # two views, photos above
    assert nf.load(tmp_path / "ball.nf").frame is not None
    for settings, says in (
        ({"seconds": 0.0}, "--seconds is above 0"),
        ({"recipe": "x"}, "--recipe is one of ngp, .*, got 'x'"),
        ({"mesh": tmp_path / "ball.txt"}, "cannot export a shape to .*ball.txt"),
    ):
        with pytest.raises(InputError, match=says):
            train_nerf.main(tmp_path / "ball", tmp_path / "ball.nf", **settings)  # type: ignore[arg-type]
