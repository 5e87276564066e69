"""A private folder for what was compiled on first use."""

import contextlib
import hashlib
import os
import platform
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from neuralfields.ops.native import build


class CacheError(Exception):
    """The cache cannot be used; the text says why."""


def root() -> Path:
    """``neuralfields`` in the user's cache: ``XDG_CACHE_HOME``, by default ``~/.cache``."""
    wanted = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(wanted):
        return Path(wanted, "neuralfields")
    try:
        return Path.home() / ".cache" / "neuralfields"
    except RuntimeError as error:
        raise CacheError("the user has no home folder") from error


def key(compiler: Sequence[str]) -> str:
    """Differs wherever the compiled library would differ: sources, flags, compiler, kind of machine."""
    made_by = (list(compiler), build.compiler_version(compiler), sys.platform, platform.machine())
    return hashlib.sha256(f"{build.source_hash()} {made_by}".encode()).hexdigest()[:24]


def private_folder(name: str) -> Path:
    """The folder ``name`` in the cache; it and the one above are made if need be, for this user alone.

    Raises:
        CacheError: it cannot be made, or somebody else could write to it.
    """
    folder = root() / name
    try:
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        for path in (folder.parent, folder):
            with contextlib.suppress(FileExistsError):
                path.mkdir(0o700)
            _check(path)
    except OSError as error:
        raise CacheError(f"the cache {folder} cannot be used: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CacheError(f"the cache {folder} cannot be used: it is not writable")
    return folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Inside the block no other process, and no other thread, is in such a block of the same folder."""
    import fcntl

    with open(folder / "lock", "wb") as file:
        # A file system without locks: then the same is compiled twice, and one takes the other's place.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _check(path: Path) -> None:
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise CacheError(f"the cache {path} is not used: it is no folder")
    if found.st_uid != os.geteuid():
        raise CacheError(f"the cache {path} is not used: it belongs to another user")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CacheError(f"the cache {path} is not used: others can write to it (chmod go-w would do)")
