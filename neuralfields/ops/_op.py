"""An Op has one meaning, its reference in plain PyTorch, and an ordered list of kernels that agree with it."""

import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from neuralfields.errors import InputError, KernelRefused

BACKENDS = ("reference", "cpu", "triton", "tinycudann")
_backend: ContextVar[str | None] = ContextVar("neuralfields_backend", default=None)
_order: ContextVar[int] = ContextVar("neuralfields_derivatives", default=1)
_used: ContextVar[dict[str, str] | None] = ContextVar("neuralfields_used", default=None)
_log = logging.getLogger("neuralfields")


@dataclass(frozen=True)
class Kernel:
    """One fast way to compute an op.

    Attributes:
        backend: one of ``BACKENDS``.
        target: "package.module:function", imported on first use.
        order: highest derivative it supports; 0 in an op that is not differentiable.
        refuse: given the op's arguments, the reason it cannot take them, or None.
    """

    backend: str
    target: str
    order: int
    refuse: Callable[..., str | None]


@dataclass(frozen=True)
class Op:
    """A function with a meaning (``reference``) and kernels by preference: the first that does not refuse is used.

    Attributes:
        name: what it is called in reports.
        reference: the definition in plain PyTorch.
        kernels: by preference.
        differentiable: False for an op that works in place; derivatives are then no reason to refuse.
    """

    name: str
    reference: Callable[..., Any]
    kernels: tuple[Kernel, ...] = ()
    differentiable: bool = True

    def __call__(self, *args: Any) -> Any:
        """Compute the op.

        Raises:
            KernelRefused: a backend was asked for by name (``ops.backend``) and cannot do this call.
        """
        kernel = self.choose(*args)
        used = _used.get()
        if used is not None:
            used[self.name] = "reference" if kernel is None else kernel.backend
        return (self.reference if kernel is None else _load(kernel.target))(*args)

    def refusal(self, kernel: Kernel, *args: Any) -> str | None:
        """Why a kernel cannot take the call, or None when it can."""
        if self.differentiable and _order.get() > kernel.order:
            return f"has derivatives to order {kernel.order}, {_order.get()} were asked for"
        return kernel.refuse(*args)

    def choose(self, *args: Any) -> Kernel | None:
        """The kernel that would compute this call; None is the reference."""
        wanted = _backend.get()
        if wanted == "reference":
            return None
        if wanted is None:
            return next((kernel for kernel in self.kernels if self.refusal(kernel, *args) is None), None)
        named = [kernel for kernel in self.kernels if kernel.backend == wanted]
        if not named:
            have = ", ".join(["reference", *(kernel.backend for kernel in self.kernels)])
            raise KernelRefused(f"{self.name} has no {wanted} kernel; it has: {have}")
        for kernel in named:
            if self.refusal(kernel, *args) is None:
                return kernel
        raise KernelRefused(f"{self.name}: the {wanted} kernel {self.refusal(named[0], *args)}")

    def explain(self, *args: Any) -> str:
        """The decision for this call as text: the kernel that is used, and why each one before it is not."""
        try:
            chosen = self.choose(*args)
        except KernelRefused as refusal:
            return f"refused: {refusal}"
        if _backend.get() is not None:
            return f"{_backend.get()} (asked for by name)"
        refusals = []
        for kernel in self.kernels:
            if kernel is chosen:
                break
            refusals.append(f"{kernel.backend} {self.refusal(kernel, *args)}")
        name = "reference" if chosen is None else chosen.backend
        why = "; ".join(refusals) or ("no kernel installed" if chosen is None else "first choice")
        return f"{name} ({why})"


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Inside the block every op uses this backend, or raises with the reason: never a silent fallback."""
    if name not in BACKENDS:
        raise InputError(f"no backend {name!r}; there are: {', '.join(BACKENDS)}")
    token = _backend.set(name)
    try:
        yield
    finally:
        _backend.reset(token)


@contextmanager
def derivatives(order: int) -> Iterator[None]:
    """Promise that results inside the block are differentiated ``order`` times: kernels that cannot step aside."""
    if order < 0:
        raise InputError(f"an order of derivatives is 0 or more, got {order}")
    token = _order.set(max(order, _order.get()))
    try:
        yield
    finally:
        _order.reset(token)


@contextmanager
def used() -> Iterator[dict[str, str]]:
    """Collect which backend computes each op inside the block: ``{"grid_encode": "reference", …}``."""
    found: dict[str, str] = {}
    token = _used.set(found)
    try:
        yield found
    finally:
        _used.reset(token)


@cache
def _load(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    _log.debug("loading kernel %s", target)
    return getattr(importlib.import_module(module), name)
