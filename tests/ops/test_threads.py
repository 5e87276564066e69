"""The C++ core's threads: each part of a loop is done once, whoever calls and from wherever."""

import ctypes
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from neuralfields.ops import native

if native.reason() is not None and os.environ.get("CI") != "true":
    pytest.skip(f"the native core {native.reason()}", allow_module_level=True)


def visits(threads: int, count: int) -> list[int]:
    """How often each number below ``count`` was visited."""
    times = (ctypes.c_int64 * count)()
    native.library().nf_visit(ctypes.c_int32(threads), ctypes.c_int64(count), times)
    return list(times)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_each_part_once(threads: int, count: int) -> None:
    for _ in range(20):
        assert visits(threads, count) == [1] * count


def test_several_callers_at_once() -> None:
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(lambda i: visits(3, 100 + i), range(100)))
    assert found == [[1] * (100 + i) for i in range(100)]


FORKS = """
import ctypes, os
from neuralfields.ops import native

def visit():
    times = (ctypes.c_int64 * 1000)()
    native.library().nf_visit(ctypes.c_int32(3), ctypes.c_int64(1000), times)
    return list(times) == [1] * 1000

assert visit()
for _ in range(5):
    child = os.fork()
    if child == 0:
        os._exit(0 if all(visit() for _ in range(20)) else 1)
    assert os.waitpid(child, 0)[1] == 0
assert visit()
"""


def test_after_a_fork() -> None:
    # In a process of its own, which has no other threads: theirs would be lost.
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
