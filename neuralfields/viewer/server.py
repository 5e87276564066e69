"""The page and its WebSocket over HTTP, on this machine only unless asked otherwise.

Who may come in: requests whose Host is this machine's (any port, so that ssh tunnels work), whose Origin is that Host,
and that have the cookie which a POST of the token gives. The token stands in the fragment of the address, which
browsers keep to themselves.
"""

import asyncio
import base64
import errno
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import threading
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from neuralfields.checks import between
from neuralfields.errors import InputError
from neuralfields.viewer.client import Gone
from neuralfields.viewer.hub import Hub
from neuralfields.viewer.messages import MAX_REQUEST
from neuralfields.viewer.page import bundle
from neuralfields.viewer.session import Session

PORT = 7310
LOOPBACK = "127.0.0.1"

_ALL = {"0.0.0.0": LOOPBACK, "::": "::1"}  # what means all of this machine's addresses, and one of them

_TRIES = 20  # ports after the usual one, where that is taken
_MAX_TOKEN = 1024  # bytes of the body that holds it
_MAX_CONNECTIONS = 256
_HERE = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_ANYWHERE = re.compile(r"[\w.\-]+(:\d{1,5})?|\[[0-9a-f:.]+\](:\d{1,5})?", re.IGNORECASE)
_PORT = re.compile(r":(\d+)$")
_SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_FRAMES = "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*"


class Server:
    """Shows a session in the browser, from a thread of its own, until it is closed. A context manager.

    Args:
        session: what is shown.
        host: the address to listen at. Any but this machine's own lets others come in who have the token.
        port: 0 for any that is free; by default 7310 or one of the next.
        stalled: seconds after which a page that takes nothing is given up.

    Raises:
        InputError: the port is taken, there is no such address, or this installation lacks the page.

    Attributes:
        url: of the page on this machine, with the token in its fragment.
        elsewhere: the same for other machines; None where they cannot reach it.
        place: the same as ``url`` without the token.
        port: where it listens.
        wide: whether other machines can reach it.
        hub: everybody who is looking.
    """

    def __init__(self, session: Session, *, host: str = LOOPBACK, port: int | None = None, stalled: float = 20.0):
        page = _page()
        self._socket = _listening(host, port)
        self.port = int(self._socket.getsockname()[1])
        self.wide = _is_wide(host)
        token = secrets.token_urlsafe(32)
        self.place = f"http://{_shown(host)}:{self.port}/"
        self.url = f"{self.place}#token={token}"
        self.elsewhere = f"http://{_named(host)}:{self.port}/#token={token}" if self.wide else None
        self.hub = Hub(session, stalled=stalled)
        self._site = _Site(self.hub, page, token, self.wide)
        self._uvicorn = uvicorn.Server(_config(self._site.app))
        self._site.connections = self._uvicorn.server_state.connections
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neuralfields-server", daemon=True)
        self._thread.start()
        self._started.wait()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Send everybody away and end the thread."""
        self.hub.give_up()
        self._uvicorn.should_exit = True
        self._thread.join()
        self.hub.close()

    def ticket(self) -> str:
        """A token that is good for one use, unlike that of ``url``."""
        return self._site.ticket()

    def wait(self) -> None:
        """Until the server is closed, or Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(0.5)  # so that Windows sees Ctrl-C

    def _run(self) -> None:
        with self._socket:
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        hub = asyncio.create_task(self.hub.run())
        asyncio.get_running_loop().call_soon(self._started.set)
        try:
            await self._uvicorn.serve(sockets=[self._socket])
        finally:
            hub.cancel()
            with suppress(asyncio.CancelledError):
                await hub


