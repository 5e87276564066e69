"""Images as signals: where pixels lie, what their numbers mean, what is told about them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from neuralfields import signals
from neuralfields.errors import InputError
from neuralfields.protocols import Signal
from neuralfields.signals import Image


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def everything(image: Image, n: int = 1000) -> tuple[torch.Tensor, torch.Tensor]:
    batches = list(image.chunks(n))
    return torch.cat([b.x for b in batches]), torch.cat([b.y for b in batches])


def test_x_points_right_and_y_down() -> None:
    array = numbers(3, 4, 3)
    image = Image.from_array(array)
    x, y = everything(image)
    assert (image.in_dim, image.out_dim, image.size, image.shape, image.kind) == (2, 3, 12, (3, 4, 3), "image")
    columns, rows = (x[:, 0] + 1) / 2 * 4 - 0.5, (x[:, 1] + 1) / 2 * 3 - 0.5
    wanted = array[rows.round().long(), columns.round().long()]
    assert torch.equal(y, torch.from_numpy(wanted).float() / 255)
    torch.testing.assert_close(x[0], torch.tensor([-3 / 4, -2 / 3]))
    assert x[1, 0] > x[0, 0]
    assert x[1, 1] == x[0, 1]


def test_the_frame_is_in_pixels_from_the_top_left_corner() -> None:
    image = Image.from_array(numbers(3, 4))
    assert image.frame.unit == "px"
    x, _ = everything(image)
    world = image.frame.to_world(x)
    torch.testing.assert_close(world[0], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(world[-1], torch.tensor([3.5, 2.5]))


def test_a_drawn_batch_is_what_its_index_says() -> None:
    image = Image.from_array(numbers(9, 7, 2))
    batch = image.draw(20, seed=1, step=2)
    x, y = everything(image)
    assert batch.index is not None
    assert len(batch) == 20
    assert torch.equal(batch.x, x[batch.index])
    assert torch.equal(batch.y, y[batch.index])
    assert torch.equal(batch.index, image.lattice.draw(20, seed=1, step=2))


@pytest.mark.parametrize("n", [1, 5, 12, 100])
def test_chunks_are_everything_in_order(n: int) -> None:
    image = Image.from_array(numbers(3, 4, 1))
    batches = list(image.chunks(n))
    assert all(len(batch) <= n for batch in batches)
    assert torch.cat([b.index for b in batches if b.index is not None]).tolist() == list(range(12))


@pytest.mark.parametrize(
    ("dtype", "given", "wanted", "linear"),
    [
        ("uint8", [0, 51, 255], [0.0, 0.2, 1.0], False),
        ("uint16", [0, 13107, 65535], [0.0, 0.2, 1.0], False),
        ("float16", [0.0, 0.25, 1.0], [0.0, 0.25, 1.0], False),
        ("float32", [0.0, 0.1, 1.0], [0.0, 0.1, 1.0], False),
        ("float64", [0.0, 0.1, 1.0], [0.0, 0.1, 1.0], False),
        ("float32", [0.0, 0.1, 7.5], [0.0, 0.1, 7.5], True),
        ("float64", [-0.5, 0.1, 1.0], [-0.5, 0.1, 1.0], True),
        ("float16", [0.0, 0.5, 1000.0], [0.0, 0.5, 1000.0], True),
    ],
)
def test_numbers_and_their_units(dtype: str, given: list[float], wanted: list[float], linear: bool) -> None:
    image = Image.from_array(np.array([given], dtype=dtype))
    _, y = everything(image)
    assert y.dtype == torch.float32
    assert torch.equal(y[:, 0], torch.tensor(wanted))
    assert image.linear is linear


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_channels(channels: int | None) -> None:
    image = Image.from_array(numbers(2, 3) if channels is None else numbers(2, 3, channels))
    assert image.out_dim == (channels or 1)
    assert image.shape == (2, 3, channels or 1)


def test_arrays_that_are_turned_or_cut_are_read_right() -> None:
    array = numbers(8, 6, 3)[::-2, 1:5].transpose(1, 0, 2)
    image = Image.from_array(array)
    assert np.array_equal(image.values, array)
    assert torch.equal(everything(image)[1], torch.from_numpy(array.copy()).reshape(-1, 3).float() / 255)
    same = Image.from_array(array.copy()).describe()["sha256"]
    assert image.describe()["sha256"] == same


def test_arrays_that_cannot_be_written_or_have_another_byte_order_are_read_right() -> None:
    array = numbers(8, 6, 3).astype(">u2") * 257
    array.flags.writeable = False
    assert torch.equal(everything(Image.from_array(array))[1], torch.from_numpy(array / 65535).reshape(-1, 3).float())


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros(5), r"\[height, width\] or \[height, width, 1..4\], got an array \[5\]"),
        (np.zeros((2, 2, 5)), r"got an array \[2, 2, 5\]"),
        (np.zeros((2, 2, 0)), r"got an array \[2, 2, 0\]"),
        (np.zeros((2, 2, 3, 1)), r"got an array \[2, 2, 3, 1\]"),
        (np.zeros((2, 2), dtype=np.int64), "uint8, uint16 or floats, got int64"),
        (np.zeros((2, 2), dtype=bool), "got bool"),
        (np.zeros((2, 2), dtype=complex), "got complex128"),
        (np.array([["a", "b"]]), "got <U1"),
        (np.zeros((0, 2)), "no picture|pixels"),
        (np.array([[0.0, np.nan]]), "not finite"),
        (np.array([[0.0, np.inf]]), "not finite"),
        (np.array([[0.0, 1e300]]), "not finite"),
        (np.array([[0.5]]), "a single pixel"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_arrays_that_are_no_images(array: np.ndarray, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Image.from_array(array)


def test_holdout() -> None:
    image = Image.from_array(numbers(10, 10), holdout=0.3)
    held = torch.cat([b.index for b in image.held_out(7) if b.index is not None])
    drawn = image.draw(1000, seed=0, step=0).index
    assert drawn is not None
    assert sorted([*held.tolist(), *drawn.tolist()]) == list(range(100))
    assert len(held) == 30
    x, y = everything(image)
    for batch in image.held_out(7):
        assert torch.equal(batch.x, x[batch.index])
        assert torch.equal(batch.y, y[batch.index])


def test_what_is_told() -> None:
    array = numbers(4, 5, 3)
    told = Image.from_array(array, name="mine", holdout=0.25).describe()
    digest = told.pop("sha256")
    assert told == {
        "kind": "image",
        "name": "mine",
        "shape": [4, 5, 3],
        "dtype": "uint8",
        "colour": "srgb",
        "holdout": 0.25,
    }
    assert json.loads(json.dumps(told)) == told
    assert len(digest) == 64
    assert Image.from_array(array.copy()).describe()["sha256"] == digest
    array[0, 0, 0] += 1
    assert Image.from_array(array).describe()["sha256"] != digest
    assert Image.from_array(array.reshape(5, 4, 3)).describe()["sha256"] != Image.from_array(array).describe()["sha256"]
    assert Image.from_array(np.full((2, 2), 2.0)).describe()["colour"] == "linear"


def test_it_is_a_signal() -> None:
    image = Image.from_array(numbers(4, 5))
    assert isinstance(image, Signal)
    assert signals.as_signal(image) is image
    assert not isinstance(np.zeros(3), Signal)


def test_as_signal(tmp_path: Path) -> None:
    assert signals.as_signal(numbers(4, 5)).size == 20
    assert signals.as_signal(torch.rand(4, 5, 3)).out_dim == 3
    path = tmp_path / "array.npy"
    np.save(path, numbers(4, 5, 3))
    for given in (path, str(path)):
        read = signals.as_signal(given)
        assert isinstance(read, Image)
        assert read.name == "array.npy"
        assert np.array_equal(read.values, numbers(4, 5, 3))
    with pytest.raises(InputError, match=r"a signal, an array, a pair \(x, y\) or a path can be fitted, not a int"):
        signals.as_signal(3)


def test_kinds(tmp_path: Path) -> None:
    assert signals.kind_of("a/photo.PNG") == "image"
    with pytest.raises(InputError, match=r"song\.mp3: the name does not tell what it holds"):
        signals.kind_of("song.mp3")
    with pytest.raises(InputError, match="no kind of signal is called 'smell'; there are: image, mesh, points"):
        signals.read(tmp_path / "a.png", kind="smell")


def test_a_photo(data: Path) -> None:
    image = Image.read(data / "images" / "skimage" / "astronaut.png", holdout=0.5)
    assert image.shape == (512, 512, 3)
    assert image.name == "astronaut.png"
    assert not image.linear
    batch = next(image.chunks(1))
    assert torch.equal(batch.y[0] * 255, torch.from_numpy(image.values[0, 0]).float())


def test_a_linear_picture(data: Path) -> None:
    image = Image.read(data / "images" / "hdr" / "StillLife.exr")
    assert image.linear
    assert image.shape[:2] == (846, 1240)
    assert float(image.values.max()) > 100
