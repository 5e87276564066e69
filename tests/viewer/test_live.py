"""What a real browser makes of the server's rules: who may show the page, who gets its cookie, who may speak to it."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pages
import pytest
from pages import serving

from neuralfields.viewer.items import Item
from neuralfields.viewer.server import Server

_MILLISECONDS = 30_000

_ENTER = """async (token) => {
    const answer = await fetch("/session", {method: "POST", body: JSON.stringify({token})});
    return [answer.status, (await fetch("/session")).status, document.cookie];
}"""
_LISTEN = """async (place) => new Promise((done) => {
    const socket = new WebSocket(place);
    socket.onmessage = ({data}) => { socket.close(); done(JSON.parse(data).type); };
    socket.onclose = ({code}) => done(code);
})"""


@pytest.fixture
def place() -> Iterator[Server]:
    with serving(Item(pages.small_field(), name="photo")) as server:
        yield server


@pytest.fixture
def around(place: Server) -> Iterator[int]:
    """The port of another server, as a notebook's, whose page holds the viewer's in a frame."""

    class Notebook(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = f'<!doctype html><title>notebook</title><iframe src="{place.url}"></iframe>'.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notebook) as notebook:
        thread = threading.Thread(target=notebook.serve_forever)
        thread.start()
        yield notebook.server_address[1]
        notebook.shutdown()
        thread.join()


def framed(browser: Any, address: str, place: Server) -> tuple[Any, Any]:
    """A page and the viewer's frame in it, which is None where the browser does not show it."""
    page = browser.new_context().new_page()
    page.goto(address, timeout=_MILLISECONDS)
    page.wait_for_timeout(500)
    return page, next((frame for frame in page.frames if frame.url.startswith(place.place)), None)


def test_a_page_gets_in_and_its_scripts_never_see_the_cookie(chromium: Any, place: Server) -> None:
    page = chromium.new_context().new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.goto(place.place, timeout=_MILLISECONDS)
    assert page.evaluate(_LISTEN, f"ws://127.0.0.1:{place.port}/live") == 1006
    assert page.evaluate(_ENTER, pages.token(place)) == [204, 204, ""]
    assert page.evaluate(_LISTEN, f"ws://127.0.0.1:{place.port}/live") == "hello"
    assert complaints == []
    page.context.close()


def test_in_a_notebook_of_the_same_name(chromium: Any, place: Server, around: int) -> None:
    """Another port is the same site, so that the strict cookie is kept."""
    page, frame = framed(chromium, f"http://127.0.0.1:{around}/", place)
    assert frame.evaluate(_ENTER, pages.token(place)) == [204, 204, ""]
    assert frame.evaluate(_LISTEN, f"ws://127.0.0.1:{place.port}/live") == "hello"
    page.context.close()


def test_in_a_notebook_of_another_name(chromium: Any, place: Server, around: int) -> None:
    """localhost and 127.0.0.1 are two sites: why a notebook's frame takes the name that the notebook has."""
    page, frame = framed(chromium, f"http://localhost:{around}/", place)
    assert frame.evaluate(_ENTER, pages.token(place))[:2] == [204, 401]
    page.context.close()


def test_a_foreign_page_can_neither_show_it_nor_speak_to_it(chromium: Any, place: Server) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(place.place, timeout=_MILLISECONDS)
    page.evaluate(_ENTER, pages.token(place))  # the user looks at a fit, and then comes by
    text = f'<!doctype html><iframe src="{place.place}"></iframe>'
    page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=text))
    page.goto("http://evil.example/", timeout=_MILLISECONDS)
    page.wait_for_timeout(500)
    assert not any(frame.url.startswith(place.place) for frame in page.frames[1:])
    assert page.evaluate(_LISTEN, f"ws://127.0.0.1:{place.port}/live") == 1006
    body = """(place) => fetch(place + "session").then((answer) => answer.status, () => "refused")"""
    assert page.evaluate(body, place.place) == "refused"
    context.close()
