"""The page in Chromium, as people use it: by pointer and keys, from a server and from a file."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pages
import pytest
import torch
from test_items import Ball
from test_live_fit import Fit
from windows import PATIENCE, Window, picture_item, points_item, shape_item, slices_item

import neuralfields as nf
from neuralfields.cli import main
from neuralfields.errors import InputError
from neuralfields.viewer import packing
from neuralfields.viewer.course import Course
from neuralfields.viewer.items import Item
from neuralfields.viewer.page import bundle, export_page
from neuralfields.viewer.protocol import Point
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

MAKERS = {"image": picture_item, "shape": shape_item, "slices": slices_item}


@pytest.fixture
def served() -> Iterator[Server]:
    with pages.serving(picture_item()) as server:
        yield server


@pytest.mark.parametrize("kind", MAKERS)
def test_a_page_from_disk(kind, chromium, tmp_path):
    """One request, no machine's path in it, an exact picture, and values as of the field with the stored weights."""
    item, path = MAKERS[kind](), tmp_path / "page.html"
    export_page(path, [item])
    assert str(tmp_path) not in path.read_text() and str(Path.home()) + "/" not in path.read_text()
    with Window(chromium, path.as_uri()) as window:
        window.exact()
        assert window.requests == [path.as_uri()] and not window.errors
        assert window.colours() > 10
        window.shoot(f"file-{kind}")
        window.panel()
        window.exact()  # once more: the picture is narrower now
        window.press("i")
        window.exact()
        window.until(lambda: len(window.values()), "nothing is inspected")
        assert ("World" in window.text(".panel")) == (item.shown.world is not None)
        field = packing.quantised(item.field, item.shown.program, "float16")
        expected = field(torch.from_numpy(window.place())[None])[0].detach().numpy()
        assert window.values() == pytest.approx(expected, abs=1e-4)
        assert not window.errors


def test_pointer_wheel_and_keys(chromium, tmp_path):
    path = tmp_path / "page.html"
    export_page(path, [picture_item()])
    with Window(chromium, path.as_uri()) as window:
        window.exact()
        mouse, [left, top] = window.page.mouse, (200, 180)
        mouse.move(left, top)
        mouse.down()
        mouse.move(left - 40, top + 20, steps=4)
        mouse.up()
        x, y = window.view()["centre"]
        assert x > 0.05 and y < -0.05
        mouse.wheel(0, -300)
        zoom = window.view()["zoom"]
        assert zoom > 1.3
        window.press("+", "ArrowLeft")
        after = window.view()
        assert after["zoom"] == pytest.approx(1.25 * zoom, rel=1e-3) and after["centre"][0] < x
        window.press("0")
        assert {"zoom", "centre"}.isdisjoint(window.view())
        assert window.mode() == "fit"
        window.press("m", "m")
        assert window.mode() == "split" and window.view()["mode"] == "split"
        window.press("?")
        window.until(lambda: "Keys" in window.text("dialog[open]"), "no help")
        window.press("Escape")
        window.until(lambda: not window.text("dialog[open]"), "the help stays")


def test_every_mode_of_a_picture(chromium, tmp_path):
    path = tmp_path / "page.html"
    export_page(path, [picture_item()])
    with Window(chromium, path.as_uri()) as window:
        for mode in ("truth", "split", "error", "gradient", "spectrum", "fit"):
            window.choose(mode)
            window.exact()
            window.until(lambda: window.colours() > 10, f"nothing in {mode}")
            assert window.mode() == mode
            legend = window.text(".legend")
            assert bool(legend) == (mode in ("error", "gradient", "spectrum")), legend
        assert not window.errors


def test_the_slider_of_a_split(chromium, tmp_path):
    path = tmp_path / "page.html"
    export_page(path, [picture_item()])
    with Window(chromium, path.as_uri() + "#view=%7B%22mode%22%3A%22split%22%7D") as window:
        window.exact()
        mouse = window.page.mouse
        mouse.move(210, 200)
        mouse.down()
        mouse.move(105, 200, steps=3)
        mouse.up()
        assert window.view()["split"] == pytest.approx(0.25, abs=0.02)
        window.press(".")
        assert window.view()["split"] == pytest.approx(0.27, abs=0.02)


def test_from_a_server(chromium, served):
    """The token leaves the address, and the inspector's values are the field's own."""
    with Window(chromium, served.url) as window:
        window.exact()
        assert "token" not in window.page.evaluate("location.hash")
        assert all(address.startswith(served.place.replace("http", "")) or served.place in address
                   for address in window.requests)  # fmt: skip
        window.panel()
        window.exact()  # once more: the picture is narrower now
        window.press("i")
        window.until(lambda: "Value" in window.text(".values") and "as sent" not in window.text(".values"), "no value")
        [item] = served.hub.session.items
        expected = item.field(torch.from_numpy(window.place())[None].float())[0].detach().numpy()
        assert window.values() == pytest.approx(expected, abs=1e-4)
        assert "Truth" in window.text(".values")
        assert not window.errors
        window.shoot("served")


