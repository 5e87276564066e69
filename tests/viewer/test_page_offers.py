"""The page in Chromium offers nothing that does nothing."""

from typing import Any
from urllib.parse import quote

import pages
import pytest
import torch
from windows import Window, scene_item, shape_item

import neuralfields as nf
from neuralfields.viewer.items import Item
from neuralfields.viewer.page import export_page

SERVED = "&view=" + quote('{"by":"server"}')


def keys(window: Window) -> str:
    """What the help tells."""
    window.press("?")
    window.until(lambda: "Keys" in window.text("dialog[open]"), "no help")
    told = window.text("dialog[open]")
    window.press("Escape")
    window.until(lambda: not window.text("dialog[open]"), "the help stays")
    return told


def is_offered(window: Window, label: str) -> bool:
    return window.labelled(label).count() > 0


def drawn_by_server(window: Window) -> None:
    window.until(lambda: window.text(".status").startswith("all pixels"), "the server does not draw")


def test_a_scene_that_the_server_draws(chromium: Any, tmp_path: Any) -> None:
    item = scene_item(tmp_path, steps=20)
    with pages.serving(item) as server, Window(chromium, server.url + SERVED) as window:
        drawn_by_server(window)
        window.panel()
        assert window.text(".toolbar").count("Split") == window.text(".toolbar").count("Error") == 0
        assert not is_offered(window, "Show them") and "Inspector" not in window.text(".panel")
        told = keys(window)
        assert "cameras on and off" not in told and "inspect" not in told and "double click" not in told
        window.labelled("Jump to a camera").select_option("2")
        window.labelled("Photo").fill("1")
        window.until(lambda: window.page.evaluate("document.querySelector('img.photo')?.complete"), "no photo")
        drawn_by_server(window)
        window.labelled("Let the server draw").uncheck()
        window.exact()
        assert is_offered(window, "Show them") and "Inspector" in window.text(".panel")
        assert "Split" in window.text(".toolbar") and "double click" in keys(window)
        assert not window.errors


def test_a_shape_that_the_server_draws(chromium: Any) -> None:
    with pages.serving(shape_item()) as server, Window(chromium, server.url + SERVED) as window:
        drawn_by_server(window)
        window.panel()
        assert "Inspector" not in window.text(".panel") and "inspect" not in keys(window)


@pytest.mark.parametrize(
    ("inputs", "outputs", "there", "absent"),
    [
        (2, 6, {"Channel", "Exposure"}, {"Colours"}),
        (3, 1, {"Colours"}, {"Channel", "Exposure"}),
        (3, 3, {"Channel", "Exposure"}, {"Colours"}),
    ],
)
def test_how_values_become_colours(chromium, tmp_path, inputs, outputs, there, absent):
    torch.manual_seed(0)
    field = nf.networks.Siren(inputs, outputs, width=8, depth=1)
    if outputs == 1:
        with torch.no_grad():
            field.layers[-1].bias += 9  # no zero, or it would be a shape
    path = tmp_path / "page.html"
    export_page(path, [Item(field, name="field")])
    with Window(chromium, path.as_uri()) as window:
        window.exact()
        window.panel()
        assert {label for label in there | absent if is_offered(window, label)} == there
        if outputs > 4:
            assert window.labelled("Channel").locator("option").all_inner_texts() == list("012345")
        if "Colours" in there:
            before = window.picture()
            window.labelled("Colours").select_option("grey")
            window.until(lambda seen=before: (window.picture() != seen).any(), "other colours are not shown")
