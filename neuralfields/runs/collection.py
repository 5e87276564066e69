"""Many fits in one folder: a manifest that says how far each is, and as many at a time as there are threads."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import neuralfields
from neuralfields.errors import FileFormatError, InputError, NeuralFieldsError
from neuralfields.files.atomic import write_bytes
from neuralfields.fitting.many import together
from neuralfields.runs.options import Options
from neuralfields.runs.run import FINISHED, resume, start, utf8
from neuralfields.storage import RunFolder

_MANIFEST = "manifest.json"
_FORMAT = 1


@dataclass
class Member:
    """One fit of a collection.

    Attributes:
        path: of its source.
        folder: name of its run folder in the collection's.
        status: "waiting", "running", "interrupted", "done" or "failed".
        reason: why it failed.
        metrics: of what is done.
    """

    path: str
    folder: str
    status: str = "waiting"
    reason: str | None = None
    metrics: dict[str, float] | None = None


class Collection:
    """Fits of many signals with the same options, each in a run folder of its own inside one folder.

    ``manifest.json`` there lists them. What is done stays done: ``run`` goes on with the rest, after Ctrl-C, a kill, or
    an error that one of the files had.

    Attributes:
        path: the folder.
        members: the fits, in the order given.
    """

    def __init__(self, path: Path, options: Options, members: list[Member]):
        self.path, self.options, self.members = path, options, members
        # Fields are made from torch's one seed, and each shape's samples by all threads already.
        self._beginning = threading.Lock()
        self._writing = threading.Lock()
        self._stopped = threading.Event()

    @classmethod
    def start(
        cls, paths: Sequence[str | os.PathLike[str]], options: Options, *, out: Path | None = None
    ) -> "Collection":
        """A new folder with its manifest, ``out`` or else ``runs/together``, ``-2`` and so on; nothing is read yet.

        Raises:
            InputError: ``out`` exists or cannot be made, or there are no paths.
        """
        if not paths:
            raise InputError("nothing to fit: give files")
        if options.precision != "highest":
            raise InputError("fits at the same time share torch's precision: --together takes no --precision")
        out = out or next(path for path in map(Path, _numbered("runs/together")) if not path.exists())
        try:
            out.mkdir(parents=True)
        except FileExistsError:
            raise InputError(f"{out} exists; choose another --out, or continue it with --resume") from None
        except OSError as error:
            raise InputError(f"cannot make the folder {out}: {error.strerror or error}") from error
        members = [Member(str(Path(path).absolute()), name) for path, name in zip(paths, _names(paths), strict=True)]
        made = cls(out, options, members)
        made._write()
        return made

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "Collection":
        """The collection in a folder.

        Raises:
            InputError: there is none.
            FileFormatError: its manifest is damaged, or of a newer version.
        """
        manifest = Path(path) / _MANIFEST
        try:
            held = json.loads(manifest.read_bytes())
            if held["format"] > _FORMAT:
                raise FileFormatError(f"{manifest} is of format {held['format']}, this version knows {_FORMAT}")
            return cls(Path(path), Options(**held["options"]), [Member(**member) for member in held["members"]])
        except OSError as error:
            raise InputError(f"cannot read {manifest}: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, NeuralFieldsError):
                raise
            raise FileFormatError(f"{manifest} is damaged: {error}") from error

    @staticmethod
    def at(path: str | os.PathLike[str]) -> bool:
        """Whether a folder holds a collection."""
        return (Path(path) / _MANIFEST).is_file()

    @property
    def left(self) -> list[Member]:
        """What is not done yet; of what failed, another attempt is made."""
        return [member for member in self.members if member.status != "done"]

    def run(self, *, threads: int | None = None) -> Iterator[Member]:
        """Fit what is left, several at a time, one thread each; gives each member as it is done or has failed.

        A fit's result does not depend on the others: it is that of the same options with one thread.
        """
        for member, _ in together(self._fit, self.left, threads):
            yield member

    def stop(self) -> None:
        """Let the fits under way stop after their next step, to be gone on with later; begin no others."""
        self._stopped.set()

    def _fit(self, member: Member) -> None:
        if self._stopped.is_set():
            return
        folder = self.path / member.folder
        try:
            if (info := _finished(folder)) is not None:  # a kill came before the manifest was written
                self._set(member, status="done", metrics=info["metrics"])
                return
            with self._beginning:
                alone = replace(self.options, threads=1)
                run = resume(folder, threads=1) if folder.exists() else start(member.path, alone, out=folder)
            self._set(member, status="running", reason=None)
            with run:
                for step in run.steps():
                    if self._stopped.is_set() and step.fraction < 1:
                        run.interrupt()
                        self._set(member, status="interrupted")
                        return
                fit = run.finish(thorough=False)
            self._set(member, status="done", metrics=fit.metrics)
        except NeuralFieldsError as error:
            self._set(member, status="failed", reason=str(error))

    def _set(self, member: Member, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(member, name, value)
        self._write()

    def _write(self) -> None:
        held = {
            "format": _FORMAT,
            "version": neuralfields.__version__,
            "options": asdict(self.options),
            "members": [asdict(member) for member in self.members],
        }
        with self._writing:
            write_bytes(self.path / _MANIFEST, (json.dumps(held, indent=1) + "\n").encode())


def _names(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Names of run folders: the files' stems, with a number where several share one."""
    names: dict[str, None] = {}
    for path in paths:
        stem = utf8(Path(path).stem) or "run"
        names[next(name for name in _numbered(stem) if name not in names)] = None
    return list(names)


def _numbered(stem: str) -> Iterator[str]:
    """A name, then with -2, -3 and so on."""
    return (stem if number == 1 else f"{stem}-{number}" for number in count(1))


def _finished(folder: Path) -> dict[str, Any] | None:
    """What a finished run's folder tells."""
    if not (folder / "run.json").is_file():
        return None
    info = RunFolder.open(folder).read_info()
    return info if info.get("status") in FINISHED else None