class _Site:
    """What is at which path, and who may go there."""

    def __init__(self, hub: Hub, page: str, token: str, wide: bool):
        self._hub, self._page, self._token = hub, page, token.encode()
        self._known = _ANYWHERE if wide else _HERE
        self._policy = _policy(page)
        self._secret = secrets.token_urlsafe(32)
        self.connections: set[Any] = set()
        self._tickets: set[str] = set()
        routes = [
            Route("/", self._index),
            Route("/session", self._knows, methods=["GET"]),
            Route("/session", self._enter, methods=["POST"]),
            WebSocketRoute("/live", self._live),
        ]
        self.app: ASGIApp = self._guarded(Starlette(routes=routes))

    def _guarded(self, app: ASGIApp) -> ASGIApp:
        async def guard(scope: Scope, receive: Receive, send: Send) -> None:
            refusal = self._refusal(scope)
            if refusal is None:
                await app(scope, receive, send)
            elif scope["type"] == "websocket":
                await WebSocket(scope, receive, send).send_denial_response(_said(refusal, 403))
            else:
                await _said(refusal, 403)(scope, receive, send)

        return guard

    def _refusal(self, scope: Scope) -> str | None:
        """Why this request goes no further."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._known.fullmatch(hosts[0]):
            return "this server is reached by the name of its own machine, such as 127.0.0.1 or localhost"
        if scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD"):
            host = hosts[0].lower()
            if [origin.lower() for origin in origins] not in ([f"http://{host}"], [f"https://{host}"]):
                return "only this server's own page may do that"
        return None

    async def _index(self, request: Request) -> Response:
        host = request.headers["host"]
        headers = {
            "Content-Security-Policy": f"{self._policy}; connect-src 'self' ws://{host} wss://{host}",
            **_GUARDS,
        }
        return Response(self._page, media_type="text/html", headers=headers)

    async def _knows(self, request: Request) -> Response:
        return _said("", 204) if self._is_in(request) else _said("the address lacks its token", 401)

    async def _enter(self, request: Request) -> Response:
        given = await _token(request)
        if given is None or not (hmac.compare_digest(given, self._token) or self._spent(given)):
            return _said("the token is another server's: take the address that nf has printed last", 403)
        response = _said("", 204)
        response.set_cookie(_cookie(request), self._secret, httponly=True, samesite="strict", path="/")
        return response

    def ticket(self) -> str:
        """A token that opens once, for where others might read it: a browser's arguments, a notebook's file."""
        self._tickets.add(ticket := secrets.token_urlsafe(32))
        return ticket

    def _spent(self, given: bytes) -> bool:
        for ticket in tuple(self._tickets):
            if hmac.compare_digest(given, ticket.encode()):
                self._tickets.discard(ticket)
                return True
        return False

    def _is_in(self, asked: HTTPConnection) -> bool:
        return hmac.compare_digest(asked.cookies.get(_cookie(asked), "").encode(), self._secret.encode())

    async def _live(self, websocket: WebSocket) -> None:
        if not self._is_in(websocket):
            await websocket.send_denial_response(_said("the address lacks its token", 401))
            return
        await websocket.accept()
        await self._hub.serve(_Socket(websocket, self.connections))


class _Socket:
    """A WebSocket as ``hub.Socket``."""

    def __init__(self, websocket: WebSocket, connections: set[Any]):
        self._websocket = websocket
        self._own = [one for one in connections if getattr(one, "scope", None) is websocket.scope]
        self._connections = connections

    async def receive(self) -> str | bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        text = message.get("text")
        return text if text is not None else message["bytes"]

    async def send(self, data: str | bytes) -> None:
        send = self._websocket.send_text if isinstance(data, str) else self._websocket.send_bytes
        try:
            await send(data)  # type: ignore[arg-type]
        except (WebSocketDisconnect, RuntimeError):
            raise Gone from None

    async def close(self, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.close(code, reason)

    def abort(self) -> None:
        for connection in self._own:
            connection.transport.abort()

    @property
    def closing(self) -> bool:
        return any(connection.transport.is_closing() for connection in self._own)


_GUARDS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _said(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, headers=_GUARDS) if text else Response(status_code=status, headers=_GUARDS)


def _cookie(asked: HTTPConnection) -> str:
    """Cookies do not know ports, so their names do: the next server at a port takes the place of the one before."""
    port = _PORT.search(asked.headers["host"])
    return f"neuralfields-{port[1] if port else 80}"


async def _token(request: Request) -> bytes | None:
    """The token that the body holds, if it is what it should be."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_TOKEN:
            return None
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return None
    token = given.get("token") if isinstance(given, dict) else None
    return token.encode(errors="replace") if isinstance(token, str) else None


def _page() -> str:
    try:
        return bundle()
    except OSError:
        raise InputError(
            "this installation lacks the viewer's page, static/index.html: install it again; make viewer makes it"
        ) from None


def _policy(page: str) -> str:
    """What the page may load: its own scripts by their hashes, and nothing from anywhere else."""
    digests = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in _SCRIPT.findall(page)}
    scripts = " ".join(f"'sha256-{digest}'" for digest in sorted(digests)) or "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src 'self' data: blob:; "
        f"media-src blob:; worker-src blob:; base-uri 'none'; form-action 'none'; {_FRAMES}"
    )


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=MAX_REQUEST,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=1,
    )


def _listening(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port is not None:
        between(0, 65535, port=port)
    try:
        socket.getaddrinfo(host, 0, family)
    except (socket.gaierror, UnicodeError):
        raise InputError(f"cannot listen at {host}: no such address is known") from None
    wanted = [*range(PORT, PORT + _TRIES), 0] if port is None else [port]
    for number in wanted:
        try:
            return socket.create_server((host, number), family=family, backlog=128)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise InputError(f"cannot listen at {host}: that is no address of this machine") from None
            if number == wanted[-1]:
                told = os.strerror(error.errno or 0)  # the error's own text says the address once more
                raise InputError(
                    f"cannot listen at {host} port {number}: {told}; --port 0 takes any that is free"
                ) from None
    raise AssertionError


def _is_wide(host: str) -> bool:
    return not _HERE.fullmatch(f"[{host}]" if ":" in host else host)


def _named(host: str) -> str:
    """How other machines reach what listens at ``host``."""
    return socket.gethostname() if host in _ALL else _shown(host)


def _shown(host: str) -> str:
    """How a browser on this machine reaches what listens at ``host``."""
    host = _ALL.get(host, host)
    return f"[{host}]" if ":" in host else host
