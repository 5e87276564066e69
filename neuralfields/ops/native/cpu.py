"""Which builds of the C++ core this CPU can run."""

import platform
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from neuralfields.ops.native.build import builds_of

# What each build expects beyond the one before it, as Linux names it: the x86-64 psABI's levels.
NEEDS = {
    "v2": {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"},
    "v3": {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"},
    "v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "v4bf16": {"avx512_bf16"},
    "plain": set[str](),
}
# How macOS names those that it does not name alike.
_MACOS = {"avx1_0": "avx", "lahf": "lahf_lm", "lzcnt": "abm", "sse3": "pni"}
_SYSCTL = ("machdep.cpu.features", "machdep.cpu.leaf7_features", "machdep.cpu.extfeatures")


def runnable(machine: str | None = None, flags: Collection[str] | None = None) -> tuple[str, ...]:
    """The builds a CPU can run, the best first; this CPU if none is described."""
    have = set(cpu_flags() if flags is None else flags)
    found: list[str] = []
    for build in builds_of(machine or platform.machine()):
        if not have >= NEEDS[build]:
            break
        found.insert(0, build)
    return tuple(found)


def cpu_flags() -> set[str]:
    """What this CPU has, and the system lets programs use, by Linux's names; empty where that cannot be told."""
    if sys.platform == "darwin":
        return _macos(subprocess.run(["sysctl", "-n", *_SYSCTL], capture_output=True, text=True, check=False).stdout)
    try:
        return _linux(Path("/proc/cpuinfo").read_text("utf-8", "replace"))
    except OSError:
        return set()


def _linux(text: str) -> set[str]:
    for line in text.splitlines():
        name, _, words = line.partition(":")
        if name.strip() == "flags":
            return set(words.split())
    return set()


def _macos(text: str) -> set[str]:
    words = text.lower().replace(".", "_").split()
    return {_MACOS.get(word, word) for word in words}
