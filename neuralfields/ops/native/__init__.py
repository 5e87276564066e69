"""The C++ core: one library, chosen for this CPU and loaded once."""

import ctypes
from functools import cache
from pathlib import Path

from neuralfields.ops.native.build import compile_library


@cache
def library() -> ctypes.CDLL:
    target = Path("/tmp/nf_dev_v4bf16.so")
    compile_library(target, "v4bf16")
    return ctypes.CDLL(str(target))
