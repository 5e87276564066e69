"""Pictures as bytes: kinds of numbers, making smaller, masks, and what is refused."""

import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter

from neuralfields.errors import InputError
from neuralfields.geometry import Camera
from neuralfields.geometry.lenses import Lens
from neuralfields.signals import Pictures
from neuralfields.signals.pictures import dilated, shrunk, shrunk_camera, shrunk_mask

RANDOM = np.random.default_rng(0)


def test_several_sizes_in_one_block() -> None:
    images = [RANDOM.integers(0, 256, (5, 7, 3)).astype(np.uint8), RANDOM.integers(0, 256, (2, 3, 4)).astype(np.uint8)]
    made = Pictures.of(images)
    assert made.alpha and made.sizes == [(7, 5), (3, 2)] and made.starts.tolist() == [0, 35, 41]
    assert made.values.shape == (41, 4) and made.values.dtype == np.uint8
    assert np.array_equal(made[0], np.dstack([images[0], np.full((5, 7), 255, np.uint8)]))
    assert np.array_equal(made[1], images[1])


def test_all_kinds_of_numbers() -> None:
    wide = np.array([0, 128, 129, 385, 386, 65535], np.uint16).reshape(1, 6, 1)
    assert Pictures.of([wide])[0][0, :, 0].tolist() == [0, 0, 1, 1, 2, 255]
    floats = np.array([0, 0.5, 0.7, 1]).reshape(2, 2, 1)
    assert Pictures.of([floats])[0].reshape(4, 3).tolist() == [[0] * 3, [128] * 3, [178] * 3, [255] * 3]
    grey = np.dstack([np.full((1, 2), 9, np.uint8), np.full((1, 2), 50, np.uint8)])
    assert Pictures.of([grey])[0].tolist() == [[[9, 9, 9, 50]] * 2]


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.zeros((4, 4)), r"\[height, width, 1..4\], got \[4, 4\]"),
        (np.zeros((4, 0, 3)), r"got \[4, 0, 3\]"),
        (np.full((2, 2, 3), 1.5), "floats in \\[0, 1\\]"),
        (np.full((2, 2, 3), np.nan), "floats in \\[0, 1\\]"),
        (np.zeros((2, 2, 3), np.int64), "got int64"),
    ],
)
def test_no_pictures(image: np.ndarray, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Pictures.of([image])


def test_means_of_squares() -> None:
    image = RANDOM.integers(0, 256, (7, 9, 3)).astype(np.uint8)
    expected = image[:6, :9].reshape(2, 3, 3, 3, 3).mean((1, 3))
    assert np.abs(shrunk(image, 3) - expected).max() <= 0.5
    assert shrunk(image, 1) is image


def test_means_are_weighted_by_alpha() -> None:
    image = np.array([[[200, 10, 0, 255], [100, 50, 9, 85]], [[7, 7, 7, 0], [7, 7, 7, 0]]], np.uint8)
    assert shrunk(image, 2).tolist() == [[[175, 20, 2, 85]]]
    clear = np.array([[[8, 8, 8, 0], [4, 4, 4, 0]]] * 2, np.uint8)
    assert shrunk(clear, 2).tolist() == [[[6, 6, 6, 0]]]
    full = np.full((4, 4, 4), 255, np.uint8)
    assert (shrunk(full, 4) == 255).all()


def test_a_smaller_camera_sees_the_same() -> None:
    camera = Camera(torch.eye(4), (30.0, 32.0), (23, 17), (11.0, 9.5), Lens("opencv", (0.1, 0.02)))
    small = shrunk_camera(camera, 3)
    assert small.size == (7, 5)
    place = torch.tensor([[0.5, 0.5], [3.0, 2.0], [7.0, 5.0]])
    torch.testing.assert_close(small.rays(place).direction, camera.rays(3 * place).direction)


def test_masks() -> None:
    mask = RANDOM.random((30, 41)) > 0.97
    for reach in (0, 1, 5):
        assert np.array_equal(dilated(mask, reach), maximum_filter(mask, 2 * reach + 1, mode="constant"))
    small = shrunk_mask(~mask, 4)
    assert small.shape == (7, 10)
    assert np.array_equal(small, (~mask)[:28, :40].reshape(7, 4, 10, 4).min((1, 3)))
