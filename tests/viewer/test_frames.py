"""Pictures drawn for a page are those that the library draws."""

import dataclasses
import io

import numpy as np
import pages
import pytest
import torch
from PIL import Image as Picture
from test_items import Ball, image
from tiny_scenes import BallField, write

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.geometry import Camera
from neuralfields.render import Surface, image_values, render_surface, render_view
from neuralfields.viewer.frames import draw, factors
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import Draw, Look
from neuralfields.viewer.worker import GivenUp

CLOSE = 0.03  # mean difference that JPEG makes


def asked(mode="fit", *, window=None, camera=None, size=(32, 24), at=0.0, **look) -> Draw:
    pose = None if camera is None else tuple(camera.pose.flatten().tolist())
    focal = None if camera is None else camera.focal[1] / camera.size[1]
    return Draw(1, 0, *size, mode, window, pose, focal, 2, at, Look(**look))


def drawn(item: Item, wanted: Draw, factor: int = 1) -> np.ndarray:
    return np.asarray(Picture.open(io.BytesIO(draw(item, wanted, factor)[0]))) / 255


def test_pictures_come_coarse_first():
    assert factors(asked(size=(768, 512))) == [8, 4, 2, 1]
    assert factors(asked(size=(40, 20))) == [2, 1]
    assert drawn(Item(pages.Odd(), name="odd"), asked(size=(33, 20)), 4).shape == (5, 9, 3)


def test_an_image_and_its_window():
    field, window = pages.small_field(), (-0.5, -1.0, 0.25, 0.5)
    picture = drawn(Item(field, name="a"), asked(window=window))
    wanted = image_values(field, (32, 24), crop=window).clip(0, 1)
    assert np.abs(picture - wanted).mean() < CLOSE


def test_truth_and_error_of_an_image():
    truth = pages.picture()
    item = Item(pages.Odd(), image(truth), name="a")
    assert np.abs(drawn(item, asked("truth", size=(16, 12))) - truth).mean() < CLOSE
    outside = drawn(item, asked("truth", window=(1.0, -1.0, 3.0, 1.0)))
    assert np.abs(outside - 0.92).mean() < CLOSE
    error = drawn(item, asked("error", size=(16, 12), map="grey", scale=2.0))
    wanted = np.abs(image_values(item.field, (16, 12)) - truth).max(-1) / 2
    assert np.abs(error[..., 0] - wanted.clip(0, 1)).mean() < CLOSE
    larger = drawn(item, asked("error", size=(64, 48), map="grey", scale=2.0))[..., 0].reshape(12, 4, 16, 4)
    assert np.abs(larger.mean((1, 3)) - wanted.clip(0, 1)).mean() < CLOSE / 3  # as at the pixels' centres
    assert drawn(item, asked("gradient", size=(1, 1))).shape == (1, 1, 3)


def test_a_surface():
    camera = Camera.orbit(size=(32, 24))
    picture = drawn(Item(Ball(), name="ball"), asked("fit", camera=camera))
    wanted = render_surface(Surface(Ball()), camera, background="white", samples=4)
    assert np.abs(picture - wanted).mean() < CLOSE


@pytest.mark.parametrize(("mode", "shown"), [("colour", "colour"), ("depth", "depth"), ("opacity", "opacity")])
def test_a_scene(tmp_path, mode, shown):
    scene = nf.signals.PosedImages.read(write(tmp_path / "ball", 4, 1))
    item = Item(BallField(scene.frame), scene, name="ball")
    picture = drawn(item, asked(mode, camera=scene.cameras[0].in_box(scene.frame), size=(16, 16), map="grey"))
    wanted = render_view(item.field, scene.cameras[0], frame=scene.frame).picture(shown, "white")
    assert np.abs(picture - wanted).mean() < CLOSE


class Axes(nf.Field):
    """Each axis in a colour of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim = self.out_dim = 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.5 + 0.4 * x


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_plane_of_a_volume(axis):
    wanted = dataclasses.replace(asked(at=0.5), axis=axis)
    picture = drawn(Item(Axes(), name="volume"), wanted)
    columns, rows = (each for each in (0, 1, 2) if each != axis)
    right, down = (np.full((24, 32), 0.5) for _ in range(2))
    right += 0.4 * ((np.arange(32) + 0.5) / 16 - 1)
    down += 0.4 * ((np.arange(24) + 0.5) / 12 - 1)[:, None]
    for channel, there in ((columns, right), (rows, down), (axis, 0.7)):
        assert np.abs(picture[..., channel] - there).mean() < CLOSE


@pytest.mark.parametrize("mode", ["fit", "error", "gradient"])
def test_values_that_are_not_finite_make_a_picture(mode, capfd):
    item = Item(pages.Odd(), image(pages.picture()), name="a")
    item.field.shift.data.fill_(float("nan"))
    drawn(item, asked(mode))
    assert capfd.readouterr().err == ""


def test_a_shape_in_double_precision():
    torch.manual_seed(0)
    field = nf.networks.Siren(3, 1, width=16, depth=1).double()
    field.provenance = {"signal": {"kind": "shape", "form": "sdf"}}
    camera = Camera.orbit(size=(32, 24))
    picture = drawn(Item(field, name="shape"), asked("normal", camera=camera))
    wanted = render_surface(Surface(field), camera, mode="normals", background="white", samples=4)
    assert np.abs(picture - wanted).mean() < CLOSE


@pytest.mark.parametrize("dim", [2, 3])
def test_a_plane_in_double_precision(dim):
    torch.manual_seed(0)
    field = nf.networks.Siren(dim, 3, width=16, depth=1)
    plain = drawn(Item(field, name="a"), asked(at=0.5))
    item = Item(field.double(), name="a")
    assert np.abs(drawn(item, asked(at=0.5)) - plain).mean() < CLOSE
    assert len(item.probe(1, (0.1, 0.2, 0.3)[:dim]).value) == 3


def test_a_field_that_knows_nothing_of_its_signal():
    ball = Ball()
    ball.provenance = {"signal": None}
    drawn(Item(ball, name="ball"), asked("fit", camera=Camera.orbit(size=(32, 24))))


def test_a_picture_that_nobody_waits_for():
    left = iter([True, True])
    with pytest.raises(GivenUp):
        draw(Item(pages.Odd(), name="a"), asked(size=(256, 256)), 1, lambda: next(left, False))


def test_what_is_not_drawn():
    with pytest.raises(InputError, match="of an image, not opacity"):
        draw(Item(pages.Odd(), name="a"), asked("opacity"), 1)
    with pytest.raises(InputError, match="there is no image to compare a with"):
        draw(Item(pages.Odd(), name="a"), asked("truth"), 1)
    with pytest.raises(InputError, match="needs the camera's pose"):
        draw(Item(Ball(), name="a"), asked("depth"), 1)
    with pytest.raises(InputError, match="of a shape, not error"):
        draw(Item(Ball(), name="a"), asked("error"), 1)
    mirrored = Camera.orbit(size=(32, 24))
    mirrored.pose[:, 0] *= -1
    with pytest.raises(InputError, match="a camera's pose turns without scaling or mirroring"):
        draw(Item(Ball(), name="a"), asked(camera=mirrored), 1)
