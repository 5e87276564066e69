"""How the C++ core is chosen, compiled, kept and loaded, on a core of one function."""

import ctypes
import logging
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from neuralfields.errors import InputError, KernelRefused
from neuralfields.ops import GridLayout, grid_encode, native
from neuralfields.ops.native import build, cache, calling, cpu

V2 = {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}
V3 = V2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
SOURCE = """
#include <cstdint>
extern "C" __attribute__((visibility("default"))) int32_t nf_abi() { return %d; }
"""
needs_compiler = pytest.mark.skipif(
    os.environ.get("CI") != "true" and not any(map(build.shutil.which, build.COMPILERS)), reason="no C++ compiler"
)


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A core of one function, nothing compiled yet, and a process that has not looked for it."""
    for name in ("NEURALFIELDS_NATIVE", "NEURALFIELDS_NATIVE_LIBRARY", "CXX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "ROOT", tmp_path / "sources")
    monkeypatch.setattr(native, "INSTALLED", tmp_path / "lib")
    write_core(SOURCE % native.ABI)
    forget(monkeypatch)
    yield
    build.source_hash.cache_clear()


def write_core(text: str) -> None:
    build.ROOT.mkdir(exist_ok=True)
    (build.ROOT / "core.cpp").write_text(text)
    build.source_hash.cache_clear()


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this were another process."""
    monkeypatch.setattr(native._State, "found", None)


def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda name: None)


def counting_compiler(folder: Path) -> tuple[str, Path]:
    """A compiler that notes each library it makes, and where."""
    notes, command = folder / "notes", folder / "compiler"
    command.write_text(f'#!/bin/sh\ncase "$*" in *-shared*) echo one >>{notes};; esac\nexec c++ "$@"\n')
    command.chmod(0o755)
    return str(command), notes


@pytest.mark.parametrize(
    ("machine", "flags", "builds"),
    [
        ("x86_64", V4 | {"avx512_bf16"}, ("v4bf16", "v4", "v3", "v2")),
        ("AMD64", V4, ("v4", "v3", "v2")),
        ("x86_64", V3 | {"avx512f", "avx512_bf16"}, ("v3", "v2")),
        ("x86_64", V4 - {"avx2"}, ("v2",)),
        ("x86_64", {"pni"}, ()),
        ("aarch64", set[str](), ("plain",)),
        ("arm64", V4, ("plain",)),
    ],
)
def test_builds_for_a_cpu(machine: str, flags: set[str], builds: tuple[str, ...]) -> None:
    assert cpu.runnable(machine, flags) == builds


def test_how_systems_name_what_a_cpu_has() -> None:
    assert cpu._linux("processor : 0\nflags\t\t: fpu sse4_2 avx2\nbugs : x\nflags : other") == {"fpu", "sse4_2", "avx2"}
    assert cpu._linux("Features : fp asimd") == set()
    text = "FPU SSE3 SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AVX1.0 FMA F16C\nAVX2 BMI1 BMI2 AVX512F\nLAHF LZCNT\n"
    assert cpu.runnable("x86_64", cpu._macos(text)) == ("v3", "v2")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/cpuinfo")
def test_this_cpu_has_a_build() -> None:
    assert cpu.runnable()


