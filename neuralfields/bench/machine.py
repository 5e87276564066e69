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
from neuralfields.files.atomic import write_bytes


def report(command: Sequence[str], results: Any) -> dict[str, Any]:
    """What a file of results holds: the command without ``--out``, the machine, the versions, the results."""
    words = [word for word in command if not word.startswith("--out=")]
    if "--out" in words:  # where the results went does not matter to whoever repeats it
        at = words.index("--out")
        words = words[:at] + words[at + 2 :]
    return {
        "command": shlex.join(words),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"},
        "versions": {
            "neuralfields": __version__,
            "torch": importlib.metadata.version("torch").partition("+")[0],
            "python": platform.python_version(),
        },
        "results": results,
    }


def write(path: Path, made: dict[str, Any]) -> None:
    """Write a report as JSON, whole or not at all."""
    write_bytes(path, (json.dumps(made, indent=1) + "\n").encode())


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    pairs = (line.partition(":") for line in lines[:30])
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    return f"{fields.get('model name', '?')}, family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"
