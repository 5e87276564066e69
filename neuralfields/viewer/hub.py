"""Who is looking, and what each is sent: answers in order, and of what replaces itself only the newest.

All of it happens on the server's event loop, but for ``post``. Fields are asked in one thread of their own.
"""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from neuralfields.errors import InputError, NeuralFieldsError
from neuralfields.viewer import messages
from neuralfields.viewer.allowance import Allowance
from neuralfields.viewer.client import Client, Gone, Socket
from neuralfields.viewer.items import Item, Snapshot
from neuralfields.viewer.protocol import (
    Ack,
    Ask,
    Control,
    Draw,
    Export,
    Frame,
    FromServer,
    Note,
    Probe,
    Progress,
    Watch,
    Weights,
)
from neuralfields.viewer.session import Session
from neuralfields.viewer.worker import GivenUp, Worker

MAX_CLIENTS = 16
MAX_FAULTS = 100  # bad messages of one page that it survives
TOO_MANY, BAD = 1013, 1008  # codes with which a WebSocket is closed

_MAX_JOBS = 32  # questions of one page that wait
_STALLED = 20.0  # seconds without a byte taken, after which a page is given up
_HELD = 3.0  # seconds until one too many is sent away
_LOOK_AGAIN = 0.5  # seconds between two looks whether work beside a fit is allowed
_SECONDS_PER_BYTE = 2e-9  # that sending takes
_WATCHED = 2.0  # seconds between two looks at what another process fits
_LINES = {"note", "fault"}
T = TypeVar("T")


