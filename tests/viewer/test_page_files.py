"""What people take home from the page in Chromium: pictures and films."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pages
import PIL.Image
from windows import Window, picture_item, points_item, shape_item

from neuralfields.viewer.page import export_page


def downloaded(window: Window, act: Any) -> bytes:
    with window.page.expect_download() as found:
        act()
    return Path(found.value.path()).read_bytes()


def saved(window: Window) -> np.ndarray:
    """The picture that ``s`` saves: [height, width, 3] uint8."""
    data = downloaded(window, lambda: window.press("s"))
    return np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB"))


def middle(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return picture[height // 4 : height - height // 4, width // 4 : width - width // 4].astype(float)


def test_the_picture_is_saved(chromium, tmp_path):
    path = tmp_path / "page.html"
    export_page(path, [picture_item()])
    with Window(chromium, path.as_uri()) as window:
        window.exact()
        picture = saved(window)
        assert np.abs(middle(picture).mean((0, 1)) - window.picture().mean((0, 1))).max() < 3
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10
        assert not window.errors


def test_a_picture_of_the_server_is_saved(chromium):
    with pages.serving(points_item()) as server, Window(chromium, server.url) as window:
        window.until(lambda: window.text(".status").startswith("all pixels") and window.colours() > 10, "no picture")
        picture = saved(window)
        assert np.abs(middle(picture).mean((0, 1)) - window.picture().mean((0, 1))).max() < 3
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_a_film_whose_picture_goes_away_ends(chromium, tmp_path):
    """Something else is shown while it is recorded; the next one can be begun."""
    path = tmp_path / "page.html"
    export_page(path, [shape_item(), shape_item(name="other", id=1)])
    with Window(chromium, path.as_uri(), size={"width": 200, "height": 160}) as window:
        window.exact()
        window.panel()
        window.page.evaluate(
            "[...document.querySelectorAll('.panel button')].find(b => /^Video/.test(b.textContent)).click()"
        )
        window.until(lambda: "%" in window.text(".panel button:disabled"), "no film is begun")
        window.press("n")
        window.until(lambda: "No video: something else is shown now" in window.text(".note"), "it does not say so")
        window.exact()
        assert not window.text(".panel button:disabled")
        assert not window.errors
