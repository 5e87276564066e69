"""A fit that is watched computes the same bits, obeys its pages between steps, and tells them where it is."""

import contextlib
import random
import threading
from collections.abc import Iterator

import pages
import pytest
import torch
from pages import Page
from test_items import image
from websockets.exceptions import ConnectionClosed

import neuralfields as nf
from neuralfields.viewer.live import Live, copied
from neuralfields.viewer.protocol import (
    Control,
    Draw,
    Export,
    File,
    Frame,
    Hello,
    Look,
    Note,
    Probe,
    Probed,
    Progress,
    Watch,
    Weights,
)
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

STEPS = 40


class Fit(threading.Thread):
    """A small fit in a thread of its own, which goes on once ``gate`` is set."""

    def __init__(self, server: Server, session: Session, *, field: nf.Field | None = None, ema: float | None = None):
        super().__init__()
        self.field, self.live, self.saved = field or pages.small_field(), Live(session, server), 0
        self.signal, self.ema, self.step = image(pages.picture()), ema, 0
        self.gate = threading.Event()
        self.live.begin(self.field, self.signal, name="a", save=self._save)

    def run(self) -> None:
        for step in nf.steps(self.field, self.signal, steps=STEPS, batch=64, ema=self.ema):
            self.step = step.step
            self.live.update(step)
            self.gate.wait(pages.SECONDS)
            if self.live.stopping:
                break
        self.live.end(step.state, finished=not self.live.stopping)

    def _save(self) -> None:
        if self.saved:
            raise OSError("the disk is full")
        self.saved = self.step


@pytest.fixture
def place() -> Iterator[tuple[Server, Session]]:
    session = Session()
    with Server(session, port=0) as server:
        yield server, session


def test_a_fit_that_fails_says_so(place):
    server, session = place
    fit = Fit(server, session)
    with Page(server) as page:
        assert page.hear(Hello)[0].live
        fit.live.fail("a: the disk is full")
        told = page.hear(Hello)[0]
        assert (told.live, told.fits[0].state) == (False, "done")
        assert page.hear(Note, level="error")[0].text == "a: the disk is full"
        page.say(Control("pause"))
        assert "nothing is being fitted" in page.hear(Note, level="error")[0].text


def values(field: nf.Field) -> list[torch.Tensor]:
    return list(field.state_dict().values())


def paused(fit: Fit, page: Page) -> Progress:
    """Start a fit that stays after its first step."""
    page.say(Control("pause"))
    page.say(Probe(0, 0, (0.0, 0.0)))
    page.hear(Probed)  # so the wish before it has arrived
    fit.gate.set()
    fit.start()
    return page.hear(Progress, state="paused")[0]


def test_the_bits_are_those_of_a_fit_that_nobody_watches(place):
    alone = pages.small_field()
    for _ in nf.steps(alone, image(pages.picture()), steps=STEPS, batch=64):
        pass
    fit = Fit(*place)
    with Page(place[0]) as one, Page(place[0], acks=False):
        paused(fit, one)
        one.say(Probe(1, 0, (0.0, 0.0)))
        one.hear(Probed)
        one.say(Control("resume"))
        fit.join(pages.SECONDS)
        assert not fit.is_alive()
        assert all(torch.equal(a, b) for a, b in zip(values(fit.field), values(alone), strict=True))


def test_attacks_do_not_change_what_a_fit_computes(place):
    server, alone, chance = place[0], pages.small_field(), random.Random(3)
    for _ in nf.steps(alone, image(pages.picture()), steps=STEPS, batch=64):
        pass
    fit, turn = Fit(*place), threading.Semaphore(0)
    fit.gate.wait = lambda timeout=None: turn.acquire(timeout=timeout)  # type: ignore[method-assign]
    fit.start()
    known = pages.cookie(server)
    for _ in range(STEPS):
        with contextlib.suppress(ConnectionClosed), Page(server, known=known) as page:
            page.say(Draw(1, 0, 8192, 2048, "gradient", None, None, None, 2, 0.0, Look()))
            for _ in range(30):
                page.socket.send(pages.wrong(chance))
        assert pages.knocked(server, host="evil.example", cookie=known) == 403
        assert pages.asked(server, "POST", "/session", "x" * 5000).status == 403
        turn.release()
    with Page(server, known=known) as page:
        while fit.is_alive():
            page.say(Control("resume"))
            fit.join(0.1)
    assert fit.step == STEPS
    assert all(torch.equal(a, b) for a, b in zip(values(fit.field), values(alone), strict=True))


