"""What pages ask for is done while they wait for it, and one that cannot be told keeps nobody out."""

import asyncio
import dataclasses
import math
from collections.abc import Iterator
from typing import Any, ClassVar

import pages
import pytest
import torch
from pages import Page, Slow, serving

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.viewer import messages
from neuralfields.viewer.client import Client
from neuralfields.viewer.course import Course
from neuralfields.viewer.hub import MAX_CLIENTS, Hub, _answered
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import (
    Control,
    Draw,
    Export,
    File,
    Frame,
    Hello,
    Look,
    Note,
    Point,
    Probe,
    Probed,
    Progress,
    Watch,
)
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session
from neuralfields.viewer.worker import GivenUp

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


def fitted(*items: Item) -> Session:
    """A session with a fit of this process."""
    session = Session(items)
    session.fits, session.control = {0: Course(state="running")}, lambda action: None
    return session


@pytest.fixture
def alone() -> Iterator[tuple[Hub, Client]]:
    """A hub without a server, beside a fit, and somebody who looks."""
    hub, client = Hub(fitted(Item(pages.Odd(), name="odd"))), Client(None)  # type: ignore[arg-type]
    hub._clients.add(client)
    yield hub, client
    hub.close()


def test_a_picture_waits_for_somebody_who_looks(alone):
    hub, client = alone
    hub._take(client, wanted(1))
    assert hub._is_due(client) and hub.looked == {0}
    hub._take(client, Watch((), False))
    hub._take(client, wanted(2))
    assert not hub._is_due(client) and not hub.looked
    client.work.clear()
    hub._take(client, Watch((), True))
    assert hub._is_due(client) and client.work.is_set() and hub.looked == {0}


def test_answers_outlive_what_was_shown(alone):
    hub, client = alone
    hub.session.notes = ["a note"]
    hub._greet(client)
    client.answer(File("a.glb", "model/gltf-binary"), b"mesh")
    hub._greet(client)
    told = [messages.decode(data)[0] for data in iter(lambda: hub._next(client), None)]
    assert [type(message) for message in told] == [Hello, Note, File]


def test_pages_share_what_is_allowed(alone):
    hub, _ = alone
    hub.allowance.share, submit, begun = 1e-9, hub._worker.submit, []
    hub._worker.submit = lambda work: (begun.append(work), submit(work))[1]

    async def many() -> None:
        tasks = [asyncio.create_task(hub._do(lambda: hub.allowance.spend(1))) for _ in range(MAX_CLIENTS)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(many())
    assert len(begun) == 1


def test_pictures_that_take_long_are_drawn_again_once_that_is_paid_for(alone, monkeypatch):
    hub, client = alone
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    hub.allowance = type(hub.allowance)(0.01)
    hub._take(client, wanted(1))
    client.drawn = client.asked, 0
    hub._reckon()
    assert hub._is_due(client) and hub.hungry == {0}
    hub.allowance.spend(5)
    progress = Progress(0, Point(1, 0.0, 0.0, None, 0.0, 0.0, None, 0.0), "running")
    for now, due in ((30.0, False), (600.0, True)):  # noqa: B007 (the clock's)
        client.work.clear()
        hub.progress(progress)
        assert (hub._is_due(client), client.work.is_set(), bool(hub.hungry)) == (due, due, due)
    hub.allowance.spend(5)
    assert not hub._is_due(client)
    hub._take(client, wanted(2))
    assert hub._is_due(client)


def test_the_last_picture_says_so_when_a_finer_one_is_given_up():
    with serving(Item(pages.Odd(), name="odd")) as server, Page(server) as page:
        drawn = server.hub._drawn

        def late(client: Any, item: Item, asked: Draw, factor: int) -> Any:
            if factor == 1:
                raise GivenUp
            return drawn(client, item, asked, factor)

        server.hub._drawn = late  # type: ignore[method-assign]
        page.say(wanted(1, 32))
        told, data = page.hear(Frame, last=True)
        assert (told.request, told.factor) == (1, 2) and data is not None and data[:2] == b"\xff\xd8"


class Resuming(nf.Field):
    """The distance to a ball; when it is asked, the fit goes on."""

    course: ClassVar[Course] = Course(state="paused")

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 3, 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.course.state = "running"
        return torch.erf(x.norm(dim=-1, keepdim=True) - 0.5)


@pytest.mark.parametrize("what", ["mesh", "page"])
def test_a_file_is_given_up_when_the_fit_goes_on(what):
    item = Item(Resuming(), name="ball")
    session = fitted(item)
    session.fits = {0: Resuming.course}
    Resuming.course.state = "paused"
    item.shown = dataclasses.replace(item.shown, kind="shape" if what == "mesh" else "slices")
    with pytest.raises(InputError, match=f"no {what} is made beside a running fit: pause the fit first"):
        _answered(session, item, Export(0, what, 40), lambda: True)
