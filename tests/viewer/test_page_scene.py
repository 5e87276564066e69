"""A radiance field in Chromium's page: its cameras, their photos, what of it is left away, and other ways to see it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pages
import pytest
import torch
from windows import Window, scene_item

from neuralfields.viewer import packing
from neuralfields.viewer.items import Item
from neuralfields.viewer.page import export_page
from neuralfields.viewer.server import Server

SMALL = {"width": 320, "height": 250}  # the picture has 160 by about 100 pixels
HERE = "&view=" + quote('{"by": "here"}')  # however long it seems to take on a busy machine


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Item:
    return scene_item(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def served(scene: Item) -> Iterator[Server]:
    with pages.serving(scene) as server:
        yield server


def told(scene: Item, place: np.ndarray) -> str:
    """A place in the world as the page writes it: with four digits and true minus signs."""
    frame = scene.field.frame
    assert frame is not None
    world = frame.to_world(torch.from_numpy(place[:3])[None])[0].tolist()
    return "  ".join(f"{value:.{3 if abs(value) >= 1 else 4}f}" for value in world).replace("-", "\N{MINUS SIGN}")


def test_every_mode_of_a_scene(chromium, served):
    with Window(chromium, served.url + HERE, size=SMALL) as window:
        for mode in ("normal", "depth", "opacity", "colour"):
            window.choose(mode)
            window.exact()
            window.until(lambda: window.colours() > 10, f"nothing in {mode}")
            assert window.mode() == mode
            assert bool(window.text(".legend")) == (mode == "depth")
        window.shoot("scene")
        assert not window.errors


def test_cameras_and_their_photos(chromium, served):
    with Window(chromium, served.url + HERE, size=SMALL) as window:
        window.exact()
        window.panel()
        cameras = window.labelled("Jump to a camera")
        names = [name.strip() for name in cameras.locator("option").all_inner_texts()]
        assert len(names) == 9 and [name for name in names if name.endswith("(held out)")] == names[8:]
        cameras.select_option("4")
        window.until(lambda: window.view().get("camera", {}).get("view") == 4, "it is not at the camera")
        window.exact()
        window.until(lambda: window.text(".toolbar").find("Error") >= 0, "no error to be seen")
        window.labelled("Photo").fill("1")
        window.until(lambda: window.page.evaluate("document.querySelector('img.photo')?.complete"), "no photo")
        window.labelled("Photo").fill("0")
        window.until(lambda: not window.page.evaluate("document.querySelector('img.photo')"), "the photo stays")
        for mode in ("split", "error"):
            window.choose(mode)
            window.exact()
            window.until(lambda: window.colours() > 10, f"nothing in {mode}")
        assert window.text(".legend")
        window.shoot("scene-error")
        window.page.locator("canvas").focus()
        window.press("ArrowLeft")  # turned away from the camera, there is no photo of what one sees
        assert window.view()["camera"].get("view") is None
        window.labelled("Show them").check()
        window.exact()
        window.shoot("scene-cameras")
        assert not window.errors


def test_cameras_that_come_after_the_first_picture(chromium, scene):
    """Who has not moved begins at one of them then, as where they were there at first."""
    whole = scene.shown
    scene.shown = replace(whole, views=())
    try:
        with pages.serving(scene) as server, Window(chromium, server.url + HERE, size=SMALL) as window:
            window.exact()
            window.panel()
            scene.shown = whole
            server.hub.post(server.hub.greet)
            cameras = window.labelled("Jump to a camera")
            cameras.wait_for()
            window.until(lambda: cameras.input_value() == "0", "it does not begin at a camera")
            window.exact()
            assert not window.errors
    finally:
        scene.shown = whole


def test_a_crop_box(chromium, served):
    with Window(chromium, served.url + HERE, size=SMALL) as window:
        window.exact()
        whole = np.count_nonzero(window.picture().min(-1) < 250)
        window.panel()
        window.labelled("Crop box").check()
        window.labelled("z to").fill("-0.3")
        window.exact()
        assert window.view()["crop"][5] == pytest.approx(-0.3)
        window.press("p")
        window.exact()
        assert 0 < np.count_nonzero(window.picture().min(-1) < 250) < 0.8 * whole
        assert not window.errors


def test_density_and_colour_under_the_pointer(chromium, served, scene):
    """Those of the field, in the direction from the camera."""
    with Window(chromium, served.url + HERE, size=SMALL) as window:
        window.exact()
        window.panel()
        window.exact()  # once more: the picture is narrower now
        window.press("i")
        window.until(lambda: len(window.values()), "nothing is inspected")
        place = window.place()
        assert f"World{told(scene, place)}" in window.text(".panel")
        assert len(place) == 6 and np.hypot.reduce(place[3:]) == pytest.approx(1, abs=1e-5)
        expected = scene.field(torch.from_numpy(place)[None].float())[0].detach().numpy()
        assert window.values() == pytest.approx(expected, abs=1e-4, rel=1e-4)
        assert not window.errors


def test_a_scene_from_disk(chromium, scene, tmp_path):
    path = tmp_path / "page.html"
    export_page(path, [scene])
    assert str(tmp_path) not in path.read_text() and str(Path.home()) + "/" not in path.read_text()
    with Window(chromium, path.as_uri(), size=SMALL) as window:
        window.exact()
        assert window.requests == [path.as_uri()]
        window.panel()
        window.exact()  # once more: the picture is narrower now
        window.press("i")
        window.until(lambda: len(window.values()), "nothing is inspected")
        assert scene.shown.program is not None
        field = packing.quantised(scene.field, scene.shown.program, "float16")
        expected = field(torch.from_numpy(window.place())[None])[0].detach().numpy()
        assert window.values() == pytest.approx(expected, abs=1e-4, rel=1e-4)
        assert not window.errors
