"""Messages survive the way there and back, and what is not exactly as declared is refused in one line."""

import dataclasses
import json
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from neuralfields.errors import InputError
from neuralfields.viewer.messages import decode, encode, request
from neuralfields.viewer.program import Node
from neuralfields.viewer.protocol import (
    Ack,
    Ask,
    Control,
    Draw,
    Export,
    FromPage,
    FromServer,
    Look,
    Probe,
    Watch,
    Weights,
)


def samples(hint: Any) -> list[Any]:
    """Values of this type: all that a choice has, one and none where there may be none."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return list(parts)
    if origin in (Union, types.UnionType):
        return [value for part in parts for value in samples(part)]
    if origin is tuple and parts[-1] is Ellipsis:
        return [tuple(samples(parts[0])[:3]), ()]
    if origin is tuple:
        return [tuple(samples(part)[0] for part in parts)]
    if dataclasses.is_dataclass(hint):
        return of_class(hint)  # type: ignore[arg-type]
    plain = {int: [3, 0], float: [0.5, -1e-9], str: ["né", ""], bool: [True, False], types.NoneType: [None]}
    return plain[hint]


def of_class(cls: type) -> list[Any]:
    columns = {name: samples(hint) for name, hint in get_type_hints(cls).items()}
    rows = max(map(len, columns.values()))
    return [cls(**{name: column[k % len(column)] for name, column in columns.items()}) for k in range(rows)]


@pytest.mark.parametrize("cls", [*get_args(FromServer), *get_args(FromPage)], ids=lambda cls: cls.__name__)
def test_there_and_back(cls):
    kinds = FromServer if cls in get_args(FromServer) else FromPage
    for message in of_class(cls):
        assert decode(encode(message), kinds) == (message, None)
        for body in (b"", b"abc", bytes(range(17))):
            data = encode(message, body)
            assert isinstance(data, bytes)
            assert (4 + int.from_bytes(data[:4], "little")) % 8 == 0
            assert decode(data, kinds) == (message, body)


def test_samples_are_of_all_nodes():
    assert {type(node) for node in samples(Node)} == set(get_args(Node))


def test_numbers_are_finite():
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(Probe(0, 1, (float("nan"),)))


def test_what_a_page_may_ask():
    pose = (1.0, 0.0, 0.0, 0.0) * 3
    for message in (
        Ack(0, 1),
        Watch((0, 2), True),
        Watch((), False),
        Ask(0, None),
        Ask(1, 2),
        Draw(1, 0, 64, 48, "fit", (-1.0, -1.0, 1.0, 1.0), None, None, 2, 0.0, Look()),
        Draw(1, 0, 64, 48, "depth", None, pose, 1.2, 0, 0.5, Look(1, 2.0, "grey", 0.1, "checker")),
        Probe(1, 0, (0.5, 0.25)),
        Control("pause"),
        Export(0, "mesh", 128),
    ):
        assert request(str(encode(message))) == message


WRONG = {
    "[]": "a message has a type that is one of ack, watch, ask, draw, probe, control, export, got []",
    '{"type": "hello"}': 'one of ack, watch, ask, draw, probe, control, export, got "hello"',
    '{"type": ["ack"]}': 'one of ack, watch, ask, draw, probe, control, export, got ["ack"]',
    "{": "a message is not JSON: Expecting property name",
    "[" * 9000: "a message is not JSON: maximum recursion",
    "9" * 5000: "a message is not JSON: Exceeds the limit",
    '{"type": "ack"}': 'ack has the entries shown, serial, type; this one lacks "serial"',
    '{"type": "control", "action": "pause", "more": 1}': 'control has the entries action, type; this one has "more"',
    '{"type": "control", "action": "burn"}': 'control.action is one of pause, resume, step, save, stop, got "burn"',
    '{"type": "ask", "shown": 1.0, "view": null}': "ask.shown is a whole number, got 1.0",
    '{"type": "ask", "shown": true, "view": null}': "ask.shown is a whole number, got true",
    '{"type": "ask", "shown": 9007199254740993, "view": null}': "ask.shown is a whole number, got 9007199254740993",
    '{"type": "ask", "shown": -1, "view": null}': "shown is between 0 and 2.14748e+09, got -1",
    '{"type": "probe", "request": 0, "shown": 0, "x": [1e999]}': "probe.x is a finite number, got Inf",
    '{"type": "probe", "request": 0, "shown": 0, "x": ["1"]}': 'probe.x is a finite number, got "1"',
    '{"type": "watch", "weights": [0], "pictures": 1}': "watch.pictures is true or false, got 1",
    f'{{"type": "watch", "weights": {[0] * 65}, "pictures": true}}': "looked at is between 0 and 64, got 65",
    '{"type": "probe", "request": 0, "shown": 0, "x": [1, NaN]}': "a message's numbers are finite, got NaN",
    '{"type": "probe", "request": 0, "shown": 0, "x": []}': "the number of coordinates is between 1 and 16, got 0",
    '{"type": "probe", "request": 0, "shown": 0, "x": [1e10]}': "x is between -1e+09 and 1e+09, got 1e+10",
    '{"type": "probe", "request": 0, "shown": 0, "x": {"0": 1}}': 'probe.x is a list, got {"0": 1}',
    '{"type": "export", "shown": 0, "what": "mesh", "resolution": 4096}': "resolution is between 8 and 512, got 4096",
    "x" * 20_000: "a page's messages have at most 16384 bytes, this one has 20000",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_refused(text):
    with pytest.raises(InputError) as caught:
        request(text)
    assert WRONG[text] in str(caught.value)
    assert "\n" not in str(caught.value)


LOOK = dataclasses.asdict(Look())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"width": 0}, "width is between 1 and 8192, got 0"),
        ({"width": 8192, "height": 8192}, "the number of pixels is between 1 and"),
        ({"window": [1, 0, 0, 1]}, "window goes from left to right and from top to bottom"),
        ({"window": [0, 0, 1]}, "window has 4 numbers, got 3"),
        ({"pose": [0.0] * 16}, "pose has 12 numbers, got 16"),
        ({"focal": 0}, "focal is between 1e-06 and 1e+09, got 0"),
        ({"at": 2}, "at is between -1 and 1, got 2"),
        ({"axis": 3}, "axis is between 0 and 2, got 3"),
        ({"look": LOOK | {"channel": -1}}, "channel is between 0 and 65536, got -1"),
        ({"look": LOOK | {"exposure": 99}}, "exposure is between -30 and 30, got 99"),
        ({"look": LOOK | {"scale": 0}}, "scale is between 1e-12 and 1e+12, got 0"),
        ({"look": LOOK | {"map": "jet"}}, "draw.look.map is one of viridis"),
        ({"mode": "naked"}, "draw.mode is one of fit, truth"),
    ],
)
def test_pictures_that_are_refused(change, told):
    good = dataclasses.asdict(Draw(1, 0, 64, 48, "fit", None, None, None, 2, 0.0, Look()))
    with pytest.raises(InputError, match=told.replace("+", r"\+")):
        request(json.dumps(good | change))


def test_bytes_that_are_cut_off():
    data = encode(Weights(0, 1, 2, ()), b"12345678")
    with pytest.raises(InputError, match="a message tells"):
        decode(data[:20])
    with pytest.raises(InputError, match="pages send text"):
        request(data)
