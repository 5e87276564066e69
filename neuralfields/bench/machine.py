"""Results as data, with the command, the machine and the versions that made them."""

import importlib.metadata
import json
import os
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuralfields import __version__
from neuralfields.errors import InputError
from neuralfields.files.atomic import write_bytes

_LINE = 1000  # characters of a line of results, which ends where a value does


def report(command: Sequence[str], results: Any, before: str = "") -> dict[str, Any]:
    """What a file of results holds: the command without ``--out``, the machine, the versions, the results.

    Nor does it tell the folders of files, and of pictures that were drawn: whoever repeats it has others.
    ``before`` are the commands of an interrupted run whose rows are among the results: each is told once, in order.
    """
    # The first two words say which benchmark it is: a script's folder is told wherever it was started.
    words = [*command[:2], *(Path(word).name if Path(word).is_file() else word for word in command[2:])]
    for option in ("--out", "--pictures"):
        words = [word for word in words if not word.startswith(f"{option}=")]
        if option in words:
            at = words.index(option)
            words = words[:at] + words[at + 2 :]
    commands = [*filter(None, before.split("; ")), shlex.join(words)]
    return {
        "command": "; ".join(dict.fromkeys(commands)),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"},
        "versions": {
            "neuralfields": __version__,
            "torch": importlib.metadata.version("torch").partition("+")[0],
            "python": platform.python_version(),
        },
        "results": results,
    }


def earlier(path: Path | None, benchmark: str, settings: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Rows and commands that a file of ``{"settings": ..., "rows": ...}`` has of an interrupted run; none if no file.

    Args:
        benchmark: how its commands begin, as ``nf bench methods``.

    Raises:
        InputError: it is something else, or of another benchmark, other settings, another machine or other versions.
    """
    if path is None or not path.exists():
        return [], ""
    try:
        made = json.loads(path.read_text())
        rows, command, there = made["results"]["rows"], made["command"], _conditions(made)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} exists and holds no rows to go on with: give another --out") from error
    if not f"{command} ".startswith(f"{benchmark} "):
        raise InputError(f"{path} has rows of {command}; not of {benchmark}: give another --out")
    for what, now in _conditions(report([], {"settings": settings})).items():
        before = there[what]
        if before != now:
            raise InputError(f"{path} has rows of other {what}: {_told(before)}; not {_told(now)}: give another --out")
    return rows, command


def _conditions(made: dict[str, Any]) -> dict[str, Any]:
    """What all rows of a file have in common."""
    versions = {name: made["versions"][name] for name in ("neuralfields", "torch")}
    return {"settings": made["results"]["settings"], "hardware": made["machine"], "versions": versions}


def _told(values: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) if isinstance(values, dict) else str(values)


def write(path: Path, made: dict[str, Any]) -> None:
    """Write a report as JSON, whole or not at all: six digits of each number."""
    write_bytes(path, (_lines(_rounded(made), "\n") + "\n").encode())


def _lines(value: Any, end: str) -> str:
    """JSON of which long values have a line for each part."""
    text = json.dumps(value)
    if len(text) <= _LINE or not isinstance(value, dict | list):
        return text
    inner = end + " "
    if isinstance(value, list):
        return "[" + inner + ("," + inner).join(_lines(part, inner) for part in value) + end + "]"
    parts = (f"{json.dumps(key)}: {_lines(part, inner)}" for key, part in value.items())
    return "{" + inner + ("," + inner).join(parts) + end + "}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    pairs = (line.partition(":") for line in lines[:30])
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    return f"{fields.get('model name', '?')}, family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"
