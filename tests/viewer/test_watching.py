"""Pages in Chromium tell the server what they look at, and are sent that and nothing else."""

from typing import Any

import pages
from windows import Window, picture_item

from neuralfields.viewer.items import Item
from neuralfields.viewer.server import Server

_SEEN = """seen => {
    Object.defineProperty(document, "hidden", {value: !seen, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def looked_at(server: Server) -> tuple[set[int], int | None]:
    """Whose weights the only page draws, and of what it shows the server's pictures."""
    (client,) = server.hub._clients
    return set(client.drawing), client.asked and client.asked.shown


def until(window: Window, server: Server, *wanted: Any) -> None:
    window.until(lambda: looked_at(server) == wanted, f"not {wanted}")


def test_what_a_page_draws_itself(chromium):
    items = picture_item(), picture_item(1, name="other", id=1)
    with pages.serving(*items) as server, Window(chromium, server.url) as window:
        window.exact()
        until(window, server, {0}, None)
        window.press("b")
        until(window, server, {0, 1}, None)
        window.page.evaluate(_SEEN, False)
        until(window, server, set(), None)
        window.page.evaluate(_SEEN, True)
        until(window, server, {0, 1}, None)
        window.press("b", "n")
        until(window, server, {1}, None)
        window.exact()


def test_what_the_server_draws(chromium):
    items = picture_item(), Item(pages.Odd(), name="odd", id=1)
    with pages.serving(*items) as server, Window(chromium, server.url) as window:
        window.exact()
        window.press("n")
        window.until(lambda: "all pixels" in window.text(".status"), "no picture")
        until(window, server, set(), 1)
        window.page.evaluate(_SEEN, False)
        until(window, server, set(), None)
        window.page.evaluate(_SEEN, True)
        until(window, server, set(), 1)
        window.press("n")
        until(window, server, {0}, None)
