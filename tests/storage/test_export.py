"""Exports: where values lie, and light against what a screen shows."""

import numpy as np
import pytest
import torch

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.files.images import read_image
from neuralfields.geometry import Frame
from neuralfields.render.imaging import as_light, displayed, image_values
from neuralfields.storage.export import export_image


class Ramp(nf.Field):
    """Right, down, and a constant, in pixels of an image of 40 x 20."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 2, 3
        self.frame = Frame.of_box((0, 0), (40, 20), "px")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([(x + 1) * torch.tensor([20.0, 10.0]), torch.full_like(x[..., :1], 0.25)], -1)


def test_pixels_are_centres() -> None:
    values = image_values(Ramp(), (40, 20))
    np.testing.assert_allclose(values[3, 7], [7.5, 3.5, 0.25], atol=1e-5)


def test_a_crop_is_in_pixels_of_the_source(tmp_path) -> None:
    assert export_image(Ramp(), tmp_path / "part.npy", crop=(10, 5, 14, 7), size=(8, 4)) == (8, 4)
    values = np.load(tmp_path / "part.npy")
    np.testing.assert_allclose(values[0, 0, :2], [10.25, 5.25], atol=1e-5)
    np.testing.assert_allclose(values[-1, -1, :2], [13.75, 6.75], atol=1e-5)
    with pytest.raises(InputError, match="must lie within the image"):
        export_image(Ramp(), tmp_path / "part.npy", crop=(10, 5, 41, 7))


def test_the_curve_and_its_inverse() -> None:
    # 0.5 of the light is 0.7354 on the screen (IEC 61966-2-1); alpha is no light.
    shown = displayed(np.array([[0.0, 0.5, 1.0, 0.5], [7.0, 0.001, -1.0, 0.2]]), linear=True)
    np.testing.assert_allclose(shown, [[0, 0.7354, 1, 0.5], [1, 0.01292, 0, 0.2]], atol=1e-4)
    values = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(as_light(displayed(values, linear=True)), values, atol=1e-6)


@pytest.mark.parametrize(("colour", "name", "wanted"), [
    ("linear", "a.png", 0.5371), ("linear", "a.exr", 0.25), ("linear", "a.npy", 0.25),
    ("srgb", "a.png", 0.25), ("srgb", "a.exr", 0.0509), ("srgb", "a.npy", 0.25),
])  # fmt: skip
def test_formats_get_the_light_they_expect(tmp_path, colour, name, wanted) -> None:
    field = Ramp()
    field.provenance = {"signal": {"colour": colour}}
    export_image(field, tmp_path / name, size=(4, 4))
    values = read_image(tmp_path / name).values[..., 2]
    scale = 255 if values.dtype == np.uint8 else 1
    np.testing.assert_allclose(values / scale, wanted, atol=0.003)