@needs_compiler
def test_compiled_once_and_kept(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    assert native.reason() is None
    assert native.build_name() == cpu.runnable()[0]
    assert native.library().nf_abi() == native.ABI
    assert [record.message for record in caplog.records] == [
        f"compiling the native kernels, once for this machine, in a minute or less (build {native.build_name()})"
    ]
    for folder in (cache.root(), *cache.root().iterdir()):
        assert folder.stat().st_mode & 0o777 == 0o700
    forget(monkeypatch)
    assert native.reason() is None and "compiled on first use" in native.origin()
    assert len(caplog.records) == 1


@needs_compiler
def test_a_damaged_library_is_made_again() -> None:
    folder = cache.private_folder(cache.key(build.find_compiler()))
    library = folder / build.file_name(cpu.runnable()[0])
    library.write_bytes(b"not a library")
    assert native.reason() is None
    assert library.stat().st_size > 1000


@needs_compiler
def test_other_sources_other_library() -> None:
    compiler = build.find_compiler()
    before = cache.key(compiler)
    assert cache.key(compiler) == before
    write_core(SOURCE % native.ABI + "// changed")
    assert cache.key(compiler) != before
    (build.ROOT / "new.hpp").write_text("")
    assert len({before, cache.key(compiler), cache.key([*compiler, "-g"])}) == 3


PROCESS = """
import sys
from pathlib import Path
from neuralfields.ops import native
from neuralfields.ops.native import build
assert native._State.found is None, "importing must not load"
build.ROOT, native.INSTALLED = Path(sys.argv[1]), Path("none")
print("ready", flush=True)
sys.stdin.readline()
print(native.reason(), native.library().nf_abi())
"""


@needs_compiler
def test_four_processes_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler, notes = counting_compiler(tmp_path)
    monkeypatch.setenv("CXX", compiler)
    command = [sys.executable, "-c", PROCESS, str(build.ROOT)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=300)[0] for process in processes] == [f"None {native.ABI}\n"] * 4
    assert notes.read_text() == "one\n"
    (folder,) = cache.root().iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["lock", build.file_name(cpu.runnable()[0])]


def test_without_a_compiler_the_reference(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    no_compiler(monkeypatch)
    reason = "needs a C++ compiler (g++ 11, clang++ 12 or newer), and none of c++, g++, clang++ was found"
    layout = GridLayout(2, 2, 8, 4, 8)
    for _ in range(3):
        assert native.reason() == reason
        assert grid_encode(torch.zeros(3, 2), torch.zeros(layout.entries, 2), layout, "linear").shape == (3, 4)
        with pytest.raises(KernelRefused, match="needs a C"):
            native.library()
    assert native.build_name() is None
    assert [(record.name, record.levelno, record.message) for record in caplog.records] == [
        ("neuralfields", logging.WARNING, f"the native core {reason}; the reference kernels are used, which are slower")
    ]


def test_a_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/cxx -O2")
    assert native.reason() == "needs a C++ compiler, and CXX names '/nowhere/cxx', which was not found"


def test_a_compiler_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "false")
    assert native.reason() == "could not be compiled: the compiler ended with status 1"


@needs_compiler
def test_broken_source(caplog: pytest.LogCaptureFixture) -> None:
    write_core('#include <cstdint>\nextern "C" int32_t nf_abi() { return 1 }')
    reason = native.reason()
    assert reason is not None and reason.startswith("could not be compiled: ") and "core.cpp:2" in reason
    assert "error: expected" in reason and "\n" not in reason
    assert sum("reference kernels" in record.message for record in caplog.records) == 1


@needs_compiler
def test_a_compiler_with_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    write_core(SOURCE % native.ABI + "\n#ifndef WANTED\n#error no\n#endif")
    monkeypatch.setenv("CXX", shlex.join([*build.find_compiler(), "-DWANTED"]))
    assert native.reason() is None


@needs_compiler
@pytest.mark.parametrize("name", cpu.runnable())
def test_a_build_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURALFIELDS_NATIVE", name)
    assert native.reason() is None and native.build_name() == name


def test_switched_off(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("NEURALFIELDS_NATIVE", "off")
    assert native.reason() == native.origin() == "is switched off by NEURALFIELDS_NATIVE=off"
    with pytest.raises(KernelRefused, match="the native core is switched off"):
        native.library()
    assert calling.refusal() == "needs the native core, which is switched off by NEURALFIELDS_NATIVE=off"
    assert not caplog.records


def test_names_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "runnable", lambda: ("v3", "v2"))
    for name, why in (("fast", "there is no such build"), ("v4", "this CPU cannot run it")):
        monkeypatch.setenv("NEURALFIELDS_NATIVE", name)
        with pytest.raises(InputError) as refusal:
            native.reason()
        assert str(refusal.value) == f"NEURALFIELDS_NATIVE={name}: {why}; here it may be: off, v3, v2"


def test_a_cpu_without_a_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "runnable", tuple)
    assert native.reason() == "needs a CPU with SSE4.2 (x86-64-v2)"


@needs_compiler
def test_a_library_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.so"
    monkeypatch.setenv("NEURALFIELDS_NATIVE_LIBRARY", str(path))
    with pytest.raises(InputError, match=r"NEURALFIELDS_NATIVE_LIBRARY=.*mine\.so: "):
        native.library()
    build.compile_library(path, cpu.runnable()[0])
    assert native.library().nf_abi() == native.ABI
    assert native.origin() == f"{path}, by NEURALFIELDS_NATIVE_LIBRARY"