def test_two_pages_and_a_lost_connection(chromium, served):
    with Window(chromium, served.url) as one, Window(chromium, served.url) as two:
        one.exact()
        two.exact()
        one.press("+")
        zoomed = one.until(one.view, "the address says nothing")
        assert len(served.hub._clients) == 2
        clients = list(served.hub._clients)
        served.hub.post(lambda: [client.socket.abort() for client in clients])  # type: ignore[arg-type,func-returns-value]
        one.until(lambda: served.hub._clients and served.hub._clients.isdisjoint(clients), "it has not come back")
        one.panel()
        one.until(lambda: not one.text(".banner:is(.waiting, .connecting)"), "it says that the connection is lost")
        assert one.view() == zoomed
        one.press("i")
        one.until(lambda: len(one.values()), "nothing is inspected")


def test_a_server_that_is_gone(chromium):
    with pages.serving(picture_item()) as server:
        window = Window(chromium, server.url)
        window.exact()
    with window:
        window.until(lambda: "Trying again" in window.text(".banner"), "it does not say so")
        window.press("+")
        assert window.view()["zoom"] == pytest.approx(1.25)


def test_without_the_token(chromium, served):
    with Window(chromium, served.place) as window:
        window.until(lambda: "does not know this page" in window.text(".banner.refused"), "it does not say so")
        with window.page.expect_event("load"):
            window.page.evaluate("hash => { location.hash = hash; }", served.url.partition("#")[2])  # in the same tab
        window.exact()
        assert "token" not in window.page.evaluate("location.hash")


def test_a_fit_under_control(chromium):
    """Pause, one step, go on, and stop after a question."""
    session = Session()
    with Server(session, port=0) as server:
        fit = Fit(server, session)
        with Window(chromium, server.url) as window:
            fit.start()
            button = "label => [...document.querySelectorAll('.panel button')].find(b => b.innerText.trim() === label)"

            def click(label: str) -> None:
                window.until(lambda: window.page.evaluate(f"l => !({button})(l)?.disabled", label), f"no {label}")
                window.page.evaluate(f"l => ({button})(l).click()", label)

            window.panel()
            window.until(lambda: "fitting" in window.text(".panel"), "it does not say that it fits")
            click("Pause")
            fit.gate.set()
            window.until(lambda: "paused" in window.text(".panel"), "it does not say that it is paused")
            at = fit.step
            click("Step")
            window.until(lambda: fit.step > at, "no step is done")
            window.shoot("training")
            click("Stop…")
            window.until(lambda: "Stop the fit?" in window.text("dialog[open]"), "it does not ask")
            window.page.evaluate("document.querySelector('dialog[open] .strong').click()")
            fit.join(PATIENCE)
            assert not fit.is_alive() and fit.live.stopping


def test_what_the_page_cannot_draw_the_server_draws(chromium):
    item = points_item()
    with pages.serving(item) as server, Window(chromium, server.url) as window:
        window.until(lambda: window.text(".status").startswith("all pixels"), "no picture")
        for mode in ("truth", "error", "gradient", "fit"):
            window.choose(mode)
            window.until(lambda: window.colours() > 10, f"nothing in {mode}")
        assert "drawn by the server" in window.text(".status")
        window.panel()
        assert "The server draws: GaussianPoints looks for the points nearest" in window.text(".panel")
        window.press("i")
        window.until(lambda: len(window.values()), "nothing is inspected")
        expected = item.field(torch.from_numpy(window.place())[None].float())[0].detach().numpy()
        assert window.values() == pytest.approx(expected, abs=1e-4)
        window.press("+")
        assert window.view()["zoom"] == pytest.approx(1.25)
        assert not window.errors


def test_fits_beside_each_other(chromium):
    items = picture_item(), picture_item(1, name="other", id=1), shape_item(id=2)
    session = Session(items)
    session.fits = {number: Course([Point(11 + number, 1.0, 0.1, 20.0, 1e5, 1e-3, None, 1.0)]) for number in (0, 1)}
    with Server(session, port=0) as server, Window(chromium, server.url) as window:
        window.exact()
        window.panel()
        assert "Step11" in window.text(".panel")
        assert window.labelled("Compare with").locator("option").all_inner_texts() == ["nothing", "other"]
        window.press("b")
        window.exact()
        assert window.mode() == "split" and window.view()["other"] == 1
        window.press("n")
        window.until(lambda: window.text("h1") == "other", "the next one is not shown")
        window.exact()
        assert "Step12" in window.text(".panel")
        window.press("n")
        window.until(lambda: window.text("h1") == "ball", "the last one is not shown")
        window.until(lambda: "Step" not in window.text(".panel"), "another's fit is told")
        assert not window.errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone(scheme, chromium, tmp_path):
    path = tmp_path / "page.html"
    export_page(path, [picture_item()])
    with Window(chromium, path.as_uri(), size={"width": 360, "height": 640}, color_scheme=scheme) as window:
        window.exact()
        window.panel()
        assert window.page.evaluate("document.documentElement.scrollWidth") == 360
        assert window.page.evaluate("document.querySelector('canvas').clientHeight") > 150
        window.shoot(f"telephone-{scheme}")


