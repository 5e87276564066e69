"""Messages as text or bytes, and back again: what comes from outside is taken only where it is exactly as declared."""

import dataclasses
import json
import math
import types
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from neuralfields.errors import InputError, NeuralFieldsError
from neuralfields.viewer.program import Node
from neuralfields.viewer.protocol import Ack, Ask, Control, Draw, Export, FromPage, FromServer, Probe, Watch

MAX_REQUEST = 1 << 14  # bytes of a message from a page

_MOST_NUMBER = 2**53 - 1  # whole numbers that a page counts exactly
_MOST_ITEMS, _MOST_TEXT = 1 << 20, 1 << 16
_TOLD = 60  # characters of a wrong value that are repeated

_SIDES, _PIXELS = 8192, 1 << 24  # of a picture that is asked for
_FAR = 1e9  # coordinates and focal lengths
_MOST_CHANNELS, _STOPS = 1 << 16, 30
_RESOLUTIONS = 8, 512  # of an exported mesh
_MOST_WATCHED = 64  # fields whose weights a page draws at once


def encode(message: FromServer | FromPage, body: bytes | None = None) -> str | bytes:
    """A message as JSON, or, with ``body``, as bytes; ``protocol`` tells the form.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(dataclasses.asdict(message), allow_nan=False, separators=(",", ":"))
    if body is None:
        return text
    head = text.encode()
    head += b" " * (-(4 + len(head)) % 8)
    return len(head).to_bytes(4, "little") + head + body


def decode(data: str | bytes, kinds: Any = FromServer) -> tuple[Any, bytes | None]:
    """A message of one of these classes, and its bytes if it has any: the inverse of ``encode``.

    Raises:
        InputError: it is none of these.
    """
    body = None
    if isinstance(data, bytes):
        size = int.from_bytes(data[:4], "little")
        if len(data) < 4 + size:
            raise InputError(f"a message tells {size} bytes of JSON and has {len(data)} in all")
        data, body = data[4 : 4 + size], data[4 + size :]
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"a message is not JSON: {str(error)[:_TOLD]}") from None
    return _one_of(kinds, "type", value, "message"), body


def request(data: str | bytes) -> FromPage:
    """What a page asks, all of its numbers in range.

    Raises:
        InputError: it is malformed, or a value is out of range; one line.
    """
    if not isinstance(data, str):
        raise InputError("pages send text, this message is binary")
    if len(data) > MAX_REQUEST:
        raise InputError(f"a page's messages have at most {MAX_REQUEST} bytes, this one has {len(data)}")
    message, _ = decode(data, FromPage)
    for name in ("request", "shown", "view", "serial"):
        _between(0, 2**31 - 1, name, getattr(message, name, None))
    _RANGES[type(message)](message)
    return message


def _check_watch(message: Watch) -> None:
    _between(0, _MOST_WATCHED, "the number of fields whose weights are looked at", len(message.weights))


def _check_draw(message: Draw) -> None:
    _between(1, _SIDES, "width", message.width)
    _between(1, _SIDES, "height", message.height)
    _between(1, _PIXELS, "the number of pixels", message.width * message.height)
    _numbers("window", message.window, 4)
    _numbers("pose", message.pose, 12)
    left, top, right, bottom = message.window or (0, 0, 1, 1)
    if not (left < right and top < bottom):
        raise InputError(f"window goes from left to right and from top to bottom, got {message.window}")
    _between(1e-6, _FAR, "focal", message.focal)
    _between(0, 2, "axis", message.axis)
    _between(-1, 1, "at", message.at)
    _between(0, _MOST_CHANNELS, "channel", message.look.channel)
    _between(-_STOPS, _STOPS, "exposure", message.look.exposure)
    _between(1e-12, 1e12, "scale", message.look.scale)


def _check_probe(message: Probe) -> None:
    _between(1, 16, "the number of coordinates", len(message.x))
    _numbers("x", message.x, len(message.x))


def _check_export(message: Export) -> None:
    _between(*_RESOLUTIONS, "resolution", message.resolution)


def line(error: Exception) -> str:
    """What went wrong, for people."""
    text = str(error).partition("\n")[0]
    return text if isinstance(error, NeuralFieldsError) else f"{type(error).__name__}: {text}"


def _nothing(message: Any) -> None:
    """All its values are words or numbers that are checked for all."""


_RANGES: dict[type, Callable[[Any], None]] = {
    Ack: _nothing,
    Watch: _check_watch,
    Ask: _nothing,
    Draw: _check_draw,
    Probe: _check_probe,
    Control: _nothing,
    Export: _check_export,
}


def _numbers(name: str, values: tuple[float, ...] | None, count: int) -> None:
    if values is not None and len(values) != count:
        raise InputError(f"{name} has {count} numbers, got {len(values)}")
    for value in values or ():
        _between(-_FAR, _FAR, name, value)


def _between(least: float, most: float, name: str, value: float | None) -> None:
    if value is not None and not least <= value <= most:
        raise InputError(f"{name} is between {least:g} and {most:g}, got {value:g}")


def _refuse_constant(word: str) -> NoReturn:
    raise InputError(f"a message's numbers are finite, got {word}")


def _one_of(kinds: Any, key: str, value: Any, where: str) -> Any:
    """An object of the class among these whose ``key`` it has."""
    name = value.get(key) if isinstance(value, dict) else None
    known = _by_word(kinds, key)
    if not isinstance(name, str) or name not in known:
        got = _told(value) if name is None else _told(name)
        raise InputError(f"a {where} has a {key} that is one of {', '.join(known)}, got {got}")
    return _object(known[name], value, name)


@lru_cache
def _by_word(kinds: Any, key: str) -> dict[str, type]:
    return {_default(cls, key): cls for cls in get_args(kinds)}


def _default(cls: type, name: str) -> Any:
    return next(field.default for field in dataclasses.fields(cls) if field.name == name)


@lru_cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _object(cls: type, value: Any, where: str) -> Any:
    hints = _hints(cls)
    if not isinstance(value, dict):
        raise InputError(f"{where} is an object, got {_told(value)}")
    if value.keys() != hints.keys():
        wrong = sorted(value.keys() ^ hints.keys())[0]
        fault = "lacks" if wrong in hints else "has"
        raise InputError(f"{where} has the entries {', '.join(hints)}; this one {fault} {_told(wrong)}")
    return cls(**{name: _value(hint, value[name], f"{where}.{name}") for name, hint in hints.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    """``value`` as its declared type; JSON's whole numbers are floats too, true and false are no numbers."""
    if hint == Node:
        return _one_of(Node, "kind", value, where)
    if hint in _PLAIN:
        return _PLAIN[hint](value, where)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        if not isinstance(value, str) or value not in parts:
            raise InputError(f"{where} is one of {', '.join(parts)}, got {_told(value)}")
        return value
    if origin in (Union, types.UnionType):  # all others are something or nothing
        inner = next(part for part in parts if part is not types.NoneType)
        return None if value is None else _value(inner, value, where)
    if origin is tuple:
        return _items(parts, value, where)
    return _object(hint, value, where)


def _items(parts: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) > _MOST_ITEMS:
        raise InputError(f"{where} is a list, got {_told(value)}")
    if parts[-1] is Ellipsis:
        return tuple(_value(parts[0], item, where) for item in value)
    if len(value) != len(parts):
        raise InputError(f"{where} has {len(parts)} values, got {len(value)}")
    return tuple(_value(part, item, where) for part, item in zip(parts, value, strict=True))


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or abs(value) > _MOST_NUMBER:
        raise InputError(f"{where} is a whole number, got {_told(value)}")
    return value


def _number(value: Any, where: str) -> float:
    if type(value) not in (int, float) or not _finite(value):
        raise InputError(f"{where} is a finite number, got {_told(value)}")
    return float(value)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > _MOST_TEXT:
        raise InputError(f"{where} is a text, got {_told(value)}")
    return value


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{where} is true or false, got {_told(value)}")
    return value


_PLAIN: dict[Any, Callable[[Any, str], Any]] = {int: _whole, float: _number, str: _text, bool: _truth}


def _told(value: Any) -> str:
    """A value in few characters of one line."""
    text = json.dumps(value)
    return text if len(text) <= _TOLD else text[: _TOLD - 1] + "…"
