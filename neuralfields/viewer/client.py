"""One page that looks: its connection, and what it is still to be sent and asked for."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from neuralfields.viewer import messages
from neuralfields.viewer.protocol import Ask, Draw, Export, FromServer, Note, Probe


class Socket(Protocol):
    """One page's connection."""

    async def receive(self) -> str | bytes: ...
    async def send(self, data: str | bytes) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...
    def abort(self) -> None: ...
    @property
    def closing(self) -> bool: ...


class Gone(Exception):
    """The page is no longer there."""


@dataclass(eq=False)
class Client:
    """Used on the server's event loop only."""

    socket: Socket
    greetings: deque[str | bytes] = field(default_factory=deque)  # what is shown now, ahead of all else
    answers: deque[str | bytes] = field(default_factory=deque)
    latest: dict[str, str | bytes] = field(default_factory=dict)  # what replaces itself, by kind
    sent: dict[int, int] = field(default_factory=dict)  # serial of each item's weights, the newest sent
    unread: set[int] = field(default_factory=set)  # items whose weights are not acknowledged yet
    drawing: frozenset[int] = frozenset()  # items that the page draws itself
    jobs: deque[Ask | Probe | Export] = field(default_factory=deque)
    pictures: bool = True  # whether it shows what is drawn here, as far as it has said
    asked: Draw | None = None
    drawn: tuple[Draw, int] | None = None  # the last picture that was finished, and of which serial
    faults: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    work: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, message: FromServer, body: bytes | None = None) -> None:
        self.answers.append(messages.encode(message, body))
        self.news.set()

    def replace(self, kind: str, data: str | bytes) -> None:
        self.latest[kind] = data
        self.news.set()

    def fault(self, text: str) -> None:
        self.replace("fault", messages.encode(Note("error", text)))

    def takes(self, number: int) -> bool:
        """Whether newer weights of an item would be drawn by the page now."""
        return number in self.drawing and number not in self.unread

    def sees(self, number: int) -> bool:
        """Whether an item would be drawn here again."""
        return self.asked is not None and self.asked.shown == number and self.drawn is not None

    def looks(self, number: int) -> bool:
        """Whether an item is in sight, be it that its newest values are still on their way."""
        return number in self.drawing or (self.pictures and self.asked is not None and self.asked.shown == number)
