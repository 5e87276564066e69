"""Pictures of made-up rows: where things are, and that nothing is cut off."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neuralfields.bench import pictures
from neuralfields.files.images import read_image, write_image


def row(method: str, psnr: float, **more: Any) -> dict[str, Any]:
    curve = [{"seconds": 0.1 * 4**i, "step": 4**i, "psnr": psnr - 5 + i} for i in range(6)]
    bands = [{"cycles": 2**i, "error": 10 ** (i - 5)} for i in range(5)] + [{"cycles": 32, "error": None}]
    about = {"method": method, "image": "a.png", "seed": 0, "backend": "reference", "params": 10}
    return {**about, "psnr": psnr, "curve": curve, "bands": bands, **more}


@pytest.mark.parametrize("count", [1, 2, 45])
def test_labels_keep_apart_and_near(count: int) -> None:
    wanted = sorted((37 * i) % 101 / 10 for i in range(count))
    found = pictures.spread(wanted, 2.0, -10.0, 90.0)
    assert all(b - a >= 2 - 1e-9 for a, b in pairwise(found))
    assert found[0] >= -10 and found[-1] <= 90
    assert pictures.spread([1.0, 50.0], 2.0, -10.0, 90.0) == [1.0, 50.0]
    assert pictures.spread([5.0, 5.0], 2.0, -10.0, 90.0) == [4.0, 6.0]


@pytest.mark.parametrize("count", [1, 3, 45])
def test_pictures_of_many_and_few(tmp_path: Path, count: int) -> None:
    photo = tmp_path / "a.png"
    Image.fromarray(np.full((20, 30, 3), 128, np.uint8)).save(photo)
    rows = [row(f"method{i}", 20 + i / 3) for i in range(count)]
    (tmp_path / "fits").mkdir()
    for i in range(count):
        fit = np.full((20, 30, 3), 128 + i, np.uint8)
        Image.fromarray(fit).save(pictures.fit_path(tmp_path, "a.png", f"method{i}", 0, "reference"))
    drawn = pictures.methods(
        [*rows, {"method": "x", "image": "a.png", "backend": "reference", "error": "no"}], [photo], tmp_path
    )
    assert set(drawn) == {"course-a.png", "bands-a.png", "errors-a.png"}
    for picture in drawn.values():
        values = np.asarray(picture)
        edge = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
        assert (edge == 255).all() and values.min() < 100 and values.mean() > 128


def test_error_maps_show_the_best_and_the_worst() -> None:
    assert pictures._some(list(range(4))) == [0, 1, 2, 3]
    assert pictures._some(list(range(40)))[:6] == [0, 1, 2, 3, 4, 5] and pictures._some(list(range(40)))[-1] == 39
    assert len(pictures._some(list(range(40)))) == 11


COLOURS = np.stack(np.broadcast_arrays(*np.ogrid[0:200:20j, 0:250:30j], 128.0), -1).astype(np.uint8)


def save_turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(COLOURS).save(path, exif=exif)


@pytest.mark.parametrize(
    ("name", "save", "shape"),
    [
        ("a.jpg", save_turned, (30, 20, 3)),
        ("a.png", lambda path: Image.fromarray(COLOURS).quantize(16).save(path), (20, 30, 3)),
        ("a.png", lambda path: Image.fromarray(COLOURS[..., 0]).convert("1").save(path), (20, 30, 1)),
        ("a.npy", lambda path: np.save(path, COLOURS.astype(np.float32) / np.float32(255)), (20, 30, 3)),
    ],
    ids=["turned", "palette", "1-bit", "npy"],
)
def test_errors_are_those_of_the_image_that_was_fitted(tmp_path: Path, name: str, save: Any, shape: Any) -> None:
    """A perfect fit has none, whatever the file, and the image is shown as fits see it."""
    save(tmp_path / name)
    truth = read_image(tmp_path / name).values
    assert truth.shape == shape
    (tmp_path / "fits").mkdir()
    write_image(pictures.fit_path(tmp_path, name, "a", 0, "reference"), truth)
    drawn = np.asarray(pictures.error_maps([row("a", 20.0)], tmp_path / name, tmp_path))
    height, width = (10 * side for side in shape[:2])
    image, error = (drawn[50 : 50 + height, left : left + width] for left in (8, 16 + width))
    assert (image[5::10, 5::10] == (truth if truth.dtype == np.uint8 else COLOURS)).all() and (error == 255).all()


def test_no_maps_without_fits(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    assert pictures.error_maps([row("a", 20.0)], tmp_path / "a.png", tmp_path) is None


def test_colours_of_a_tone_map() -> None:
    """An error of 1 is red, below 0.01 blue; the highest frequency is on top."""
    curve = [{"step": 1, "errors": [1.0, 1.0]}, {"step": 100, "errors": [0.001, 1.0]}]
    rows = [{"method": "a", "params": 1, "tones": [1, 2], "curve": curve, "learned": [100, None], "seed": 0}]
    values = np.asarray(pictures.spectra(rows)["spectrum.png"])
    red, blue = ((values == colour).all(-1) for colour in ((0xC0, 0x30, 0x20), (0x08, 0x51, 0x9C)))
    legend = values.shape[0] - 45
    assert red[:legend].any() and blue[:legend].any()
    assert np.argwhere(red[:legend])[:, 0].min() < np.argwhere(blue[:legend])[:, 0].min()
    assert pictures.spectra([{"method": "a", "error": "no"}]) == {}


@pytest.mark.parametrize(("value", "rounded"), [(0.05, 0.05), (0.051, 0.08), (0.3, 0.4), (0.9, 1.0), (0.0, 1e-6)])
def test_scales_end_at_round_numbers(value: float, rounded: float) -> None:
    assert pictures._round_up(value) == pytest.approx(rounded)
