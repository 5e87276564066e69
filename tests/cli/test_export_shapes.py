"""``nf export`` of shapes: what it writes and says, and what it refuses."""

import re

import numpy as np
import pytest
import torch

import neuralfields as nf_package
import neuralfields.storage.export
from neuralfields.files.meshes import read_mesh
from neuralfields.geometry import Triangles, solids


@pytest.fixture(scope="module")
def ball(tmp_path_factory) -> str:
    """A field file: a ball of radius 3 around (1, 2, 3) in a box of side 10, fitted roughly."""
    torch.manual_seed(0)
    level = solids.sphere(3, (1, 2, 3))
    signal = nf_package.signals.Samples.of_function(lambda x: level(x) / 5, 24, ((-4, -3, -2), (6, 7, 8)))
    field = nf_package.networks.Siren(3, 1, width=32, depth=2)
    fitted = nf_package.fit(field, signal, steps=200, batch=2048).field
    path = tmp_path_factory.mktemp("ball") / "ball.nf"
    nf_package.save(fitted, path)
    return str(path)


@pytest.mark.parametrize("more", [[], ["--method", "dual-contouring"]])
def test_a_mesh_in_the_units_of_the_input(nf, ball, folder, more) -> None:
    status, out, err = nf("export", ball, "ball.glb", "--resolution", 40, "--least-share", 0.1, *more)
    assert (status, err) == (0, "")
    size = (folder / "ball.glb").stat().st_size / 1e6
    found = re.fullmatch(r"ball.glb: ([\d,]+) vertices, ([\d,]+) faces, 1 component, watertight, (.*) MB\n", out)
    assert found and found[3] == f"{size:.2f}"
    arrays = read_mesh(folder / "ball.glb")
    assert f"{len(arrays.vertices):,}" == found[1] and f"{len(arrays.faces):,}" == found[2]
    assert Triangles(arrays.vertices, arrays.faces).volume == pytest.approx(4 / 3 * np.pi * 27, rel=0.1)
    assert np.allclose(arrays.vertices.mean(0), (1, 2, 3), atol=0.2)


def test_values_on_a_lattice(nf, ball, folder) -> None:
    status, out, _ = nf("export", ball, "ball.npz", "--resolution", 20)
    assert status == 0 and out.startswith("ball.npz: 21x21x21 values, ")
    with np.load(folder / "ball.npz") as found:
        assert found["values"][10, 10, 10] < -1 and found["x"][10] == pytest.approx(1)
        assert found["values"][0, 0, 0] == pytest.approx(75**0.5 - 3, rel=0.25)


@pytest.mark.parametrize(("words", "texts"), [
    (["o.png"], ["is a shape", "o.png", ".glb"]),
    (["o.glb", "--size", "20x20"], ["--size is not for a shape"]),
    (["o.glb", "--bits", "8"], ["--bits is not for a shape"]),
    (["o.npz", "--method", "dual-contouring"], ["--method is for meshes"]),
    (["o.ply", "--resolution", "1"], ["between 2 and 2048, got 1"]),
    (["o.ply", "--resolution", "many"], ["many"]),
    (["o.ply", "--method", "cubes"], ["cubes", "dual-contouring"]),
    (["o.ply", "--least-share", "2"], ["between 0 and 1, got 2.0"]),
    (["no/o.ply"], ["there is no folder no"]),
])  # fmt: skip
def test_refusals(nf, ball, folder, words, texts) -> None:
    status, out, err = nf("export", ball, *words)
    assert status == 2 and out == "" and len(err.splitlines()) == 1
    assert all(text in err for text in texts), err
    assert not list(folder.glob("o.*"))


@pytest.mark.parametrize(("words", "text"), [
    (["o.png", "--resolution", "64"], "--resolution is not for a picture"),
    (["o.png", "--method", "marching-cubes"], "--method is not for a picture"),
    (["o.glb"], "is a picture and cannot be exported to o.glb"),
])  # fmt: skip
def test_pictures_are_no_shapes(nf, run, words, text) -> None:
    status, _, err = nf("export", run, *words)
    assert status == 2 and text in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(("kind", "more", "share"), [("points", [], 0.01), ("mesh", [], 0), ("points", [0.2], 0.2)])
def test_bubbles_are_left_out_of_surfaces_from_points(nf, ball, folder, monkeypatch, kind, more, share) -> None:
    field = nf_package.load(ball)
    field.provenance = {"signal": {"kind": kind}}
    nf_package.save(field, "of.nf")
    asked, export_mesh = [], nf_package.storage.export.export_mesh

    def noted(*args, **settings):
        asked.append(settings["least_share"])
        return export_mesh(*args, **settings)

    monkeypatch.setattr(nf_package.storage.export, "export_mesh", noted)
    words = [word for value in more for word in ("--least-share", value)]
    assert nf("export", "of.nf", "of.ply", "--resolution", 16, *words).status == 0
    assert asked == [share]


def test_points_outside_the_box_are_told(nf, ball, folder) -> None:
    np.savetxt("points.csv", [[1.0, 2.0, 3.0], [90.0, 0.0, 0.0]], delimiter=",")
    status, out, err = nf("query", ball, "points.csv", "--world")
    assert status == 0 and len(out.splitlines()) == 3
    assert "1 of 2 points are outside the box" in err
    np.savetxt("points.csv", [[1.0, 2.0, 3.0]], delimiter=",")
    assert nf("query", ball, "points.csv", "--world").err == ""