def test_what_pages_are_told(place):
    fit = Fit(*place)
    with Page(place[0]) as page:
        hello, _ = page.hear(Hello)
        assert hello.live and hello.fits[0].state == "running" and hello.title == "a"
        first, _ = page.hear(Weights)
        assert first.step == 0
        progress = paused(fit, page)
        page.say(Control("resume"))
        assert progress.point.step == 1 and progress.point.learning_rate > 0 and 0 < progress.point.fraction <= 1
        fit.join(pages.SECONDS)
        done, _ = page.hear(Hello, live=False)
        (fitted,) = done.fits
        assert fitted.state == "done" and fitted.course[-1].step == STEPS
        last, _ = page.hear(Weights, step=STEPS)
        assert last.serial > first.serial
        assert "float16" in {array.dtype for array in last.arrays}


def test_only_what_is_looked_at_is_sent(place):
    fit, hub = Fit(*place), place[0].hub
    with Page(place[0], watches=False) as page:
        page.say(Probe(1, 0, (0.0, 0.0)))
        seen = page.until(Probed)
        assert Hello in seen and Weights not in seen and not hub.hungry
        page.say(Watch((0,), False))
        page.hear(Weights, step=0)
        page.say(Watch((), True))
        page.say(Draw(2, 0, 16, 12, "fit", None, None, None, 2, 0.0, Look()))
        page.hear(Frame, last=True)
        page.say(Watch((), False))
        page.say(Probe(3, 0, (0.0, 0.0)))
        page.until(Probed)
        assert not hub.hungry
        fit.gate.set()
        fit.start()
        fit.join(pages.SECONDS)
        page.say(Probe(4, 0, (0.0, 0.0)))
        assert not {Weights, Frame} & set(page.until(Probed, request=4))


def test_pause_step_save_and_stop(place):
    fit = Fit(*place)
    with Page(place[0]) as page, Page(place[0]) as other:
        assert paused(fit, page).point.step == 1
        page.hear(Weights, step=1)
        other.say(Control("step"))
        stepped, _ = page.hear(Progress, state="paused")
        while stepped.point.step < 2:
            stepped, _ = page.hear(Progress, state="paused")
        page.hear(Weights, step=2)
        page.say(Control("save"))
        assert page.hear(Note)[0].text == "a: saved at step 2"
        other.say(Control("step"))
        page.hear(Weights, step=3)
        page.say(Control("save"))
        assert page.hear(Note, level="error")[0].text == "a was not saved: OSError: the disk is full"
        assert fit.saved == 2 and fit.step == 3
        page.say(Control("stop"))
        page.hear(Hello, live=False)
        fit.join(pages.SECONDS)
        assert fit.live.stopping and fit.step == 3


def test_the_average_is_what_is_shown():
    field = pages.small_field()
    for step in nf.steps(field, image(pages.picture()), steps=3, batch=64, ema=0.9):
        state = step.state
    shown = copied(state)
    with state.averaged() as best:
        assert all(torch.equal(shown[name], tensor) for name, tensor in best.state_dict().items())
    assert any(not torch.equal(shown[name], tensor) for name, tensor in field.state_dict().items())


@pytest.mark.parametrize("field", [pages.Odd, pages.small_field])
def test_pictures_are_drawn_again_as_the_fit_goes_on(place, field):
    fit = Fit(*place, field=field())
    with Page(place[0], watches=False) as page:
        page.say(Draw(4, 0, 16, 12, "fit", None, None, None, 2, 0.0, Look()))
        page.hear(Frame, last=True)
        fit.gate.set()
        fit.start()
        again, data = page.hear(Frame, last=True)
        assert again.request == 4 and data is not None and data[:2] == b"\xff\xd8"
        fit.join(pages.SECONDS)


def test_what_goes_wrong_here_does_not_end_a_fit(place, monkeypatch):
    fit = Fit(*place)
    monkeypatch.setattr(fit.live, "_show", lambda step, now: 1 / 0)
    with Page(place[0]) as page:
        fit.gate.set()
        fit.start()
        assert "the fit goes on: ZeroDivisionError" in page.hear(Note)[0].text
        fit.join(pages.SECONDS)
        assert fit.step == STEPS


