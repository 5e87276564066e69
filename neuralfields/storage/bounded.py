"""Run a constructor whose arguments came from a file, so that a small file cannot ask for much memory or time."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

from neuralfields.errors import FileFormatError


@contextmanager
def bounded(*, memory: int, steps: int) -> Iterator[None]:
    """Inside the block tensors are on the CPU, float32 by default, and the global random state is left as it was.

    Args:
        memory: bytes that all tensors made in the block may take together, the short-lived ones included.
        steps: Python calls, plus lines outside of torch, that may be run.

    Raises:
        FileFormatError: the block wants more; for memory, before it is allocated.
    """
    dtype = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]), torch.device("cpu"), _Allocations(memory) as allocations:
        torch.set_default_dtype(torch.float32)
        try:
            with _counted(steps, allocations):
                yield
        finally:
            torch.set_default_dtype(dtype)


class _Allocations(TorchDispatchMode):
    """Tries each operation on shapes alone before it runs, and adds up the memory it would make."""

    def __init__(self, limit: int):
        super().__init__()
        self.limit = self.left = limit
        self.trying = False  # then an error is taken for the operation's own

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first load imports the compiler, which takes a second

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.trying = True
        try:
            self.left -= _new_bytes(func, args, kwargs)
        finally:
            self.trying = False
        if self.left < 0:
            raise FileFormatError(
                f"it would take more than {self.limit >> 20} MiB to build, more than its file explains"
            )
        return func(*args, **kwargs)


def _new_bytes(func: Any, args: Any, kwargs: Any) -> int:
    known: set[int] = set()

    def shadow(value: Any) -> Any:
        if isinstance(value, Tensor):
            value = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
            known.add(value.untyped_storage()._cdata)
        return None if isinstance(value, torch.Generator) else value

    args, kwargs = tree_map(shadow, (args, kwargs))
    if any(argument.name == "device" for argument in func._schema.arguments):
        kwargs["device"] = torch.device("meta")
    try:
        result = func(*args, **kwargs)
    except Exception:  # it depends on values, like item(), and makes nothing large; or it fails below as well
        return 0
    storages = [value.untyped_storage() for value in tree_iter(result) if isinstance(value, Tensor)]
    return sum(storage.nbytes() for storage in storages if storage._cdata not in known)


@contextmanager
def _counted(limit: int, allocations: _Allocations) -> Iterator[None]:
    """A loop of a thousand million rounds registers nothing until it ends, so Python itself has to count."""
    left, importing = limit, 0

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal importing
        if frame.f_code.co_name == "_find_and_load":  # a first import is work, but not the file's
            importing += 1
            return leave_import
        return each_line(frame, event, argument) if not importing else None

    def each_line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= 1
        module = frame.f_globals.get("__name__", "")
        if module.startswith("torch.") or module == "contextlib":
            return None  # an error raised here could leave torch's stack of modes one short
        if left < 0 and not allocations.trying:  # Python traces no more after an error, even one that is caught
            raise FileFormatError("it takes more steps to build than the size of its file explains")
        return each_line

    def leave_import(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal importing
        importing -= event == "return"
        return leave_import

    before, collecting = sys.gettrace(), gc.isenabled()
    gc.disable()  # what it calls loses its errors: one raised there would end the counting unseen
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)
        if collecting:
            gc.enable()
