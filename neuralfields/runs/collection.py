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
from neuralfields.runs.options import Options, trusted
from neuralfields.runs.run import FINISHED, Run, resume, start, utf8
from neuralfields.storage import RunFolder
from neuralfields.storage.run_folder import finite, locked

_MANIFEST = "manifest.json"
_FORMAT = 1
_STATES = ("waiting", "running", "interrupted", "done", "failed")


@dataclass
class Member:
    """One fit of a collection.

    Attributes:
        path: of its source.
        folder: name of its run folder in the collection's.
        status: "waiting", "running", "interrupted", "done" or "failed".
        reason: why it failed.
        metrics: of what is done; None what is not finite.
    """

    path: str
    folder: str
    status: str = "waiting"
    reason: str | None = None
    metrics: dict[str, float | None] | None = None


class Collection:
    """Fits of many signals with the same options, each in a run folder of its own inside one folder.

    ``manifest.json`` there lists them. What is done stays done: ``run`` goes on with the rest, after Ctrl-C, a kill, or
    an error that one of the files had.

    Attributes:
        path: the folder.
        members: the fits, in the order given.
        trust: packages whose field classes may be imported.
    """

    def __init__(self, path: Path, options: Options, members: list[Member], trust: Sequence[str] = ()):
        self.path, self.options, self.members = path, options, members
        self.trust = tuple(trust)
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
        if options.precision not in (None, "highest"):
            raise InputError("fits at the same time share torch's precision: --together takes no --precision")
        out = out or next(path for path in map(Path, _numbered("runs/together")) if not path.exists())
        try:
            out.mkdir(parents=True)
        except FileExistsError:
            raise InputError(f"{out} exists; choose another --out, or continue it with --resume") from None
        except OSError as error:
            raise InputError(f"cannot make the folder {out}: {error.strerror or error}") from error
        members = [Member(str(Path(path).absolute()), name) for path, name in zip(paths, _names(paths), strict=True)]
        made = cls(out, options, members, trusted(options))
        made._write()
        return made

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, trust: Sequence[str] = ()) -> "Collection":
        """The collection in a folder.

        Args:
            path: the folder.
            trust: packages whose field classes may be imported.

        Raises:
            InputError: there is none.
            FileFormatError: its manifest is damaged, of a newer version, or names a field of a package that is not
                trusted.
        """
        manifest = Path(path) / _MANIFEST
        try:
            held = json.loads(manifest.read_bytes())
            if held["format"] > _FORMAT:
                raise FileFormatError(f"{manifest} is of format {held['format']}, this version knows {_FORMAT}")
            options, members = Options(**held["options"]), [Member(**member) for member in held["members"]]
            _check(members)
        except OSError as error:
            raise InputError(f"cannot read {manifest}: {error.strerror or error}") from error
        except FileFormatError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FileFormatError(f"{manifest} is damaged: {error}") from error
        for package in trusted(options):
            if package not in trust:
                name = f"{manifest} names the field {options.field}, of a package that is not trusted"
                raise FileFormatError(f"{name}: --trust {package} allows it")
        return cls(Path(path), options, members, trust)

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

        Raises:
            InputError: another process is at it, or the manifest cannot be written.
        """
        with locked(self.path):
            for member, _ in together(self._fit, self.left, threads):
                yield member

    def stop(self) -> None:
        """Let the fits under way stop after their next step, to be gone on with later; begin no others."""
        self._stopped.set()

    def _fit(self, member: Member) -> None:
        try:
            changes = self._fitted(member)
        except NeuralFieldsError as error:
            changes = {"status": "failed", "reason": str(error)}
        except Exception as error:  # one of many must not cost the others, whatever it is
            changes = {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
        self._set(member, **changes)

    def _fitted(self, member: Member) -> dict[str, Any]:
        """What has become of it; nothing if it was not begun."""
        folder = self.path / member.folder
        if (info := _finished(folder)) is not None:  # a kill came before the manifest was written
            return {"status": "done", "metrics": info["metrics"], "reason": None}
        with self._beginning:
            if self._stopped.is_set():
                return {}
            run = self._begun(member, folder)
        if self._stopped.is_set():
            run.folder.discard()  # if it is new
            return {}
        self._set(member, status="running", reason=None)
        with run:
            for step in run.steps():
                if self._stopped.is_set() and step.fraction < 1:
                    run.interrupt()
                    return {"status": "interrupted"}
            return {"status": "done", "metrics": dict(run.finish(thorough=False).metrics)}

    def _begun(self, member: Member, folder: Path) -> Run:
        if folder.exists():
            return resume(folder, threads=1, trust=self.trust)
        return start(member.path, replace(self.options, threads=1), out=folder)

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
            write_bytes(self.path / _MANIFEST, (json.dumps(finite(held), indent=1) + "\n").encode())


def _check(members: Sequence[Member]) -> None:
    """Refuse what is no member of a collection, above all a folder that is not in the collection's own.

    Raises:
        ValueError: with the reason.
    """
    for member in members:
        kinds = {"path": str, "folder": str, "status": str, "reason": (str, type(None)), "metrics": (dict, type(None))}
        for name, kind in kinds.items():
            if not isinstance(value := getattr(member, name), kind):
                raise ValueError(f"{name} of a member is {value!r}")
        if Path(member.folder).name != member.folder or member.folder in ("", "..") or "\0" in member.folder:
            raise ValueError(f"{member.folder!r} is no name of a folder in it")
        if member.status not in _STATES:
            raise ValueError(f"status of {member.folder} is {member.status!r}")
    if len({member.folder for member in members}) < len(members):
        raise ValueError("two members have one folder")


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