def test_a_field_that_cannot_be_shown_is_fitted_all_the_same(place):
    live = Live(place[1], place[0])
    problem = live.begin(pages.Odd(5, 1), image(pages.picture()), name="odd")
    assert problem and "odd cannot be shown while it is fitted" in problem
    field, signal = pages.small_field(), image(pages.picture())
    with Page(place[0]) as page:
        assert page.hear(Hello)[0].shown == ()
        assert page.hear(Note)[0].text == problem
        for step in nf.steps(field, signal, steps=3, batch=64):
            live.update(step)
        live.end(step.state)
        done, _ = page.hear(Hello, live=False)
        assert done.fits[0].state == "done" and done.fits[0].course[-1].step == 3


def test_what_goes_wrong_at_the_end_does_not_end_a_fit(place, monkeypatch):
    fit = Fit(*place)
    monkeypatch.setattr(fit.live._item, "finish", lambda field, step: 1 / 0)
    with Page(place[0]) as page:
        fit.gate.set()
        fit.start()
        page.hear(Hello, live=False)
        assert "the fit has not: ZeroDivisionError" in page.hear(Note, level="error")[0].text
        fit.join(pages.SECONDS)
        assert fit.step == STEPS


def test_a_second_fit_is_something_else(place):
    first = Fit(*place)
    with Page(place[0]) as page:
        assert page.hear(Hello)[0].shown[0].id == 0
        first.live.begin(pages.small_field(1), image(pages.picture()), name="b")
        assert page.hear(Hello)[0].shown[0].id == 1
        page.hear(Weights, shown=1)
        page.say(Draw(1, 0, 16, 12, "fit", None, None, None, 2, 0.0, Look()))
        assert "nothing with the number 0" in page.hear(Note, level="error")[0].text


def test_many_wishes_are_obeyed_once(place):
    fit, count = Fit(*place), 0

    def save() -> None:
        nonlocal count
        count += 1

    fit.live._save = save
    for _ in range(20_000):
        fit.live._ask("save")
        fit.live._ask("resume")
        fit.live._ask("pause")
    assert fit.live._wishes == ["save", "pause"]
    with Page(place[0]) as page:
        fit.gate.set()
        fit.start()
        page.hear(Progress, state="paused")
        while fit.is_alive():
            page.say(Control("resume"))
            fit.join(0.1)
        assert count == 1


def test_no_wish_is_lost_among_many(place):
    live = Fit(*place).live
    for action in ("pause", "resume", "step", "save") * 100:
        live._ask(action)
    live._ask("stop")
    live._ask("resume")
    assert live._wishes == ["step", "save", "stop", "resume"]


def test_nothing_large_is_made_beside_a_running_fit(place):
    fit = Fit(*place)
    with Page(place[0]) as page:
        for what in ("mesh", "page"):
            page.say(Export(0, what, 8))
            told, _ = page.hear(Note, level="error")
            assert told.text == f"no {what} is made beside a running fit: pause the fit first"
        assert not fit.live.stopping


def test_pictures_beside_a_fit_end_where_they_would_take_long(place):
    fit = Fit(*place, field=pages.Odd())
    place[0].hub.allowance.share = 1e-9
    with Page(place[0], watches=False) as page:
        page.say(Draw(4, 0, 64, 48, "fit", None, None, None, 2, 0.0, Look()))
        assert page.hear(Frame, last=True)[0].factor == 4
        fit.gate.set()
        fit.start()
        fit.join(pages.SECONDS)
        assert page.hear(Frame, last=True, factor=1)[0].request == 4


def test_a_page_of_a_fit_under_way(place):
    fit = Fit(*place)
    with Page(place[0]) as page:
        paused(fit, page)
        page.say(Export(0, "page", 8))
        told, data = page.hear(File)
        assert (told.name, told.media) == ("a.html", "text/html") and data is not None and b"<script" in data
        page.say(Control("stop"))
        fit.join(pages.SECONDS)


def test_without_a_fit_there_is_nothing_to_control(place):
    with Page(place[0]) as page:
        page.say(Control("stop"))
        assert page.hear(Note)[0].text == "nothing is being fitted here that could stop"
