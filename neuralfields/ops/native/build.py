"""Compile the C++ core: all ``*.cpp`` below ``ops``, for one kind of CPU at a time.

This module needs the standard library alone and imports nothing of the package: the installation runs it too.

    python build.py FOLDER [BUILD …]    compiles the named builds, or all of this machine's, into FOLDER
"""

import argparse
import contextlib
import hashlib
import itertools
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILERS = ("c++", "g++", "clang++")
# -ffast-math is not among them: it would set flush-to-zero for the whole process, and NaN must stay NaN.
FLAGS = (
    *("-std=c++20", "-O3", "-fPIC", "-fvisibility=hidden", "-pthread"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-psabi"),
)
STRICT = ("-Wall", "-Wextra", "-Werror")
# A C++ runtime of its own, seen by nobody else: another library may have brought an older one into the process.
STATIC = ("-static-libstdc++", "-static-libgcc", "-Wl,--exclude-libs,ALL")
BUILDS = {
    "v2": ("-march=x86-64-v2",),
    "v3": ("-march=x86-64-v3",),
    "v4": ("-march=x86-64-v4",),
    "v4bf16": ("-march=x86-64-v4", "-mavx512bf16"),
    "plain": (),  # any CPU that is no x86-64
}
STAMP = "sources.sha256"  # in a folder of libraries: what they were made from


class BuildError(Exception):
    """There is no compiler, or it failed; the text says why, as the end of a sentence about the native core."""


def builds_of(machine: str) -> tuple[str, ...]:
    """The builds for a kind of machine, as ``platform.machine()`` calls it; the most demanding comes last."""
    x86 = machine.lower() in ("x86_64", "amd64")
    return tuple(name for name in BUILDS if (name != "plain") == x86)


def file_name(build: str) -> str:
    return f"native-{build}.so"


@cache
def source_hash() -> str:
    """A hash of all that decides what the libraries hold, the compiler apart."""
    found = hashlib.sha256(repr((FLAGS, STATIC, BUILDS)).encode())
    for path in sorted([*ROOT.rglob("*.cpp"), *ROOT.rglob("*.hpp")]):
        text = path.read_bytes()
        found.update(f"{path.relative_to(ROOT).as_posix()} {len(text)}\n".encode() + text)
    return found.hexdigest()


def find_compiler() -> list[str]:
    """The command of the compiler: ``CXX``, else the first of ``COMPILERS`` that is there.

    Raises:
        BuildError: there is none.
    """
    if wanted := shlex.split(os.environ.get("CXX", "")):
        if shutil.which(wanted[0]) is None:
            raise BuildError(f"needs a C++ compiler, and CXX names {wanted[0]!r}, which was not found")
        return wanted
    for name in COMPILERS:
        if found := shutil.which(name):
            return [found]
    names = ", ".join(COMPILERS)
    raise BuildError(f"needs a C++ compiler (g++ 11, clang++ 12 or newer), and none of {names} was found")


def compiler_version(compiler: Sequence[str]) -> str:
    """What the compiler says of itself."""
    return _run([*compiler, "--version"])


def compile_library(target: Path, build: str, *, compiler: Sequence[str] = ()) -> None:
    """Write the shared library of one build to ``target``; see ``compile_libraries``."""
    compile_libraries({build: target}, compiler=compiler)


def compile_libraries(
    targets: Mapping[str, Path], *, compiler: Sequence[str] = (), more: Sequence[str] = (), link: Sequence[str] = STATIC
) -> None:
    """Write the shared libraries of several builds, each at once or not at all.

    Args:
        targets: the library of each build; its folder exists.
        compiler: its command; found by ``find_compiler`` if it is not given.
        more: flags beside those of the builds.
        link: flags for linking that are left out where the linker does not know them.

    Raises:
        BuildError: with the first error of the compiler.
    """
    compiler = compiler or find_compiler()
    # The long ones first, so that none of them is left over when the others are done.
    sources = sorted(ROOT.rglob("*.cpp"), key=lambda path: path.stat().st_size, reverse=True)
    try:
        with contextlib.ExitStack() as stack:
            folders = {
                build: stack.enter_context(tempfile.TemporaryDirectory(dir=target.parent))
                for build, target in targets.items()
            }
            # Last, so that it ends first: no compiler writes into a folder that is being removed.
            pool = stack.enter_context(ThreadPoolExecutor(os.cpu_count()))

            def compile_one(job: tuple[Path, str]) -> None:
                source, build = job
                made = f"{folders[build]}/{sources.index(source)}.o"
                _run([*compiler, *FLAGS, *BUILDS[build], f"-I{ROOT}", *more, "-c", str(source), "-o", made])

            def link_one(build: str) -> None:
                objects = [f"{folders[build]}/{i}.o" for i in range(len(sources))]
                made = f"{folders[build]}/library"
                _link([*compiler, "-shared", "-pthread", *more, *objects, "-o", made], link)
                os.chmod(made, 0o755)
                os.replace(made, targets[build])

            list(pool.map(compile_one, itertools.product(sources, targets)))
            list(pool.map(link_one, targets))
    except OSError as error:
        raise BuildError(f"could not be compiled: {error}") from error


def compile_all(folder: Path, builds: Sequence[str]) -> list[Path]:
    """Write the libraries of several builds into a folder, and beside them the hash of what they were made from."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / STAMP
    stamp.unlink(missing_ok=True)
    libraries = {build: folder / file_name(build) for build in builds}
    compile_libraries(libraries)
    stamp.write_text(source_hash() + "\n", "ascii")
    return [*libraries.values(), stamp]


def _link(command: list[str], optional: Sequence[str]) -> None:
    try:
        _run([*command, *optional])
    except BuildError:
        if not optional:
            raise
        _run(command)


def _run(command: Sequence[str]) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, env=environment, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise BuildError(f"could not be compiled: {command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        error = _first_error(done.stderr.decode(errors="replace"), done.returncode)
        raise BuildError(f"could not be compiled: {error}")
    return done.stdout.decode(errors="replace")


def _first_error(text: str, status: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return next(iter(errors or lines), f"the compiler ended with status {status}")


def main() -> int:
    p = argparse.ArgumentParser(description="Compile the C++ core.")
    p.add_argument("folder", type=Path)
    p.add_argument("builds", nargs="*", help="one or more of " + ", ".join(BUILDS))
    p.add_argument("--compiler", default="", help="its command")
    p.add_argument("--strict", action="store_true", help="a warning is an error")
    p.add_argument("--sanitize", metavar="KIND", help="as in -fsanitize=KIND")
    options = p.parse_args()
    more = list(STRICT if options.strict else ())
    if options.sanitize:
        more += ["-g", "-O1", "-fno-omit-frame-pointer", f"-fsanitize={options.sanitize}", "-fno-sanitize-recover=all"]
    options.folder.mkdir(parents=True, exist_ok=True)
    targets = {build: options.folder / file_name(build) for build in options.builds or builds_of(platform.machine())}
    try:
        # A sanitizer watches the C++ runtime that the process shares.
        link = () if options.sanitize else STATIC
        compile_libraries(targets, compiler=shlex.split(options.compiler), more=more, link=link)
    except BuildError as error:
        print(f"the C++ core {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
