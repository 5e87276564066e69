"""Pictures and films of shapes by the command."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_bad_input import refused

import neuralfields
from neuralfields.files.images import read_image


@pytest.fixture
def ball(folder: Path) -> str:
    """A SIREN that knows a ball, as ball.nf."""
    torch.manual_seed(0)
    field = neuralfields.networks.Siren(3, 1, width=16, depth=2, first_omega=3.0, hidden_omega=3.0)
    signal = neuralfields.signals.Solid(lambda x: x.norm(dim=-1, keepdim=True) - 0.6, sampling={"samples": 20_000})
    neuralfields.fit(field, signal, objective=neuralfields.objectives.Regression("l1"), steps=400, batch=1000)
    neuralfields.save(field, "ball.nf")
    return "ball.nf"


def test_a_picture(nf: Callable, ball: str) -> None:
    status, out, err = nf("render", ball, "out.png", "--size", "64x48")
    assert (status, err) == (0, "") and out.startswith("out.png: 64x48, shaded")
    values = read_image("out.png").values
    assert values.shape == (48, 64, 3)
    assert (values[0] == 255).all() and values[24, 32].max() < 250  # white around, a shape in the middle
    for words in (("--mode", "normals"), ("--mode", "depth", "--background", "black"), ("--up", "z", "--azimuth", -90)):
        assert nf("render", ball, "other.png", "--size", "32x32", *words).status == 0
    assert nf("render", ball, "clear.png", "--size", "32x32", "--background", "transparent").status == 0
    assert read_image("clear.png").values[0, 0, 3] == 0


def test_a_film(nf: Callable, ball: str) -> None:
    words = ("--turntable", "--frames", 4, "--size", "24x24")
    status, out, err = nf("render", ball, "out.gif", *words, "--fps", 10)
    assert status == 0 and "4 pictures" in out and "picture 4 of 4" in err
    with Image.open("out.gif") as film:
        assert film.n_frames == 4 and film.info["duration"] == 100
    pytest.importorskip("av", reason="PyAV is an extra: pip install 'neuralfields[video]'")
    status, out, err = nf("render", ball, "out.mp4", *words, "--quiet")
    assert (status, err) == (0, "") and Path("out.mp4").stat().st_size > 500


@pytest.mark.parametrize(
    ("out", "words", "fragments"),
    [
        ("out.xyz", (), ("out.xyz", ".png")),
        ("no/out.png", (), ("there is no folder no",)),
        ("out.gif", (), ("--turntable",)),
        ("out.png", ("--turntable",), ("out.png", ".gif .mp4")),
        ("out.gif", ("--turntable", "--frames", 1), ("--frames is 2 or more", "1")),
        ("out.gif", ("--turntable", "--fps", 99), ("at most 50", "99")),
        ("out.gif", ("--turntable", "--background", "transparent"), ("--background",)),
        ("out.png", ("--frames", 8), ("--frames", "--turntable")),
        ("out.png", ("--elevation", 100), ("elevation", "100")),
        ("out.png", ("--fov", 0), ("0",)),
        ("out.png", ("--distance", -1), ("distance", "-1")),
        ("out.png", ("--size", "99999x99999"), ("99999x99999",)),
    ],
)
def test_what_is_refused(nf: Callable, folder: Path, ball: str, out: str, words: tuple, fragments: tuple) -> None:
    refused(nf, folder, ["render", ball, out, *words], *fragments)


def test_pictures_are_not_rendered(nf: Callable, folder: Path, run: Path) -> None:
    refused(nf, folder, ["render", run, "out.png"], "nf export")


def test_a_field_without_a_surface_is_a_white_picture(nf: Callable, folder: Path) -> None:
    field = neuralfields.networks.MLP(3, 1, width=4, depth=1)
    with torch.no_grad():
        field.layers[-1].bias.fill_(5.0)
    neuralfields.save(field, "empty.nf")
    assert nf("render", "empty.nf", "out.png", "--size", "16x16").status == 0
    assert np.ptp(read_image("out.png").values) == 0
