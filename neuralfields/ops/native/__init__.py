"""The C++ core: one shared library, chosen for this CPU and loaded when it is first needed.

It was compiled with the package, or is compiled on first use into the user's cache. Without it every op has its
reference. ``NEURALFIELDS_NATIVE`` names the build, or says ``off``; ``NEURALFIELDS_NATIVE_LIBRARY`` is the path of a
library to be used instead of all others.
"""

import contextlib
import ctypes
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from neuralfields.errors import InputError, KernelRefused
from neuralfields.ops._op import _wishes
from neuralfields.ops.native import build, cache, cpu

ABI = 1  # what nf_abi() of core.cpp returns
INSTALLED = Path(__file__).parent / "lib"
_log = logging.getLogger("neuralfields")
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True)
class Found:
    """The library, or why there is none.

    Attributes:
        library: loaded, or None.
        build: its name, if known.
        origin: where the library is from; without one, the reason, as the end of a sentence about the native core.
    """

    library: ctypes.CDLL | None
    build: str | None
    origin: str


class _State:
    """What this process knows of the library."""

    found: Found | None = None
    searching = threading.Lock()


def _after_fork() -> None:
    # Another thread may have held the lock when the process forked.
    _State.searching = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _constant(function: F) -> F:
    """torch.compile calls the function while it traces and keeps the answer."""
    # What torch.compiler.assume_constant_result does after importing torch._dynamo, which takes a second.
    function._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]
    return function


def library() -> ctypes.CDLL:
    """The C++ core, loaded once.

    Raises:
        KernelRefused: there is none; the text is the reason.
        InputError: an environment variable asks for what cannot be.
    """
    found = _find()
    if found.library is None:
        raise KernelRefused(f"the native core {found.origin}")
    return found.library


@_constant
def reason() -> str | None:
    """Why there is no library, as the end of a sentence ("needs a C++ compiler …"); None when it is there."""
    found = _find()
    return found.origin if found.library is None else None


@_constant
def build_name() -> str | None:
    """The build that is loaded, a name in ``build.BUILDS``; None without a library or for one given by its path."""
    return _find().build


def origin() -> str:
    """Where the library is from, or the reason why there is none."""
    return _find().origin


def _find() -> Found:
    if _State.found is None:
        with _State.searching:
            _State.found = _State.found or _search()
    return _State.found


def _search() -> Found:
    if path := os.environ.get("NEURALFIELDS_NATIVE_LIBRARY"):
        return _given(Path(path))
    wanted = os.environ.get("NEURALFIELDS_NATIVE") or None
    if wanted == "off":
        return Found(None, None, "is switched off by NEURALFIELDS_NATIVE=off")
    try:
        builds = _choose(wanted, cpu.runnable())
        return _installed(builds) or _compiled(builds[0])
    except build.BuildError as error:
        if _wishes.backend != "cpu":  # else there is no other kernel, but a refusal
            _log.warning("the native core %s; the reference kernels are used, which are slower", error)
        return Found(None, None, str(error))


def _choose(wanted: str | None, runnable: tuple[str, ...]) -> tuple[str, ...]:
    """The builds to be tried in this order."""
    if sys.platform == "win32":
        raise build.BuildError("is not made for Windows")
    if wanted is not None and wanted not in runnable:
        why = "this CPU cannot run it" if wanted in build.BUILDS else "there is no such build"
        raise InputError(f"NEURALFIELDS_NATIVE={wanted}: {why}; here it may be: {', '.join(('off', *runnable))}")
    if not runnable:
        raise build.BuildError("needs a CPU with SSE4.2 (x86-64-v2)")
    return runnable if wanted is None else (wanted,)


def _given(path: Path) -> Found:
    """The library that was asked for by its path."""
    try:
        return Found(_open(path), None, f"{path}, by NEURALFIELDS_NATIVE_LIBRARY")
    except OSError as error:
        raise InputError(f"NEURALFIELDS_NATIVE_LIBRARY={path}: {error}") from error


def _installed(builds: tuple[str, ...]) -> Found | None:
    """The best library that was compiled with the package, unless the sources have changed since."""
    try:
        if (INSTALLED / build.STAMP).read_text("ascii").strip() != build.source_hash():
            return None
    except (OSError, ValueError):
        return None
    for name in builds:
        path = INSTALLED / build.file_name(name)
        try:
            return Found(_open(path), name, f"installed with the package: {path}")
        except OSError:
            continue
    return None


def _compiled(name: str) -> Found:
    """The library from the cache, compiled if it is not there yet."""
    compiler = build.find_compiler()
    key = cache.key(compiler)
    try:
        folder = cache.private_folder(key)
    except cache.CacheError as error:
        return _temporary(name, compiler, str(error))
    path = folder / build.file_name(name)
    origin = f"compiled on first use: {path}"
    with contextlib.suppress(OSError):
        return Found(_open(path), name, origin)  # without the lock: it may be held for another build, for a minute
    try:
        with cache.locked(folder):
            return Found(_open_or_make(path, name, compiler), name, origin)
    except OSError as error:
        raise build.BuildError(f"could not be loaded: {error}") from error


def _open_or_make(path: Path, name: str, compiler: list[str]) -> ctypes.CDLL:
    try:
        return _open(path)
    except OSError:  # not there, or damaged
        _log.warning("compiling the native kernels, once for this machine, in a minute or less (build %s)", name)
        build.compile_library(path, name, compiler=compiler)
        return _open(path)


def _temporary(name: str, compiler: list[str], why: str) -> Found:
    """A library for this process alone."""
    _log.warning("compiling the native kernels for this process alone (build %s): %s", name, why)
    try:
        with tempfile.TemporaryDirectory(prefix="neuralfields-") as folder:
            path = Path(folder, build.file_name(name))
            build.compile_library(path, name, compiler=compiler)
            return Found(_open(path), name, f"compiled for this process alone: {why}")
    except OSError as error:
        raise build.BuildError(f"could not be loaded: {error}") from error


def _open(path: Path) -> ctypes.CDLL:
    """Load a library.

    Raises:
        OSError: it is missing, damaged or of another version.
    """
    loaded = ctypes.CDLL(os.fspath(path.absolute()))
    abi = int(loaded.nf_abi()) if hasattr(loaded, "nf_abi") else None
    if abi != ABI:
        raise OSError(f"{path} is of version {abi}, {ABI} is needed")
    return loaded
