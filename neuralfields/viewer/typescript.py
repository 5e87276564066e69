"""The page's types and colours, made from ``program``, ``protocol`` and ``looks``.

``python -m neuralfields.viewer.typescript`` writes them.

Tuples become read-only arrays, ``None`` becomes ``null``, whole and other numbers ``number``.
"""

import dataclasses
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from neuralfields.viewer import program, protocol
from neuralfields.viewer.looks import COLOUR_MAPS

_MODULES = program, protocol
_WORDS = {int: "number", float: "number", str: "string", bool: "boolean", types.NoneType: "null"}
_HEAD = "// Made by `python -m neuralfields.viewer.typescript` from program.py, protocol.py, looks.py.\n"


def typescript() -> str:
    """The text of ``viewer/src/protocol.ts``."""
    defined = [(name, value) for module in _MODULES for name, value in vars(module).items() if _is_ours(value, module)]
    aliases = [(value, name) for name, value in defined if not isinstance(value, type)]
    parts = [_HEAD, _numbers()]
    for name, value in defined:
        parts.append(_interface(value, aliases) if isinstance(value, type) else _alias(name, value, aliases))
    maps = "".join(f'  {name}: "{stops}",\n' for name, stops in COLOUR_MAPS.items())
    parts.append(f"/** Colours at even steps. */\nexport const COLOUR_MAPS: Record<MapName, string> = {{\n{maps}}};\n")
    return "\n".join(parts)


def _numbers() -> str:
    return "".join(f"export const {name} = {getattr(protocol, name)};\n" for name in ("VERSION", "MOST_POINTS"))


def _is_ours(value: Any, module: types.ModuleType) -> bool:
    """A class of this module, or a name for a union or for literals."""
    if isinstance(value, type):
        return dataclasses.is_dataclass(value) and value.__module__ == module.__name__
    return get_origin(value) in (Literal, Union, types.UnionType)


def _interface(cls: type, aliases: list[tuple[Any, str]]) -> str:
    hints = get_type_hints(cls)
    lines = [f"  readonly {field.name}: {_type(hints[field.name], aliases)};" for field in dataclasses.fields(cls)]
    return f"{_comment(cls.__doc__ or '')}export interface {cls.__name__} {{\n" + "\n".join(lines) + "\n}\n"


def _alias(name: str, value: Any, aliases: list[tuple[Any, str]]) -> str:
    return f"export type {name} = {_type(value, [(v, n) for v, n in aliases if n != name])};\n"


def _type(hint: Any, aliases: list[tuple[Any, str]]) -> str:
    for value, name in aliases:
        if value == hint:
            return name
    arguments = get_args(hint)
    origin = get_origin(hint)
    if origin is None:
        return _WORDS.get(hint) or hint.__name__
    if origin is Literal:
        return " | ".join(f'"{word}"' for word in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(_type(argument, aliases) for argument in arguments)
    if arguments[-1] is not Ellipsis:
        return f"readonly [{', '.join(_type(argument, aliases) for argument in arguments)}]"
    inner = _type(arguments[0], aliases)
    return f"readonly ({inner})[]" if "|" in inner else f"readonly {inner}[]"


def _comment(text: str) -> str:
    lines = [line.strip() for line in text.replace("``", "`").strip().splitlines()]
    if len(lines) == 1:
        return f"/** {lines[0]} */\n"
    return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


if __name__ == "__main__":
    place = Path(__file__).parents[2] / "viewer" / "src" / "protocol.ts"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(typescript(), "utf-8")
    print(place)