def test_what_the_page_cannot_draw_it_has_pictures_of(chromium, tmp_path):
    item, path = points_item(), tmp_path / "page.html"
    assert item.shown.program is None
    export_page(path, [item])
    with Window(chromium, path.as_uri()) as window:
        for mode in ("fit", "truth", "error"):
            window.choose(mode)
            window.until(lambda: window.colours() > 10, f"nothing in {mode}")
            assert window.mode() == mode
        assert window.text(".status").startswith("a picture made with the page")
        assert "Gradient" not in window.text(".toolbar") and "Split" not in window.text(".toolbar")
        before = window.picture()
        window.press("+", "ArrowLeft")
        assert window.view()["zoom"] == pytest.approx(1.25)
        assert (window.picture() != before).any()
        window.panel()
        assert "GaussianPoints looks for the points nearest" in window.text(".panel")
        assert window.requests == [path.as_uri()] and not window.errors
        window.shoot("stills")


def test_sides_of_a_shape(chromium, tmp_path):
    """Turning it shows the picture from the nearest side."""
    path = tmp_path / "page.html"
    export_page(path, [Item(Ball(), name="ball")])
    with Window(chromium, path.as_uri()) as window:
        window.until(lambda: window.colours() > 10, "no picture")
        [before, *_], found = stills(path), []
        assert len(stills(path)) == 6 and before["eye"] == pytest.approx([2.07, 1.5, 3.58], abs=0.01)
        for _ in range(3):
            found.append(window.picture())
            window.press(*["ArrowRight"] * 3)
            window.view()
        assert (found[0] != found[2]).any()
        assert not window.errors


def stills(path: Path) -> list[dict[str, Any]]:
    found = re.search(r'id="nf-embedded">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])["stills"]


def test_without_a_graphics_card_the_server_draws(chromium):
    """What would take minutes here. The address keeps that one wants it nevertheless."""
    torch.manual_seed(0)
    large = nf.networks.Siren(2, 3, width=256, depth=4)
    wide = {"width": 1600, "height": 1200}
    with (
        pages.serving(Item(large, name="large")) as server,
        Window(chromium, server.url, size=wide, device_scale_factor=1) as window,
    ):
        window.until(lambda: "drawn by the server" in window.text(".status"), "the page draws")
        assert re.search(r"Without a graphics card a picture takes about .* so the server draws", window.text(".slow"))
        window.page.get_by_role("button", name="Draw here").click()
        window.until(lambda: "drawn by the server" not in window.text(".status"), "the server draws on")
        assert not window.text(".slow")
        assert window.view()["by"] == "here"
        assert not window.errors


def test_a_page_that_is_no_page(tmp_path):
    with pytest.raises(InputError, match="at least one field, got none"):
        export_page(tmp_path / "page.html", [])


def test_nf_export_writes_a_page(tmp_path, capsys):
    item, out = picture_item(), tmp_path / "photo.html"
    nf.save(item.field, tmp_path / "photo.nf")
    assert main(["export", str(tmp_path / "photo.nf"), str(out)]) == 0
    assert "photo.html: a page with" in capsys.readouterr().out
    text = out.read_text()
    assert '"name":"photo"' in text and str(tmp_path) not in text
    assert main(["export", str(tmp_path / "photo.nf"), str(out), "--size", "8x8"]) == 2
    assert "--size is not for a page" in capsys.readouterr().err


def test_nf_export_of_what_no_page_computes(tmp_path):
    nf.save(points_item().field, tmp_path / "points.nf")
    assert main(["export", str(tmp_path / "points.nf"), str(tmp_path / "points.html")]) == 0
    assert [still["mode"] for still in stills(tmp_path / "points.html")] == ["fit"]


def test_the_bundle_is_small():
    assert len(gzip.compress(bundle().encode())) <= 60_000


def test_names_cannot_end_the_data(tmp_path):
    path = tmp_path / "page.html"
    export_page(path, [picture_item()], title="</script><script>alert(1)</script><!--")
    text = path.read_text()
    found = re.search(r'id="nf-embedded">(.*?)</script>', text, re.DOTALL)
    assert found and json.loads(found[1])["hello"]["title"].startswith("</script>")
    assert text.count("</script>") == bundle().count("</script>") + 1


def test_large_pictures_are_reduced(tmp_path):
    wide = np.zeros((30, 2500, 1), np.uint8)
    wide[:, 1250:] = 255
    field = nf.networks.Siren(2, 1, width=8, depth=1)
    export_page(tmp_path / "page.html", [Item(field, nf.signals.Image.from_array(wide), name="wide")])
    found = re.search(r'id="nf-embedded">(.*?)</script>', (tmp_path / "page.html").read_text(), re.DOTALL)
    assert found
    [truth] = json.loads(found[1])["truths"]
    told = truth["truth"]
    assert (told["width"], told["height"], told["factor"]) == (834, 10, 3)


def test_view_writes_a_page(tmp_path):
    item, out = picture_item(), tmp_path / "page.html"
    assert nf.view(item.field, item.signal, path=out, browser=False) == out
    assert "nf-embedded" in out.read_text()
