"""``nf.view`` serves a field in the background, shows it in notebooks, and lets nobody read a key that lasts."""

import json
import re
import sys
import types
from typing import Any

import pages
import pytest
import torch
from pages import Page, asked

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.viewer.protocol import Ack, Hello, Probe, Probed, Weights


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that would have been opened."""
    found: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: found.append(address) is None)
    return found


def test_an_address_is_told_where_there_is_no_browser(monkeypatch, capsys):
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    with nf.view(pages.small_field(), port=0) as viewing:
        assert capsys.readouterr().out == f"no browser was found: open {viewing.url}\n"
    with nf.view(pages.small_field(), port=0, browser=False):
        assert capsys.readouterr().out == ""


def test_a_field_in_the_background(browser):
    field = pages.small_field()
    with nf.view(field, pages.picture(), port=0) as viewing:
        server = viewing._server
        assert browser[0].startswith(server.place) and browser[0] != viewing.url
        ticket = browser[0].partition("#token=")[2]
        assert asked(server, "POST", "/session", json.dumps({"token": ticket})).status == 204
        with Page(server) as page:
            assert page.hear(Hello)[0].shown[0].truth
            page.hear(Weights)  # which the page acknowledges, so that newer ones are wanted
            page.say(Probe(1, 0, (0.5, 0.5)))
            first, _ = page.hear(Probed)
            with torch.no_grad():
                for parameter in field.parameters():
                    parameter.add_(0.1)
            page.say(Probe(2, 0, (0.5, 0.5)))
            assert page.hear(Probed)[0].value == first.value
            viewing.update()
            page.say(Probe(3, 0, (0.5, 0.5)))
            assert page.hear(Probed)[0].value == tuple(field(torch.tensor([[0.5, 0.5]]))[0].tolist())


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[str]]:
    """The shell of a notebook, and what its cells have shown."""
    shell = type("ZMQInteractiveShell", (), {})()
    shell.execution_count, shell.get_parent = 1, lambda: {"metadata": {"cellId": "a"}}
    shown: list[str] = []
    ipython: Any = types.ModuleType("IPython")
    display: Any = types.ModuleType("IPython.display")
    ipython.get_ipython, display.display, display.HTML = (lambda: shell), shown.append, str
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shell, shown


def test_in_a_notebook(browser, notebook):
    _, shown = notebook
    with nf.view(pages.small_field(), port=0) as viewing:
        assert not browser
        assert f":{viewing._server.port}/#token=" in shown[0] and "<iframe" in shown[0]
        found = re.search(r"#token=([\w-]+)", shown[0])
        assert found and found[1] not in viewing.url


def test_a_cell_that_is_run_again(browser, notebook):
    shell, shown = notebook
    one, two = (nf.view(pages.small_field(), port=0) for _ in range(2))  # both in one run of the cell
    assert all(asked(each._server, "GET", "/", origin="").status == 200 for each in (one, two))
    shell.execution_count = 2
    shell.get_parent = lambda: {"metadata": {"cellId": "b"}}
    with nf.view(pages.small_field(), port=0):
        assert one._server._thread.is_alive() and two._server._thread.is_alive()
        shell.get_parent = lambda: {"metadata": {"cellId": "a"}}
        with nf.view(pages.small_field(), port=0):
            assert not one._server._thread.is_alive() and not two._server._thread.is_alive()
    shell.get_parent = dict  # a notebook that does not name its cells
    with nf.view(pages.small_field(), port=0):
        assert len(shown) == 5


def test_a_page_of_a_notebook_is_only_written(browser, notebook, tmp_path):
    nf.view(pages.small_field(), path=tmp_path / "page.html")
    assert not browser and (tmp_path / "page.html").exists()


def test_the_step_of_a_fit_of_ones_own(browser):
    field = pages.small_field()
    field.provenance = {"steps": 7}
    with nf.view(field, port=0) as viewing, Page(viewing._server) as page:
        assert page.hear(Weights)[0].step == 7
        for step, told in ((None, 7), (20, 20)):
            page.say(Probe(1, 0, (0.0, 0.0)))
            page.hear(Probed)  # so the acknowledgement before it has arrived
            viewing.update(step)
            assert page.hear(Weights)[0].step == told


def test_the_last_update_arrives_at_a_page_that_is_behind(browser):
    with nf.view(pages.small_field(), port=0) as viewing, Page(viewing._server, acks=False) as page:
        first, _ = page.hear(Weights)
        viewing.update(20)
        viewing.update(21)
        page.say(Ack(first.shown, first.serial))
        assert page.hear(Weights)[0].step == 21


def test_nobody_looks(browser):
    with nf.view(pages.small_field(), port=0) as viewing, Page(viewing._server, watches=False) as page:
        page.hear(Hello)
        viewing.update(20)
        assert not viewing._item.awaited


def test_a_page_by_itself(browser, tmp_path):
    path = nf.view(pages.small_field(), pages.picture(), path=tmp_path / "page.html")
    assert path == tmp_path / "page.html" and browser == [path.as_uri()]
    text = path.read_text()
    assert "<script" in text and str(tmp_path) not in text
    odd = nf.view(pages.Odd(3, 3), path=tmp_path / "odd.html", browser=False)
    assert '"stills":[{"shown":0,"mode":"fit","eye":null' in odd.read_text()


def test_what_is_no_field():
    with pytest.raises(InputError, match=r"the viewer shows an nf\.Field, not a function: wrap it in one"):
        nf.view(lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the field goes from 2 to 3 values, the image from 2 to 1"):
        nf.view(pages.small_field(), pages.picture()[..., :1], browser=False)
