"""The server lets its own page in and nobody else, and is bounded in all that a page may cost it."""

import contextlib
import json
import random
import socket
import time

import pages
import pytest
from pages import Page, asked, cookie, knocked, serving, token
from websockets.exceptions import ConnectionClosed

from neuralfields.errors import InputError
from neuralfields.viewer import messages, server
from neuralfields.viewer.hub import MAX_CLIENTS, MAX_FAULTS
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import Hello, Note, Probe, Probed
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

FUZZED = 10_000


@pytest.fixture
def item() -> Item:
    return Item(pages.small_field(), name="photo")


def test_the_page_and_what_it_may_load(item):
    with serving(item) as place:
        answer = asked(place, "GET", "/", origin="")
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'sha256-" in policy
        assert "unsafe-inline" not in policy.partition("style-src")[0]
        assert "frame-ancestors 'self' http://localhost:*" in policy
        assert f"connect-src 'self' ws://127.0.0.1:{place.port}" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert token(place) not in answer.text  # type: ignore[attr-defined]
        assert "server" not in answer.headers


def test_a_token_becomes_a_cookie(item):
    with serving(item) as place:
        assert asked(place, "GET", "/session").status == 401
        answer = asked(place, "POST", "/session", json.dumps({"token": token(place)}))
        given = answer.headers["set-cookie"].lower()
        assert "httponly" in given and "samesite=strict" in given and token(place).lower() not in given
        assert asked(place, "GET", "/session", cookie=cookie(place)).status == 204
        for body in (
            "",
            "{}",
            "[1]",
            "null",
            '{"token": 1}',
            '{"token": "é"}',
            "[" * 900,
            json.dumps({"token": "x" * 2000}),
        ):
            assert asked(place, "POST", "/session", body).status == 403


def test_a_ticket_opens_once(item):
    with serving(item) as place:
        body = json.dumps({"token": place.ticket()})
        assert [asked(place, "POST", "/session", body).status for _ in range(2)] == [204, 403]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://localhost:{port}", "http://127.0.0.1:1"])
def test_foreign_origins_are_refused(item, origin):
    with serving(item) as place:
        known = cookie(place)
        told = origin.format(port=place.port)
        assert knocked(place, origin=told, cookie=known) == 403
        assert asked(place, "POST", "/session", json.dumps({"token": token(place)}), origin=told).status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "localhost@evil", "192.168.1.7:7310", "x" * 300]
)
def test_foreign_hosts_are_refused(item, host):
    with serving(item) as place:
        assert asked(place, "GET", "/", host=host, origin="").status == 403
        assert knocked(place, host=host, cookie=cookie(place)) == 403


@pytest.mark.parametrize(
    "host", ["localhost:9999", "127.0.0.1:80", "LOCALHOST", "[::1]:7310", "[::1]", "localhost:99999"]
)
def test_tunnels_are_let_in(item, host):
    with serving(item) as place:
        assert asked(place, "GET", "/", host=host, origin="").status == 200
        there = {"host": host, "origin": f"http://{host}"}
        assert knocked(place, **there, cookie=cookie(place, **there)) == 101


def test_a_new_server_takes_the_place_of_the_cookie_before(item):
    with serving(item) as first:
        before = cookie(first)
    with Server(Session([item]), port=first.port) as second:
        name, _, secret = cookie(second).partition("=")
        assert before.partition("=")[0] == name and before.partition("=")[2] != secret
        assert knocked(second, cookie=before) == 401


def test_without_the_cookie_nobody_gets_in(item):
    with serving(item) as place, serving(item) as other:
        name = cookie(place).partition("=")[0]
        for wrong in ("", cookie(other), f"{name}=", f"{name}={token(place)}", f"{name}=\xe9"):
            assert knocked(place, cookie=wrong) == 401


def test_other_machines_are_asked_for_by_name(item):
    with Server(Session([item]), host="0.0.0.0", port=0) as place:
        assert place.wide and place.url.startswith("http://127.0.0.1:")
        assert place.elsewhere == place.url.replace("127.0.0.1", socket.gethostname())
        assert asked(place, "GET", "/", host="workstation.lan:80", origin="").status == 200
        assert knocked(place, origin="http://evil.example", cookie=cookie(place)) == 403
        assert knocked(place) == 401


