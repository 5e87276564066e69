"""What commands share about what the user points at."""

import json
from pathlib import Path
from typing import Any

from neuralfields.storage import RunFolder
from neuralfields.storage.opening import open_field, source_of
from neuralfields.storage.run_folder import finite

__all__ = ["is_source", "open_field", "print_json", "same_file", "source_of"]


def is_source(run: Path, path: Path) -> bool:
    """Whether ``path`` is the very file that the run was fitted to; ``run`` is its folder, or the field file in it."""
    folder = run if run.is_dir() else run.parent
    if not (folder / "run.json").is_file():
        return False
    described = RunFolder.open(folder).read_info().get("signal")
    source = described.get("path") if isinstance(described, dict) else None
    return isinstance(source, str) and same_file(path, Path(source))


def same_file(one: Path, other: Path) -> bool:
    """Whether both names are of one file that exists."""
    return one.exists() and other.exists() and one.samefile(other)


def print_json(value: Any) -> None:
    """One line of JSON on stdout. Numbers that are not finite become null, as in run.json."""
    print(json.dumps(finite(value), allow_nan=False))
