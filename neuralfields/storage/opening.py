"""Opening what the user points at: a run folder or a field file, and the signal that it was fitted to."""

import shlex
from pathlib import Path
from typing import Any

from neuralfields import signals
from neuralfields.errors import FileFormatError, InputError
from neuralfields.field import Field
from neuralfields.protocols import Source
from neuralfields.storage.field_file import load
from neuralfields.storage.run_folder import RunFolder


def open_field(path: Path, trust: tuple[str, ...]) -> tuple[Field, RunFolder | None]:
    """The field of a run folder or of a .nf file, and the folder if it is one.

    Raises:
        InputError: there is neither, or the fit has not finished.
    """
    if not path.is_dir():
        return load(path, trust=trust), None
    folder = RunFolder.open(path)
    if not folder.field_path.exists():
        status, name = folder.read_info().get("status", "unfinished"), shlex.quote(str(path))
        raise InputError(f"{path} has no field.nf yet ({status}): finish it with nf fit --resume {name}")
    return load(folder.field_path, trust=trust), folder


def source_of(field: Field, folder: RunFolder | None, given: Path | None) -> Source:
    """The signal that a field is measured against: the one given, or the one its run was fitted to.

    A file is read in the way that the field's source was.

    Raises:
        InputError: neither is known, or the file has changed or is gone.
    """
    if folder is None:
        if given is None:
            raise InputError("a field file does not hold its source: give it with --signal PATH")
        described = field.provenance.get("signal")
        if isinstance(described, dict) and described.get("kind") in list(signals.KINDS):
            return _read_again(given, described, "the field file")
        return signals.read(given)
    try:
        described = folder.read_info()["signal"]
        path, sha = Path(described["path"]), described["sha256"]
    except (KeyError, TypeError) as error:
        raise FileFormatError(f"{folder.path}/run.json does not tell its signal: {error}") from error
    if given is None and not path.exists():
        raise InputError(f"the source {path} is gone: give its new place with --signal PATH")
    signal = _read_again(given or path, described, f"{folder.path}/run.json")
    if signal.describe()["sha256"] != sha:
        if given:
            raise InputError(f"{given} is not what {folder.path} was fitted to, which was {path}")
        raise InputError(f"{path} has changed since {folder.path} was fitted to it: give the original by --signal PATH")
    return signal


def _read_again(path: Path, described: dict[str, Any], teller: str) -> Source:
    try:
        return signals.read_again(path, described)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{teller} does not tell how its signal was read: {error}") from error
