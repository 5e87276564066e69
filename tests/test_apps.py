"""What the applications draw of a small picture."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "apps"))
import compare_methods

from neuralfields.errors import InputError


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