@needs_compiler
def test_installed_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    builds = build.builds_of(platform.machine())
    names = {path.name for path in build.compile_all(native.INSTALLED, builds)}
    assert names == {build.STAMP, *map(build.file_name, builds)} == {path.name for path in native.INSTALLED.iterdir()}
    no_compiler(monkeypatch)
    assert native.reason() is None and native.build_name() == cpu.runnable()[0]
    assert native.origin().startswith("installed with the package: ")
    forget(monkeypatch)
    write_core(SOURCE % native.ABI + "// changed since")
    assert "needs a C++ compiler" in (native.reason() or "")


@needs_compiler
def test_the_best_of_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    worst = cpu.runnable()[-1]
    build.compile_all(native.INSTALLED, [worst])
    assert native.reason() is None and native.build_name() == worst


@needs_compiler
def test_a_library_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    write_core(SOURCE % (native.ABI + 1))
    build.compile_all(native.INSTALLED, cpu.runnable())
    reason = native.reason() or ""
    assert reason.startswith("could not be loaded: ") and f"version {native.ABI + 1}, {native.ABI} is needed" in reason


@needs_compiler
@pytest.mark.parametrize("level", ["upper", "lower"])
@pytest.mark.parametrize("fault", ["others can write", "belongs to another user", "no folder", "cannot be used"])
def test_a_cache_that_is_not_private(
    level: str, fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = cache.key(build.find_compiler())
    folder = cache.private_folder(name)
    path = folder if level == "lower" else folder.parent
    if fault == "others can write":
        path.chmod(0o770)
    elif fault == "belongs to another user":
        lstat = Path.lstat
        other = os.stat_result((0o40700, 1, 1, 1, os.geteuid() + 1, 0, 0, 0, 0, 0))
        monkeypatch.setattr(Path, "lstat", lambda self: other if self == path else lstat(self))
    elif fault == "no folder":
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(build.ROOT / "core.cpp"))
    with pytest.raises(cache.CacheError, match=fault):
        cache.private_folder(name)
    assert native.reason() is None  # compiled in a temporary folder
    assert fault in native.origin() and "this process alone" in caplog.text
    assert not folder.is_dir() or not list(folder.glob("*.so"))


def test_nowhere_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "private_folder", lambda name: tmp_path / "none")
    monkeypatch.setattr(cache, "key", lambda compiler: "key")
    monkeypatch.setattr(build, "find_compiler", lambda: ["c++"])
    assert "No such file" in (native.reason() or "")
    forget(monkeypatch)
    monkeypatch.setattr(cache, "private_folder", lambda name: tmp_path)
    monkeypatch.setattr(build.tempfile, "TemporaryDirectory", full)
    assert "No space left on device" in (native.reason() or "")


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.root() == Path(os.environ["XDG_CACHE_HOME"]) / "neuralfields"
    monkeypatch.setenv("HOME", "/home/of/somebody")
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache.root() == Path("/home/of/somebody/.cache/neuralfields")


@pytest.mark.parametrize("value", [None, "off"])
def test_reason_in_a_compiled_graph(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if value:
        monkeypatch.setenv("NEURALFIELDS_NATIVE", value)
    elif not any(map(build.shutil.which, build.COMPILERS)):
        monkeypatch.setattr(native, "_search", lambda: native.Found(ctypes.CDLL(None), "v2", "here"))
    torch.compiler.reset()

    def shifted(x: torch.Tensor) -> torch.Tensor:
        return x + 1 if native.reason() is None else x - 1

    # The first call of all, so that the library is looked for while the graph is made.
    result = torch.compile(shifted, backend="eager", fullgraph=True)(torch.zeros(2))
    assert result.tolist() == ([-1, -1] if value else [1, 1])


@needs_compiler
def test_a_library_that_is_there_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may be compiling another build of the same sources for a minute."""
    assert native.reason() is None
    forget(monkeypatch)

    def locked(folder: Path) -> None:
        raise AssertionError(folder)

    monkeypatch.setattr(cache, "locked", locked)
    assert native.reason() is None
