"""What the page in Chromium makes of it when other things are shown, or it cannot draw what it should."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pages
import pytest
import torch
from test_items import image
from windows import Window, picture_item

import neuralfields as nf
from neuralfields.viewer import packing
from neuralfields.viewer.items import Item
from neuralfields.viewer.page import export_page
from neuralfields.viewer.server import Server

TINY = {"width": 200, "height": 160}


@pytest.fixture
def served() -> Iterator[Server]:
    with pages.serving(picture_item()) as server:
        yield server


def show(server: Server, item: Item) -> None:
    server.hub.session.replace([item], title=item.shown.name, fits={})
    server.hub.post(server.hub.greet)


def flat(colour: tuple[int, int, int], width: int, **options: object) -> Item:
    """A picture of one colour, with a field of an architecture of its own."""
    torch.manual_seed(0)
    signal = image(np.full((48, 64, 3), colour, np.uint8), "flat.png")
    return Item(nf.networks.Siren(2, 3, width=width, depth=1), signal, **{"name": "flat", **options})  # type: ignore[arg-type]


def test_one_fit_after_the_other(chromium, served):
    """Each of another architecture; what came for the one before is not taken for its own, nor asked for again."""
    with Window(chromium, served.url) as window:
        window.choose("truth")
        window.exact()
        for width, colour, id in ((8, (200, 30, 30), 1), (12, (30, 30, 200), 2)):
            show(served, flat(colour, width, id=id))
            window.until(lambda: window.text("h1") == "flat", "the next one is not shown")
            seen = np.array(colour)
            window.until(lambda c=seen: np.abs(window.picture().mean((0, 1)) - c).max() < 3, f"not {colour}")
        window.choose("fit")
        window.exact()
        assert not window.errors and not window.text(".note")


def test_the_picture_stays_when_only_words_change(chromium, served):
    with Window(chromium, served.url) as window:
        window.exact()
        window.page.evaluate("document.querySelector('canvas').dataset.mark = 'same'")
        [item] = served.hub.session.items
        item.shown = replace(item.shown, summary="a fit at its end")
        served.hub.post(served.hub.greet)
        window.panel()
        window.until(lambda: "at its end" in window.text(".panel"), "it is not told")
        assert window.page.evaluate("document.querySelector('canvas').dataset.mark") == "same"
        window.exact()


def test_values_after_many_changes_of_what_is_shown(chromium, tmp_path):
    """A browser keeps sixteen graphics contexts: that of the inspector is not to be given up for those of pictures."""
    items, path = (picture_item(), picture_item(1, name="other", id=1)), tmp_path / "page.html"
    export_page(path, items)
    with Window(chromium, path.as_uri() + "#view=%7B%22hidden%22%3A1%7D", size=TINY) as window:
        window.panel()
        window.exact()  # once more: the picture is narrower now
        window.press("i")
        window.until(lambda: len(window.values()), "nothing is inspected")
        for k in range(16):
            window.press("n")
            window.until(lambda name=items[(k + 1) % 2].shown.name: window.text("h1") == name, "the next is not shown")
            window.exact()
        window.press("i")
        window.until(lambda: len(window.values()), "nothing is inspected any more")
        field = packing.quantised(items[0].field, items[0].shown.program, "float16")
        expected = field(torch.from_numpy(window.place())[None])[0].detach().numpy()
        assert window.values() == pytest.approx(expected, abs=1e-4)
        assert not window.errors


def test_a_driver_that_refuses_the_shader(chromium, served):
    """The server draws then, and the page says why."""
    refuse = """(() => {
        const given = WebGL2RenderingContext.prototype.getProgramParameter;
        WebGL2RenderingContext.prototype.getProgramParameter = function (program, name) {
            return name === this.LINK_STATUS ? false : given.call(this, program, name);
        };
    })()"""
    with Window(chromium, "about:blank") as window:
        window.page.add_init_script(refuse)
        window.page.goto(served.url)
        window.until(lambda: window.text(".status").startswith("all pixels"), "the server does not draw")
        window.panel()
        assert "The server draws: the graphics driver refuses a shader" in window.text(".panel")
        assert window.colours() > 10
