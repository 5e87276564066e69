"""The folder of one fit: run.json, field.nf, metrics.jsonl, checkpoint.safetensors, previews/."""

import errno
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.atomic import sync_folder, write_bytes

_TEMPORARY = re.compile(r"\..+-[0-9a-f]{8}\.tmp(\..+)?")


class RunFolder:
    """A directory that belongs to one fit; get one with ``create`` or ``open``.

    Attributes:
        path: the directory.
        field_path: of the fitted field.
        checkpoint_path: of what a resumed fit starts from.
    """

    def __init__(self, path: Path, made: tuple[Path, ...] = ()):
        self.path = path
        self.field_path = path / "field.nf"
        self.checkpoint_path = path / "checkpoint.safetensors"
        self._info_path = path / "run.json"
        self._metrics_path = path / "metrics.jsonl"
        self._made = made

    @classmethod
    def create(
        cls,
        stem: str,
        info: Mapping[str, Any],
        *,
        out: str | os.PathLike[str] | None = None,
        root: Path = Path("runs"),
    ) -> "RunFolder":
        """Make a new folder: ``out`` if given, else ``root/stem``, ``root/stem-2``, and so on.

        It appears with ``info`` as its run.json in it, so that a kill at any moment leaves a folder that can be resumed
        or none. Two processes that ask at the same time get two folders.

        Raises:
            InputError: ``out`` exists, the folder cannot be made, or ``info`` is not JSON.
        """
        stem = Path(stem).name or "run"
        number = 1
        while True:
            path = Path(out) if out is not None else Path(root) / (stem if number == 1 else f"{stem}-{number}")
            try:
                return cls(path, _make(path, _json(info, indent=2)))
            except FileExistsError:
                check_new(out)
                number += 1
            except OSError as error:
                raise InputError(f"cannot make the folder {path}: {error.strerror or error}") from error

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "RunFolder":
        """The folder of an earlier fit.

        Raises:
            InputError: there is none at ``path``.
        """
        path = Path(path)
        try:
            if (path / "run.json").is_file():
                return cls(path)
            kind = "a folder without run.json" if path.is_dir() else "a file" if path.exists() else ""
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        raise InputError(f"{path} is {kind}, not the folder of a fit" if kind else f"{path} does not exist")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from writing to this folder; the system releases it should this process be killed.

        Raises:
            InputError: another process, or another lock of this one, holds it.
        """
        with locked(self.path):
            yield

    def read_info(self) -> dict[str, Any]:
        """What ``run.json`` holds.

        Raises:
            InputError: there is none, or it cannot be read.
            FileFormatError: it is damaged.
        """
        try:
            info = json.loads(self._info_path.read_bytes())
        except OSError as error:
            raise InputError(f"cannot read {self._info_path}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise FileFormatError(f"{self._info_path} is damaged: {error}") from error
        if not isinstance(info, dict):
            raise FileFormatError(f"{self._info_path} is damaged: it holds a {type(info).__name__}, not an object")
        return info

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Replace ``run.json``, atomically. Numbers that are not finite become null.

        Raises:
            InputError: a value is not JSON, or the file cannot be written.
        """
        write_bytes(self._info_path, _json(info, indent=2))

    def update_info(self, **changes: Any) -> None:
        """Set some entries of ``run.json`` and keep the others; see ``write_info``."""
        kept = self.read_info() if self._info_path.exists() else {}
        self.write_info({**kept, **changes})

    def append_metrics(self, entry: Mapping[str, Any]) -> None:
        """Add one line to ``metrics.jsonl``. Numbers that are not finite become null.

        Raises:
            InputError: a value is not JSON, or the file cannot be written.
        """
        line = _json(entry)
        try:
            with open(self._metrics_path, "a+b") as file:
                _drop_half_line(file)
                file.write(line)
        except OSError as error:
            raise InputError(f"cannot write {self._metrics_path}: {error.strerror or error}") from error

    def read_metrics(self) -> list[dict[str, Any]]:
        """All entries of ``metrics.jsonl``, without a last line that a kill cut short.

        Raises:
            FileFormatError: another line is damaged.
        """
        return self._metrics(strict=True)

    def _metrics(self, *, strict: bool) -> list[dict[str, Any]]:
        try:
            lines = self._metrics_path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"cannot read {self._metrics_path}: {error.strerror or error}") from error
        entries = []
        for number, line in enumerate(lines, 1):
            try:
                entries.append(dict(json.loads(line)))
            except (ValueError, TypeError, RecursionError) as error:
                if strict:
                    raise FileFormatError(f"{self._metrics_path} is damaged in line {number}: {error}") from error
        return entries

    def rewind_metrics(self, step: int) -> None:
        """Drop the entries after ``step``, whose steps were lost and are done again, and lines that are damaged."""
        kept = [entry for entry in self._metrics(strict=False) if entry.get("step", math.inf) <= step]
        if kept or self._metrics_path.exists():
            write_bytes(self._metrics_path, b"".join(_json(entry) for entry in kept))

    def preview_path(self, name: str) -> Path:
        """Where the preview ``name`` belongs; its folder is made.

        Raises:
            InputError: ``name`` is not a plain file name, or the folder cannot be made.
        """
        if Path(name).name != name:
            raise InputError(f"a preview has a plain file name, got {name!r}")
        folder = self.path / "previews"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the folder {folder}: {error.strerror or error}") from error
        return folder / name

    def discard(self) -> None:
        """Remove the folder and all it holds, if this object created it, and parents made for it that are empty now."""
        if not self._made:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        _remove_empty(self._made[:-1])
        self._made = ()

    def clean_temporaries(self) -> None:
        """Remove what a killed writer left; call it while holding the lock."""
        for folder in (self.path, self.path / "previews"):
            for path in folder.glob(".*"):
                if _TEMPORARY.fullmatch(path.name) and path.is_file():
                    path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes, and other blocks of this one, out of a folder; see ``RunFolder.lock``."""
    path = folder / "lock"
    file = _locked(path)
    try:
        yield
    finally:
        _unlock(path, file)


def check_new(out: str | os.PathLike[str] | None) -> None:
    """Raise InputError where the folder that a run is to have is there already."""
    if out is not None and Path(out).exists():
        raise InputError(f"{out} exists; choose another --out, or continue it with --resume")


def check_space(path: str | os.PathLike[str], size: int) -> None:
    """Refuse to start what cannot be finished: ``size`` bytes have to fit where ``path`` is or will be.

    Raises:
        InputError: less is free.
    """
    above = (Path(path).absolute(), *Path(path).absolute().parents)
    folder = next((parent for parent in above if parent.is_dir()), None)
    if folder is None:
        raise InputError(f"there is no disk that {path} could be on")
    free = shutil.disk_usage(folder).free
    if free < size:
        raise InputError(f"needs about {math.ceil(size / 1e6)} MB in {folder}, {math.floor(free / 1e6)} MB are free")


def _make(path: Path, info: bytes) -> tuple[Path, ...]:
    """Make ``path``, which must not exist, with its run.json, and its missing parents; give all that were made."""
    made: list[Path] = []
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
    try:
        for parent in [parent for parent in reversed(path.parents) if not parent.exists()]:
            try:
                parent.mkdir()
                made.append(parent)
            except FileExistsError:  # somebody else was faster
                pass
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        draft.mkdir()
        with open(draft / "run.json", "wb") as file:
            file.write(info)
            file.flush()
            os.fsync(file.fileno())
        try:
            draft.rename(path)  # refused if somebody else has made it meanwhile, because it holds a run.json then
        except OSError as error:
            raise FileExistsError(*error.args) if path.exists() else error from error
        for parent in dict.fromkeys((path.parent, *(folder.parent for folder in made))):
            sync_folder(parent)
        return (*made, path)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        _remove_empty(made)
        raise


def _remove_empty(folders: tuple[Path, ...] | list[Path]) -> None:
    for folder in reversed(folders):
        try:
            folder.rmdir()
        except OSError:
            return


def _json(value: Mapping[str, Any], indent: int | None = None) -> bytes:
    try:
        return (json.dumps(finite(value), indent=indent, ensure_ascii=False, allow_nan=False) + "\n").encode(
            errors="backslashreplace"  # file names that are not UTF-8 become JSON's own escapes
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"not made of JSON values: {error}") from error


def finite(value: Any) -> Any:
    """A JSON value whose numbers that are not finite are null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def _drop_half_line(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
    file.seek(0, os.SEEK_END)


def _locked(path: Path) -> BinaryIO:
    while True:
        try:
            file = open(path, "a+b")  # noqa: SIM115  it stays open as long as the lock is held
        except OSError as error:
            raise InputError(f"cannot lock {path.parent}: {error.strerror or error}") from error
        try:
            _lock(file)
            if not _is_at(path, file):  # the holder before us has removed this very file; it protects nothing
                file.close()
                continue
            file.truncate(0)
            file.write(str(os.getpid()).encode())
            file.flush()
            return file
        except BlockingIOError:
            file.seek(0)
            holder = file.read(20).decode(errors="replace")
            file.close()
            holder = f"process {holder}" if holder.isdigit() else "another process"
            raise InputError(f"{path.parent} is in use by {holder}; wait for it, or choose another --out") from None
        except OSError as error:
            file.close()
            raise InputError(f"cannot lock {path.parent}: {error.strerror or error}") from error


def _is_at(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


if os.name == "nt":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(1 << 30)  # a locked byte cannot be read by others, and the process id must be
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise BlockingIOError from None

    def _unlock(path: Path, file: BinaryIO) -> None:
        file.close()
        with suppress(PermissionError):  # the next one has it open already
            path.unlink(missing_ok=True)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(path: Path, file: BinaryIO) -> None:
        if _is_at(path, file):
            path.unlink(missing_ok=True)
        file.close()