def test_a_port_that_is_taken(item):
    with serving(item) as place:
        with pytest.raises(InputError, match=f"cannot listen at 127.0.0.1 port {place.port}: .*--port 0 takes any"):
            Server(Session([item]), port=place.port)
        with pytest.raises(InputError, match="port is between 0 and 65535, got 70000"):
            Server(Session([item]), port=70000)
    with pytest.raises(InputError, match=r"cannot listen at 192.0.2.1: that is no address of this machine"):
        Server(Session([item]), host="192.0.2.1")  # of a network for examples
    for name in ("no host", "x" * 100):
        with pytest.raises(InputError, match=f"cannot listen at {name}: no such address is known"):
            Server(Session([item]), host=name)
    with Server(Session([item])) as first, Server(Session([item])) as second:
        assert first.port != second.port


def test_an_installation_without_the_page(item, monkeypatch):
    def nothing() -> str:
        raise FileNotFoundError("index.html")

    monkeypatch.setattr(server, "bundle", nothing)
    with pytest.raises(InputError, match="lacks the viewer's page"):
        Server(Session([item]))


def test_more_pages_than_fit(item):
    with serving(item, stalled=0.2) as place, contextlib.ExitStack() as stack:
        known = cookie(place)
        many = [stack.enter_context(Page(place, known=known)) for _ in range(100)]
        for page in many[:MAX_CLIENTS]:
            page.hear(Hello)
        for page in many[MAX_CLIENTS:]:
            with pytest.raises(ConnectionClosed) as closed:
                page.hear(Hello)
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
                1013,
                f"{MAX_CLIENTS} pages are open already: close one of them",
            )
    with serving(item) as place:
        for _ in range(2 * MAX_CLIENTS):  # those that go make room
            with Page(place) as page:
                page.hear(Hello)


def test_a_message_that_is_too_long(item):
    with serving(item) as place, Page(place) as page:
        page.socket.send("x" * (messages.MAX_REQUEST + 1))
        with pytest.raises(ConnectionClosed) as closed:
            page.hear(Probed)
        assert closed.value.rcvd.code == 1009


def test_bad_messages_are_told_and_then_end_it(item):
    with serving(item) as place, Page(place) as page:
        page.socket.send('{"type": "probe", "request": 1, "shown": 0, "x": [NaN, 0]}')
        assert page.hear(Note)[0].text == "a message's numbers are finite, got NaN"
        for _ in range(MAX_FAULTS):  # no more: what a closed socket is sent can lose the reason why it was closed
            page.socket.send("no")
        with pytest.raises(ConnectionClosed) as closed:
            page.hear(Probed)
        assert closed.value.rcvd.code == 1008


def test_many_bad_messages_do_no_harm(item):
    random_ = random.Random(7)
    wrong = [pages.wrong(random_) for _ in range(FUZZED)]
    with serving(item) as place:
        known = cookie(place)
        while wrong:
            with contextlib.suppress(ConnectionClosed), Page(place, known=known) as page:
                while wrong:
                    page.socket.send(wrong.pop())
        with Page(place) as other:
            other.say(Probe(5, 0, (0.25, -0.5)))
            told, _ = other.hear(Probed)
            assert told.request == 5 and len(told.value) == 3


def test_a_page_that_never_reads_is_given_up(item):
    item.field.register_buffer("ballast", pages.torch.zeros(1 << 22))  # more than the system's buffers hold
    with serving(item, stalled=0.5) as place:
        head = (
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\nOrigin: http://127.0.0.1:{place.port}\r\n"
            f"Cookie: {cookie(place)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", place.port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(head.encode())
            end = time.monotonic() + pages.SECONDS
            while not place.hub._clients:
                assert time.monotonic() < end
                time.sleep(0.01)
            while place.hub._clients:
                place.hub.post(lambda: place.hub.note("info", "x" * 50_000))
                assert time.monotonic() < end
                time.sleep(0.01)
        with Page(place, acks=False) as page:
            page.hear(Hello)
