"""What pages ask for is done while they wait for it, and one that cannot be told keeps nobody out."""

import math
from collections.abc import Iterator

import pages
import pytest
from pages import Page, Slow, serving

from neuralfields.viewer.course import Course
from neuralfields.viewer.hub import MAX_CLIENTS
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import Control, Draw, Frame, Hello, Look, Note, Point, Probe, Probed
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

SIDE = 512  # pixels of a picture that is asked for in many parts


def wanted(request: int, side: int = SIDE) -> Draw:
    return Draw(request, 0, side, side, "fit", None, None, None, 2, 0.0, Look())


@pytest.fixture
def slow() -> Iterator[type[Slow]]:
    Slow.asked.clear()
    Slow.begun.clear()
    Slow.gate.clear()
    Slow.free = SIDE**2 // 2  # within the last picture, as the coarse ones before have a third of its pixels
    yield Slow
    Slow.gate.set()


def heard(page: Page) -> None:
    """Wait until what was said before has been heard, which does not take the field's thread."""
    page.say(Control("step"))
    page.hear(Note, level="error")


def test_a_newer_picture_takes_the_place_of_one_under_way(slow):
    with serving(Item(slow(), name="slow")) as server, Page(server) as page:
        page.say(wanted(1))
        assert slow.begun.wait(pages.SECONDS)
        page.say(wanted(2, 64))
        heard(page)
        slow.asked.clear()
        slow.gate.set()
        page.hear(Frame, request=2, last=True)
        assert sum(slow.asked) < SIDE**2 / 8


def test_questions_need_not_wait_for_a_whole_picture(slow):
    slow.free = 0
    with serving(Item(slow(), name="slow")) as server, Page(server) as page:
        page.say(wanted(1))
        assert slow.begun.wait(pages.SECONDS)
        page.say(Probe(2, 0, (0.0, 0.0)))
        heard(page)
        slow.gate.set()
        assert Probed in page.until(Frame, last=True)


def test_the_end_of_a_server_gives_a_picture_up(slow):
    server = Server(Session([Item(slow(), name="slow")]), port=0)
    with Page(server) as page:
        page.say(wanted(1))
        assert slow.begun.wait(pages.SECONDS)
        slow.asked.clear()
        server.hub.give_up()
        slow.gate.set()
        server.close()
        assert not slow.asked and not server._thread.is_alive() and not server.hub._worker._thread.is_alive()


def test_what_cannot_be_told_keeps_nobody_out():
    session = Session([Item(pages.small_field(), name="a")])
    session.fits = {0: Course([Point(1, 0.0, math.nan, None, 0.0, 0.0, None, 0.0)])}
    with Server(session, port=0) as server:
        for _ in range(MAX_CLIENTS + 1):
            with Page(server) as page:
                assert "cannot be told" in page.hear(Note, level="error")[0].text
        session.fits = {}
        with Page(server) as page:
            page.hear(Hello)


def test_a_signal_that_cannot_be_loaded():
    def load() -> None:
        raise OSError("the disk is gone")

    item = Item(pages.small_field(), name="a", load=load)  # type: ignore[arg-type]
    with serving(item) as server, Page(server) as page:
        assert page.hear(Note)[0].text == "OSError: the disk is gone"
        page.say(Probe(1, 0, (0.0, 0.0)))
        page.hear(Probed)
