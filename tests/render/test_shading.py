"""Pictures of surfaces: what covers which pixels, normals, backgrounds, turning."""

import math

import numpy as np
import pytest
import torch

from neuralfields.errors import InputError
from neuralfields.geometry import Camera, solids
from neuralfields.render import MODES, Surface, framed, render_surface, turntable

BALL = Surface(solids.sphere(0.6))
CAMERA = Camera.look_at((0.0, 0.0, 3.0), fov=40.0, size=(96, 96))


def test_the_silhouette_has_the_area_of_the_ball() -> None:
    cover = render_surface(BALL, CAMERA, mode="silhouette", samples=16)[..., 3]
    radius = CAMERA.focal[0] * math.tan(math.asin(0.6 / 3))
    assert cover.sum() == pytest.approx(math.pi * radius**2, rel=5e-3)
    assert {0.0, 1.0} < set(np.unique(cover))  # and something between, at the edge


def test_normals_are_those_of_the_ball() -> None:
    picture = render_surface(BALL, CAMERA, mode="normals", samples=1)
    hit = picture[..., 3] == 1
    normals = picture[hit][:, :3] * 2 - 1
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)
    middle = picture[48, 48, :3] * 2 - 1
    np.testing.assert_allclose(middle, [0, 0, 1], atol=0.03)
    assert (picture[48, 70, :3] * 2 - 1)[0] > 0.4 and (picture[26, 48, :3] * 2 - 1)[1] > 0.4


def test_depth_is_nearest_in_the_middle() -> None:
    depth = render_surface(BALL, CAMERA, mode="depth", samples=1)
    hit = depth[..., 3] == 1
    assert depth[47:49, 47:49, 0].min() > 0.99 and depth[hit][:, 0].min() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", ["sdf", "occupancy", "udf"])
def test_every_mode_of_every_form(mode: str, form: str) -> None:
    level = solids.sphere(0.6)
    field = {"sdf": level, "occupancy": lambda x: -9 * level(x), "udf": lambda x: level(x).abs()}[form]
    picture = render_surface(Surface(field, form), CAMERA, mode=mode)  # type: ignore[arg-type]
    assert picture.shape == (96, 96, 4) and picture.dtype == np.float32
    assert np.isfinite(picture).all() and 0 <= picture.min() <= picture.max() <= 1
    assert picture[48, 48, 3] == 1 and picture[0, 0, 3] == 0


def test_backgrounds() -> None:
    for background, value in (("white", 1.0), ("black", 0.0)):
        picture = render_surface(BALL, CAMERA, background=background)  # type: ignore[arg-type]
        assert picture.shape == (96, 96, 3) and (picture[0, 0] == value).all()


def test_the_default_camera_has_all_of_the_shape_in_its_picture() -> None:
    for level in (solids.sphere(0.9), solids.box((0.9, 0.1, 0.2)), solids.sphere(0.1, (0.7, -0.7, 0.5))):
        cover = render_surface(Surface(level), framed(Surface(level), size=(64, 48)), mode="silhouette")[..., 3]
        assert cover[0].max() == cover[-1].max() == cover[:, 0].max() == cover[:, -1].max() == 0
        rows, columns = np.nonzero(cover)
        assert max(np.ptp(rows) / 48, np.ptp(columns) / 64) > 0.6


def test_a_turntable_goes_around() -> None:
    surface = Surface(solids.box((0.6, 0.3, 0.2)))
    pictures = list(turntable(surface, frames=4, elevation=0.0, azimuth=0.0, size=(48, 48), mode="silhouette"))
    widths = [np.ptp(np.nonzero(picture[..., 0] < 0.5)[1]) for picture in pictures]
    assert len(pictures) == 4 and widths[0] == widths[2] > 1.5 * widths[1] and abs(widths[1] - widths[3]) <= 1
    np.testing.assert_array_equal(
        next(turntable(surface, frames=9, size=(32, 32))), next(turntable(surface, frames=9, size=(32, 32)))
    )


def test_float64_fields_and_what_is_refused() -> None:
    field = torch.nn.Sequential(torch.nn.Linear(3, 1)).double()
    assert render_surface(Surface(field), CAMERA, samples=1).shape == (96, 96, 4)
    for settings, text in (
        ({"mode": "x-ray"}, "mode"),
        ({"background": "red"}, "background"),
        ({"samples": 0}, "samples"),
    ):
        with pytest.raises(InputError, match=text):
            render_surface(BALL, CAMERA, **settings)
    with pytest.raises(InputError, match="frames"):
        turntable(BALL, frames=1)
    with pytest.raises(InputError, match="pixels"):
        render_surface(BALL, Camera.look_at((0.0, 0.0, 3.0), size=(1 << 14, 1 << 13)))