class Hub:
    """Everybody who is looking at a session.

    Attributes:
        hungry: ids of the items of which newer values would be looked at now; read in any thread.
        looked: ids of the items that somebody looks at; read in any thread.
        allowance: for work while a fit of this process is running.
    """

    def __init__(self, session: Session, *, stalled: float = _STALLED):
        self.session, self.stalled = session, stalled
        self.hungry: frozenset[int] = frozenset()
        self.looked: frozenset[int] = frozenset()
        self.allowance = Allowance()
        self._clients: set[Client] = set()
        self._packed: dict[int, tuple[Snapshot, bytes]] = {}
        self._changed, self._turn = asyncio.Event(), asyncio.Lock()
        self._worker = Worker("neuralfields-viewer")
        self._loop: asyncio.AbstractEventLoop | None = None

    # From any thread.

    def post(self, act: Callable[[], None]) -> None:
        """Do this on the event loop soon; nothing where that has ended."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(act)

    def close(self) -> None:
        """Take no more work."""
        self._worker.close()

    def give_up(self) -> None:
        """Leave what is being worked at unfinished: the end is near."""
        self._worker.ending = True

    # On the event loop.

    async def run(self) -> None:
        """Keep the newest values ready for who wants them; to be cancelled."""
        self._loop = asyncio.get_running_loop()
        beside = [asyncio.create_task(part()) for part in (self._complete, self._watch)]
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._pack()
        finally:
            for task in beside:
                task.cancel()

    def changed(self) -> None:
        """Values have been received."""
        self._changed.set()

    def greet(self) -> None:
        """Tell everybody what is shown, which is something else now."""
        self._packed.clear()
        for client in self._clients:
            self._greet(client)
        self._reckon()

    def progress(self, message: Progress) -> None:
        """Tell everybody where a fit is."""
        data = messages.encode(message)
        for client in self._clients:
            client.replace(f"progress {message.shown}", data)
        self.hungry = self._wanted()  # a debt may have been paid meanwhile
        for item in self.session.items:
            self._draw_again(item)

    def note(self, level: Any, text: str) -> None:
        """Tell everybody a line."""
        for client in self._clients:
            client.replace("note", messages.encode(Note(level, text)))

    async def serve(self, socket: Socket) -> None:
        """Talk to one page until it goes."""
        if len(self._clients) >= MAX_CLIENTS:
            await asyncio.sleep(min(_HELD, self.stalled))  # so that a page that tries again at once costs little
            await socket.close(TOO_MANY, f"{MAX_CLIENTS} pages are open already: close one of them")
            return
        client, tasks = Client(socket), []
        self._clients.add(client)
        try:
            self._greet(client)
            self._reckon()
            tasks = [asyncio.create_task(part(client)) for part in (self._receive, self._send, self._serve_jobs)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.discard(client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._reckon()

    def _greet(self, client: Client) -> None:
        client.greetings.clear()
        client.sent.clear()
        client.unread.clear()
        for kind in client.latest.keys() - _LINES:  # what was said holds, whatever is shown
            del client.latest[kind]
        client.drawn = None  # a picture that was asked for is drawn anew
        if client.asked and client.asked.shown not in {item.shown.id for item in self.session.items}:
            client.asked = None
        client.work.set()
        try:
            client.greetings.append(messages.encode(self.session.hello()))
        except ValueError as error:
            told = Note("error", f"what is shown cannot be told: {messages.line(error)}")
            client.greetings.append(messages.encode(told))
        client.greetings.extend(messages.encode(Note("info", text)) for text in self.session.notes)
        client.news.set()

    def _reckon(self) -> None:
        self.hungry = self._wanted()
        self.looked = frozenset(
            item.shown.id for item in self.session.items if any(each.looks(item.shown.id) for each in self._clients)
        )
        self._changed.set()
        self._wake()

    def _wanted(self) -> frozenset[int]:
        numbers, again = [item.shown.id for item in self.session.items], self._draws_again()
        return frozenset(
            number
            for number in numbers
            if any(client.takes(number) or (again and client.sees(number)) for client in self._clients)
        )

    def _draws_again(self) -> bool:
        """Whether pictures that nobody has asked for anew may be drawn now."""
        return not (self.session.running and self.allowance.owed)

    def _wake(self) -> None:
        for client in self._clients:
            client.news.set()

    async def _do(self, work: Callable[[], T]) -> T:
        """In the fields' thread; while a fit is running only as much as the allowance allows."""
        async with self._turn:  # so that each sees what the one before has cost
            while self.session.running and (wait := self.allowance.wait):
                await asyncio.sleep(min(wait, _LOOK_AGAIN))
            return await asyncio.wrap_future(self._worker.submit(lambda: self._charged(work)))

    def _charged(self, work: Callable[[], T]) -> T:
        with self.allowance.charged() if self.session.running else nullcontext():
            return work()

    async def _complete(self) -> None:
        """Load the signals that take long, now that the page can be seen."""
        for item in self.session.items:
            try:
                more = await self._do(item.complete)
            except GivenUp:
                return
            except Exception as error:
                self.session.notes.append(messages.line(error))
                self.note("error", messages.line(error))
                continue
            if more:
                self.greet()

    async def _watch(self) -> None:
        """Look now and then at what other processes do."""
        while True:
            await asyncio.sleep(_WATCHED)
            for watch in self.session.watches:
                try:
                    more = await self._do(watch)
                except GivenUp:
                    return
                except Exception as error:
                    self.note("error", messages.line(error))
                    continue
                if more:
                    self.greet()
                else:
                    for progress in self.session.progress():
                        self.progress(progress)
                self.changed()

    async def _pack(self) -> None:
        """Make snapshots of what has changed and is wanted, and have pictures drawn again."""
        for item in self.session.items:
            number = item.shown.id
            self._draw_again(item)
            if item.shown.program is None or not any(client.takes(number) for client in self._clients):
                continue
            before = self._packed.get(number)
            if before is not None and before[0].serial >= item.serial:
                continue
            try:
                packed = await self._do(lambda item=item: _packed(item))
            except GivenUp:
                return
            except Exception as error:
                self.note("error", f"{item.shown.name} cannot be sent: {messages.line(error)}")
                continue
            if item in self.session.items:
                self._packed[number] = packed
        self._wake()

    def _draw_again(self, item: Item) -> None:
        for client in self._clients:
            if client.sees(item.shown.id) and self._is_due(client):
                client.work.set()

    async def _send(self, client: Client) -> None:
        while True:
            data = self._next(client)
            if data is None:
                client.news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(client.news.wait(), self.stalled)
                if client.socket.closing:  # it answers no pings, and what it was sent may never leave
                    break
                continue
            try:
                await asyncio.wait_for(client.socket.send(data), self.stalled)
            except (TimeoutError, Gone):
                break
        client.socket.abort()

    def _next(self, client: Client) -> str | bytes | None:
        """What this page is sent next: what is shown, answers, then what replaces itself, then weights."""
        if client.greetings:
            return client.greetings.popleft()
        if client.answers:
            data = client.answers.popleft()
            client.work.set()
            return data
        if client.latest:
            return client.latest.pop(next(iter(client.latest)))
        for number, (snapshot, data) in self._packed.items():
            if client.takes(number) and client.sent.get(number, 0) < snapshot.serial:
                client.sent[number] = snapshot.serial
                client.unread.add(number)
                if self.session.running:
                    self.allowance.spend(len(data) * _SECONDS_PER_BYTE)
                self.hungry = self._wanted()
                return data
        return None

    async def _receive(self, client: Client) -> None:
        with suppress(Gone):
            while True:
                data = await client.socket.receive()
                try:
                    self._take(client, messages.request(data))
                except NeuralFieldsError as error:
                    client.faults += 1
                    if client.faults > MAX_FAULTS:
                        await client.socket.close(BAD, "too many messages that are none of the page's")
                        return
                    client.fault(str(error))

    def _take(self, client: Client, message: Any) -> None:
        if isinstance(message, Ack):
            if client.sent.get(message.shown) == message.serial:
                client.unread.discard(message.shown)
                self._reckon()
        elif isinstance(message, Watch):
            client.drawing, client.pictures = frozenset(message.weights), message.pictures
            if not message.pictures:
                client.asked = client.drawn = None
            client.work.set()  # a picture that was asked for in vain is wanted now
            self._reckon()
        elif isinstance(message, Control):
            self._control(client, message)
        elif isinstance(message, Draw):
            self.session.item(message.shown)
            client.asked, client.drawn = message, None
            if client.pictures:
                self.looked |= {message.shown}
            client.work.set()
        elif len(client.jobs) >= _MAX_JOBS:
            client.fault(f"more than {_MAX_JOBS} questions at once")
        else:
            self.session.item(message.shown)
            client.jobs.append(message)
            client.work.set()

    def _control(self, client: Client, message: Control) -> None:
        control = self.session.control  # which the fit's own thread takes away
        if control is None:
            client.fault(f"nothing is being fitted here that could {message.action}")
        else:
            control(message.action)

    async def _serve_jobs(self, client: Client) -> None:
        """Answer questions one after the other, then draw; wait while answers are not taken."""
        while True:
            if client.jobs and not client.answers:
                await self._answer(client, client.jobs.popleft())
            elif not client.jobs and (asked := client.asked) is not None and self._is_due(client):
                await self._draw(client, asked)
            else:
                client.work.clear()
                await client.work.wait()

    def _is_due(self, client: Client) -> bool:
        item = client.asked and self._known(client.asked.shown)
        if item is None or not client.pictures:
            return False
        return client.drawn is None or (client.drawn[1] < item.serial and self._draws_again())

    def _known(self, number: int) -> Item | None:
        """The item, unless something else has just begun to be shown."""
        return next((item for item in self.session.items if item.shown.id == number), None)

    async def _answer(self, client: Client, message: Ask | Probe | Export) -> None:
        try:
            item = self.session.item(message.shown)
            answer, body = await self._do(lambda: _answered(self.session, item, message, self._waits(client)))
        except GivenUp:
            return
        except Exception as error:
            client.answer(Note("error", messages.line(error)))
            return
        client.answer(answer, body)

    async def _draw(self, client: Client, asked: Draw) -> None:
        from neuralfields.viewer import frames

        if (item := self._known(asked.shown)) is None:
            return
        serial, clock, shown = item.serial, time.perf_counter(), None
        client.drawn = None
        self.hungry = self._wanted()  # values that come meanwhile would be old when the next picture is drawn
        factors = frames.factors(asked)
        for factor, finer in zip(factors, (*factors[1:], None), strict=True):
            while client.jobs and not client.answers:
                await self._answer(client, client.jobs.popleft())
            try:
                data, legend, took = await self._do(partial(self._drawn, client, item, asked, factor))
            except GivenUp:
                if shown is not None and client.asked is asked:  # the one before has turned out to be the last
                    client.replace("frame", messages.encode(replace(shown[0], last=True), shown[1]))
                break
            except Exception as error:
                client.fault(messages.line(error))
                break
            if client.asked is not asked:
                return
            # Beside a fit it ends where the next would take too long; once the fit rests, it is drawn anew.
            last = finer is None or (self.session.running and took * (factor / finer) ** 2 > self.allowance.most)
            told = Frame(asked.request, asked.shown, factor, last, 1000 * (time.perf_counter() - clock), legend)
            client.replace("frame", messages.encode(told, data))
            shown = told, data
            if last:
                break
        if client.asked is asked:
            client.drawn = asked, serial
            self._reckon()

    def _drawn(self, client: Client, item: Item, asked: Draw, factor: int) -> tuple[bytes, Any, float]:
        """A picture, what the ends of its colours stand for, and the seconds it took; given up if not waited for."""
        from neuralfields.viewer import frames

        clock, there = time.perf_counter(), self._waits(client)
        most = math.inf if factor == frames.factors(asked)[0] else 2 * self.allowance.most

        def waited() -> bool:
            late = self.session.running and time.perf_counter() - clock > most
            return client.asked is asked and not late and there()

        data, legend = frames.draw(item, asked, factor, waited)
        return data, legend, time.perf_counter() - clock

    def _waits(self, client: Client) -> Callable[[], bool]:
        """Whether a page still waits for what it has asked for."""
        return lambda: client in self._clients and not self._worker.ending


def _packed(item: Item) -> tuple[Snapshot, bytes]:
    snapshot = item.snapshot()
    told = Weights(item.shown.id, snapshot.serial, snapshot.step, snapshot.arrays)
    data = messages.encode(told, snapshot.data)
    assert isinstance(data, bytes)
    return snapshot, data


def _answered(
    session: Session, item: Item, message: Ask | Probe | Export, waited: Callable[[], bool]
) -> tuple[FromServer, bytes | None]:
    if isinstance(message, Probe):
        return item.probe(message.request, message.x), None
    if isinstance(message, Ask):
        return item.truth() if message.view is None else item.photo(message.view)

    def undisturbing() -> bool:
        if session.running:
            raise InputError(f"no {message.what} is made beside a running fit: pause the fit first")
        return waited()

    undisturbing()
    return item.mesh(message.resolution, undisturbing) if message.what == "mesh" else session.page(undisturbing)
