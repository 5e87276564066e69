"""Pictures, films and meshes of scenes by the command."""

import json
import os
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ball_scene import BallScene
from PIL import Image
from test_bad_input import refused
from tiny_scenes import write

import neuralfields
from neuralfields.cli import main, render_scene
from neuralfields.files.images import read_image, write_image
from neuralfields.files.meshes import read_mesh
from neuralfields.files.posed import PosedPhoto, write_scene
from neuralfields.geometry import Camera, Frame

TRUST = ("--trust", "ball_scene")
CENTRE = (0.3, -0.2, 0.1)  # of the ball of tiny_scenes, whose radius is 0.5


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scene of twelve pictures, ``ball``, and ``run``, that of a fit, with a field that is known."""
    place = tmp_path_factory.mktemp("scenes")
    scene = write(place / "ball", 10, 2, size=(24, 20))
    words = ["fit", str(scene), "--field", "tiny_scenes:TinyField", "--steps", "1", "--quiet"]
    assert main([*words, "--out", str(place / "run")]) == 0
    path = place / "run" / "field.nf"
    field, learnt = BallScene(), neuralfields.load(path, trust=("tiny_scenes",))
    field.provenance, field.frame = learnt.provenance, Frame.of_box([v - 1 for v in CENTRE], [v + 1 for v in CENTRE])
    neuralfields.save(field, path)
    return place


@pytest.fixture
def run(folder: Path, fitted: Path) -> str:
    """A copy of the run, as ``run`` in the working folder."""
    shutil.copytree(fitted / "run", folder / "run")
    return "run"


def test_a_picture(nf: Callable[..., Any], run: str) -> None:
    status, out, err = nf("render", run, "out.png", *TRUST)
    assert (status, err) == (0, "") and out.startswith("out.png: 24x20, colour, ")
    values = read_image("out.png").values
    assert values.shape == (20, 24, 3) and (values[0, 0] == 255).all() and values[10, 12, 1] == 64
    for words in (
        ("--mode", "depth", "--background", "black"),
        ("--mode", "normals", "--size", "16x16"),
        ("--mode", "opacity", "--azimuth", 90, "--elevation", 60, "--distance", 2, "--fov", 60),
    ):
        assert nf("render", run, "other.png", *words, *TRUST).status == 0
    assert nf("render", run, "clear.png", "--background", "transparent", *TRUST).status == 0
    alpha = read_image("clear.png").values[..., 3]
    assert alpha[10, 12] == 255 and alpha[0, 0] == 0


def test_depths_and_normals_as_numbers(nf: Callable[..., Any], run: str) -> None:
    words = ("--elevation", 0, "--distance", 3, *TRUST)
    assert nf("render", run, "depth.npy", "--mode", "depth", *words).status == 0
    assert nf("render", run, "normals.npy", "--mode", "normals", *words).status == 0
    depth, normals = np.load("depth.npy"), np.load("normals.npy")
    assert depth.shape == (20, 24, 1) and normals.shape == (20, 24, 3)
    assert depth[10, 12, 0] == pytest.approx(3 - 0.5, abs=0.1) and depth[0, 0, 0] == 0  # in the world's unit
    assert np.linalg.norm(normals[10, 12]) == pytest.approx(1, abs=1e-3) and not normals[0, 0].any()


def test_values_of_a_scene_at_places_in_the_world(nf: Callable[..., Any], folder: Path, run: str) -> None:
    """A row is a place and a direction; the ball has another density per world unit in a frame twice as large."""
    field = neuralfields.load("run/field.nf", trust=("ball_scene",))
    field.frame = Frame.of_box([v - 2 for v in CENTRE], [v + 2 for v in CENTRE])
    neuralfields.save(field, "large.nf")
    rows = np.array([[*CENTRE, 5.0, 0.0, 0.0], [*CENTRE, -1.0, 0.0, 0.0], [9.0, 9.0, 9.0, 0.0, 1.0, 0.0]])
    np.save("points.npy", rows)
    assert nf("query", "large.nf", "points.npy", "--world", "--out", "found.npy", *TRUST).status == 0
    np.testing.assert_allclose(np.load("found.npy")[:, :2], [[200, 1], [200, 0], [0, 0.5]], atol=1e-3)
    refused(nf, folder, ["query", "large.nf", "points.npy", "--world", "--gradient", *TRUST], "leave out --world")
    np.save("three.npy", rows[:, :3])
    refused(nf, folder, ["query", "large.nf", "three.npy", *TRUST], "[n, 6]: position and direction")


def test_the_first_photo_is_seen_again(nf: Callable[..., Any], run: str, fitted: Path) -> None:
    """By the pose of a held-out view, as a path with one key; and by --test."""
    described = json.loads((fitted / "ball" / "transforms_test.json").read_text())
    pose, angle = described["frames"][0]["transform_matrix"], described["camera_angle_x"]
    fov = np.degrees(2 * np.arctan(np.tan(angle / 2) * 20 / 24))
    Path("path.json").write_text(json.dumps({"keys": [{"pose": pose, "fov": fov}]}))
    assert nf("render", run, "path.json", "out.png", *TRUST).status == 0
    status, out, err = nf("render", run, "views", "--test", *TRUST)
    assert status == 0 and out == "views: 2 views, colour\n" and "view 2 of 2" in err
    names = sorted(os.listdir("views"))
    assert names == ["010-010.png", "011-011.png"]
    np.testing.assert_allclose(read_image("out.png").values, read_image("views/010-010.png").values.astype(int), atol=1)
    assert "views is there already" in nf("render", run, "views", "--test", *TRUST).err


def test_films(nf: Callable[..., Any], run: str) -> None:
    keys = [{"eye": [3, 0, 1], "target": [0.3, -0.2, 0.1]}, {"eye": [0, 3, 1], "target": [0.3, -0.2, 0.1]}]
    Path("path.json").write_text(json.dumps({"keys": keys, "seconds": 1}))
    for words, frames in (
        (("path.json", "out.gif", "--fps", 10), 10),
        (("out.gif", "--frames", 3), 3),
        (("out.gif", "--frames", 2, "--orbit", "--mode", "normals"), 2),
        (("out.gif", "--frames", 3, "--spiral", "--mode", "depth"), 3),
    ):
        status, out, err = nf("render", run, *words, "--size", "16x12", *TRUST)
        assert status == 0 and out.startswith(f"out.gif: 16x12, {frames} pictures, ") and f"of {frames}" in err
        with Image.open("out.gif") as film:
            assert film.n_frames == frames
    pytest.importorskip("av", reason="PyAV is an extra: pip install 'neuralfields[video]'")
    status, out, err = nf("render", run, "out.mp4", "--frames", 3, "--quiet", *TRUST)
    assert (status, err) == (0, "") and out.startswith("out.mp4: 24x20, 3 pictures, ")


def test_without_its_photos(nf: Callable[..., Any], run: str, fitted: Path) -> None:
    """A field file does not know where they are: the scene is looked at from a guess, or as they tell."""
    status, _, err = nf("render", "run/field.nf", "out.png", *TRUST)
    assert status == 0 and "--signal PATH" in err
    status, _, err = nf("render", "run/field.nf", "out.png", "--signal", fitted / "ball", *TRUST)
    assert (status, err) == (0, "")
    assert nf("render", "run/field.nf", "views", "--test", "--signal", fitted / "ball", *TRUST).status == 0


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("out.xyz",), ("out.xyz", ".png")),
        (("no/out.png",), ("there is no folder no",)),
        (("out.png", "--mode", "shaded"), ("mode is one of colour", "'shaded'")),
        (("out.png", "--turntable"), ("--turntable is not for a scene",)),
        (("out.png", "--up", "z"), ("--up is not for a scene",)),
        (("out.png", "--orbit"), ("--orbit is a film", ".mp4")),
        (("out.png", "--frames", 3), ("--frames is of a film",)),
        (("out.gif", "--orbit", "--spiral"), ("--orbit and --spiral",)),
        (("out.gif", "--azimuth", 3), ("--azimuth is of a single picture",)),
        (("out.gif", "--background", "transparent"), ("--background white or black",)),
        (("out.gif", "--fps", 99), ("at most 50", "99")),
        (("out.gif", "--frames", 0), ("--frames is 1 or more, got 0",)),
        (("out.png", "--elevation", 100), ("between -90 and 90", "100")),
        (("out.png", "--fov", 180), ("180",)),
        (("out.png", "--distance", -1), ("distance", "-1")),
        (("views.png", "--test"), ("folder", "views.png")),
        (("views", "--test", "--size", "20x20"), ("leave --size out",)),
        (("a.txt", "out.png"), ("a.txt is no path",)),
        (("a.json", "b.json", "out.png"), ("got 4 names",)),
        (("no.json", "out.gif"), ("no.json", "no such file")),
        (("out.png", "--size", "99999x99999"), ("99999x99999",)),
    ],
)
def test_what_is_refused(nf: Callable[..., Any], folder: Path, run: str, words: tuple, fragments: tuple) -> None:
    refused(nf, folder, ["render", run, *words, *TRUST], *fragments)


def test_exports(nf: Callable[..., Any], run: str) -> None:
    status, out, err = nf("export", run, "ball.ply", "--resolution", 24, "--level", 0.3, "--least-share", 0.1, *TRUST)
    assert (status, err) == (0, ""), err
    mesh = read_mesh("ball.ply")
    assert out.startswith(f"ball.ply: {len(mesh.vertices):,} vertices, ") and "watertight" in out
    assert mesh.colours is not None and np.linalg.norm(mesh.vertices - CENTRE, axis=1).max() < 0.6
    status, out, _ = nf("export", run, "ball.npz", "--resolution", 8, *TRUST)
    assert status == 0 and out.startswith("ball.npz: 9x9x9 densities and colours, ")


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("o.png",), ("is a scene", "o.png", ".glb")),
        (("o.glb", "--size", "20x20"), ("--size is not for a scene",)),
        (("o.glb", "--method", "dual-contouring"), ("--method is not for a scene",)),
        (("o.glb", "--level", 2), ("above 0 and below 1, got 2.0",)),
        (("o.npz", "--level", 0.5), ("--level is for meshes",)),
        (("o.ply", "--level", 1 - 1e-9), ("lower level, as in --level 0.33",)),
    ],
)
def test_exports_that_are_refused(
    nf: Callable[..., Any], folder: Path, run: str, words: tuple, fragments: tuple
) -> None:
    refused(nf, folder, ["export", run, *words, *TRUST], *fragments)


def test_parallel_cameras_look_as_far_as_their_files_tell(tmp_path: Path) -> None:
    photos = []
    for x in (-1.0, 0.0, 1.0):
        path, camera = tmp_path / f"{x:g}.png", Camera.look_at((x, 0, 0), (x, 0, -1), size=(8, 8))
        write_image(path, np.zeros((8, 8, 3), np.uint8))
        of = camera.pose.numpy(), camera.focal, camera.centre, camera.size
        photos.append(PosedPhoto(path, *of, near=4.0, far=12.0))
    write_scene(tmp_path, photos, "nerfstudio")
    options = Namespace(signal=None, quiet=True)
    found = render_scene._surroundings(BallScene(), {"path": str(tmp_path)}, options)
    assert found.target.tolist() == pytest.approx([0, 0, -6])
