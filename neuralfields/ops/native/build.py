"""Compile the C++ core: all ``*.cpp`` below ``ops``, for one kind of CPU at a time.

This module needs the standard library alone and imports nothing of the package: the installation runs it too.

    python build.py FOLDER [BUILD …]    compiles the named builds, or all of this machine's, into FOLDER
"""

import argparse
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
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


def compile_library(
    target: Path,
    build: str,
    *,
    compiler: Sequence[str] = (),
    more: Sequence[str] = (),
    link: Sequence[str] = STATIC,
) -> None:
    """Write the shared library of one build to ``target``, at once or not at all.

    Args:
        target: where; its folder exists.
        build: a name in ``BUILDS``.
        compiler: its command; found by ``find_compiler`` if it is not given.
        more: flags beside those of the build.
        link: flags for linking that are left out where the linker does not know them.

    Raises:
        BuildError: with the first error of the compiler.
    """
    compiler = compiler or find_compiler()
    flags = [*FLAGS, *BUILDS[build], f"-I{ROOT}", *more]
    texts = sorted(ROOT.rglob("*.cpp"))
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            objects = [f"{folder}/{i}.o" for i in range(len(texts))]
            jobs = [[*compiler, *flags, "-c", str(text), "-o", o] for text, o in zip(texts, objects, strict=True)]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(_run, jobs))
            library = f"{folder}/library"
            _link([*compiler, "-shared", "-pthread", *more, *objects, "-o", library], link)
            os.chmod(library, 0o755)
            os.replace(library, target)
    except OSError as error:
        raise BuildError(f"could not be compiled: {error}") from error


def compile_all(folder: Path, builds: Sequence[str]) -> list[Path]:
    """Write the libraries of several builds into a folder, and beside them the hash of what they were made from."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / STAMP
    stamp.unlink(missing_ok=True)
    compiler, libraries = find_compiler(), [folder / file_name(build) for build in builds]
    for library, build in zip(libraries, builds, strict=True):
        compile_library(library, build, compiler=compiler)
    stamp.write_text(source_hash() + "\n", "ascii")
    return [*libraries, stamp]


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
    for build in options.builds or builds_of(platform.machine()):
        target = options.folder / file_name(build)
        # A sanitizer watches the runtime that the process shares.
        link = () if options.sanitize else STATIC
        try:
            compile_library(target, build, compiler=shlex.split(options.compiler), more=more, link=link)
        except BuildError as error:
            print(f"{build}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
