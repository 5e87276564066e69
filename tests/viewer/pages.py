"""What the tests of the viewer's server share: pages that are Python, and fields to look at."""

import contextlib
import http.client
import json
import random
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from websockets.sync.client import ClientConnection, connect

import neuralfields as nf
from neuralfields.viewer import messages
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import Ack, Ask, Control, Draw, Export, FromPage, Hello, Look, Probe, Watch, Weights
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

SECONDS = 60  # until an answer that is not coming fails a test


def picture(height: int = 12, width: int = 16) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([x / width, y / height, np.full_like(x, 0.5)], -1)


def small_field(seed: int = 0) -> nf.Chain:
    """A picture's field with a hash grid, which a page can draw itself."""
    torch.manual_seed(seed)
    return nf.Chain(nf.encodings.HashGrid(2, levels=4, log2_size=8), nf.networks.MLP(8, 3, width=16, depth=1))


class Odd(nf.Field):
    """A field that no page can draw itself."""

    def __init__(self, in_dim: int = 2, out_dim: int = 3) -> None:
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.shift = torch.nn.Parameter(torch.tensor(0.25))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.erf(x.sum(-1, keepdim=True) + self.shift).expand(*x.shape[:-1], self.out_dim)


class Slow(nf.Field):
    """A field that stands still amid the first large picture, until ``gate`` is open.

    Attributes (of the class, because fields are copied):
        begun: whether it stands still.
        asked: points, call by call; it answers ``free`` of them.
    """

    begun, gate = threading.Event(), threading.Event()
    asked: ClassVar[list[int]] = []
    free: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 2, 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(x))
        if sum(self.asked) > self.free and not self.gate.is_set():
            self.begun.set()
            assert self.gate.wait(SECONDS)
        return torch.cat([x, x[..., :1]], -1)


@contextlib.contextmanager
def serving(*items: Item, **options: Any) -> Iterator[Server]:
    with Server(Session(items), port=0, **options) as server:
        yield server


def asked(server: Server, method: str, path: str, body: str = "", **headers: str) -> http.client.HTTPResponse:
    """The answer to a request with these headers, read to its end; ``host`` and ``origin`` are right by default."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    known = {"host": f"127.0.0.1:{server.port}", "origin": f"http://127.0.0.1:{server.port}"} | headers
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in known.items():
            if value:
                connection.putheader(name, value.encode("latin-1"))
        connection.putheader("content-length", str(len(body.encode())))
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        return answer
    finally:
        connection.close()


def token(server: Server) -> str:
    return server.url.partition("#token=")[2]


def cookie(server: Server, **headers: str) -> str:
    """What a browser would send from now on."""
    answer = asked(server, "POST", "/session", json.dumps({"token": token(server)}), **headers)
    assert answer.status == 204
    return answer.headers["set-cookie"].partition(";")[0]


class Page:
    """A page that says and hears what a browser's would, as one that draws all there is. A context manager.

    Args:
        acks: whether it acknowledges weights.
        watches: whether it says that it draws what it is told of.
    """

    socket: ClientConnection

    def __init__(self, server: Server, *, acks: bool = True, watches: bool = True, known: str = ""):
        self._acks, self._watches = acks, watches
        # As a context manager, because this library's own connections want to be used as such.
        self._opening = connect(
            f"ws://127.0.0.1:{server.port}/live",
            origin=f"http://127.0.0.1:{server.port}",  # type: ignore[arg-type]
            additional_headers={"Cookie": known or cookie(server)},
            max_size=None,
            compression=None,
            proxy=None,
            open_timeout=SECONDS,
        )

    def __enter__(self) -> "Page":
        self.socket = self._opening.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._opening.__exit__(*error)

    def say(self, message: FromPage) -> None:
        self.socket.send(messages.encode(message))

    def hear(self, kind: type, **wanted: Any) -> tuple[Any, bytes | None]:
        """The next message of this class with these values; others are passed over."""
        return self._heard(kind, wanted)[-1]

    def until(self, kind: type, **wanted: Any) -> list[type]:
        """The classes of all that comes until such a message has come."""
        return [type(message) for message, _ in self._heard(kind, wanted)]

    def _heard(self, kind: type, wanted: dict[str, Any]) -> list[tuple[Any, bytes | None]]:
        heard = []
        while True:
            message, body = messages.decode(self.socket.recv(SECONDS))
            if isinstance(message, Weights) and self._acks:
                self.say(Ack(message.shown, message.serial))
            if isinstance(message, Hello) and self._watches:
                self.say(Watch(tuple(shown.id for shown in message.shown), True))
            heard.append((message, body))
            if isinstance(message, kind) and all(getattr(message, name) == value for name, value in wanted.items()):
                return heard


def knocked(server: Server, **headers: str) -> int:
    """The status with which a WebSocket is answered: 101 where it opens."""
    upgrade = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13"}
    return asked(
        server, "GET", "/live", **upgrade, **{"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}, **headers
    ).status


def wrong(random_: random.Random) -> str | bytes:
    """A message with something wrong with it, most times."""
    good = random_.choice(
        [
            Ack(0, 1),
            Watch((0,), False),
            Ask(0, None),
            Draw(1, 0, 16, 16, "fit", None, None, None, 2, 0.0, Look()),
            Probe(1, 0, (0.1, 0.2)),
            Control("pause"),
            Export(0, "mesh", 16),
        ]
    )
    value = json.loads(messages.encode(good))
    junk: Any = [
        None,
        True,
        -1,
        1.5,
        1e308,
        10**400,
        2**63,
        "",
        "x" * 500,
        [],
        {},
        [[]],
        float("nan"),
        float("inf"),
        "\ud800",
    ]
    for _ in range(random_.randint(1, 3)):
        key = random_.choice([*value, "more"])
        if random_.random() < 0.3:
            value.pop(key, None)
        else:
            value[key] = random_.choice(junk)
    text = json.dumps(value)
    how = random_.random()
    if how < 0.1:
        return text.encode()
    if how < 0.2:
        return text[: random_.randrange(len(text))]
    if how < 0.3:
        return "".join(chr(random_.randrange(1, 0x300)) for _ in range(random_.randrange(200)))
    return "[" * 5000 if how < 0.31 else text
