"""An Op has one meaning, its reference in plain PyTorch, and an ordered list of kernels that agree with it."""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

import torch

from neuralfields.errors import InputError, KernelRefused

BACKENDS = ("reference", "cpu", "triton", "tinycudann")
P = ParamSpec("P")
R = TypeVar("R")


class _Wishes(threading.local):
    """What the blocks around a call ask for. Not context variables: torch.compile cannot trace those."""

    backend: str | None = None
    only: tuple[str, ...] = ()
    order: int | None = None
    used: dict[str, str] | None = None


_wishes = _Wishes()


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
class Op(Generic[P, R]):
    """A function with a meaning (``reference``) and kernels by preference: the first that does not refuse is used.

    Attributes:
        name: what it is called in reports.
        reference: the definition in plain PyTorch.
        kernels: by preference.
        check: raises InputError for arguments that break the contract, whichever kernel would take them.
        differentiable: False for an op that works in place; derivatives are then no reason to refuse.
    """

    name: str
    reference: Callable[P, R]
    kernels: tuple[Kernel, ...] = ()
    check: Callable[P, None] | None = None
    differentiable: bool = True

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Compute the op.

        Raises:
            InputError: the arguments break the op's contract.
            KernelRefused: a backend was asked for by name (``ops.backend``) and cannot do this call.
        """
        if self.check is not None:
            self.check(*args, **kwargs)
        return self._run(self.choose(*args, **kwargs), *args, **kwargs)

    def attempt(self, *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Compute an op that only saves time: None, with nothing done, where no kernel takes the call.

        Raises:
            InputError: the arguments break the op's contract.
        """
        if self.check is not None:
            self.check(*args, **kwargs)
        try:
            kernel = self.choose(*args, **kwargs)
        except KernelRefused:
            return None
        return None if kernel is None else self._run(kernel, *args, **kwargs)

    def _run(self, kernel: Kernel | None, *args: P.args, **kwargs: P.kwargs) -> R:
        if _wishes.used is not None:
            _wishes.used[self.name] = "reference" if kernel is None else kernel.backend
        return (self.reference if kernel is None else _load(kernel.target))(*args, **kwargs)

    def refusal(self, kernel: Kernel, *args: P.args, **kwargs: P.kwargs) -> str | None:
        """Why a kernel cannot take the call, or None when it can."""
        wanted = wanted_derivatives()
        if self.differentiable and wanted > kernel.order:
            return f"has derivatives to order {kernel.order}, {wanted} were asked for"
        return kernel.refuse(*args, **kwargs)

    def choose(self, *args: P.args, **kwargs: P.kwargs) -> Kernel | None:
        """The kernel that would compute this call; None is the reference."""
        if not self.kernels and _wishes.backend is None:
            return None
        wanted = self._named_backend()
        if wanted == "reference":
            return None
        if wanted is None:
            return next((kernel for kernel in self.kernels if self.refusal(kernel, *args, **kwargs) is None), None)
        named = [kernel for kernel in self.kernels if kernel.backend == wanted]
        if not named:
            have = ", ".join(["reference", *(kernel.backend for kernel in self.kernels)])
            raise KernelRefused(f"{self.name} has no {wanted} kernel; it has: {have}")
        for kernel in named:
            if self.refusal(kernel, *args, **kwargs) is None:
                return kernel
        raise KernelRefused(f"{self.name}: the {wanted} kernel {self.refusal(named[0], *args, **kwargs)}")

    def explain(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """The decision for this call as text: the kernel that is used, and why each one before it is not."""
        try:
            chosen = self.choose(*args, **kwargs)
        except KernelRefused as refusal:
            return f"refused: {refusal}"
        if self._named_backend() is not None:
            return f"{self._named_backend()} (asked for by name)"
        refusals = []
        for kernel in self.kernels:
            if kernel is chosen:
                break
            refusals.append(f"{kernel.backend} {self.refusal(kernel, *args, **kwargs)}")
        name = "reference" if chosen is None else chosen.backend
        why = "; ".join(refusals) or ("no kernel installed" if chosen is None else "first choice")
        return f"{name} ({why})"

    def _named_backend(self) -> str | None:
        return _wishes.backend if not _wishes.only or self.name in _wishes.only else None


@contextmanager
def backend(name: str, *only: Op[..., Any]) -> Iterator[None]:
    """Inside the block ops use this backend, or raise with the reason: never a silent fallback.

    Args:
        name: one of ``BACKENDS``.
        only: the ops it holds for; all of them if none is given.

    Raises:
        InputError: there is no such backend.
    """
    if name not in BACKENDS:
        raise InputError(f"no backend {name!r}; there are: {', '.join(BACKENDS)}")
    before = _wishes.backend, _wishes.only
    _wishes.backend, _wishes.only = name, tuple(op.name for op in only)
    try:
        yield
    finally:
        _wishes.backend, _wishes.only = before


@contextmanager
def derivatives(order: int) -> Iterator[None]:
    """Promise that results inside the block are differentiated ``order`` times: kernels that cannot step aside.

    Raises:
        InputError: ``order`` is negative.
    """
    if order < 0:
        raise InputError(f"an order of derivatives is 0 or more, got {order}")
    before = _wishes.order
    _wishes.order = max(order, before or 0)
    try:
        yield
    finally:
        _wishes.order = before


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """``function`` as it would run here, for a pool of threads: the blocks around this call hold in any thread."""
    held = dict(vars(_wishes))

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        before = dict(vars(_wishes))
        vars(_wishes).update(held)
        try:
            return function(*args, **kwargs)
        finally:
            vars(_wishes).clear()
            vars(_wishes).update(before)

    return run


def wanted_derivatives() -> int:
    """How often a result made here may be differentiated: what was promised, else once where autograd records."""
    if _wishes.order is not None:
        return _wishes.order
    return 1 if torch.is_grad_enabled() else 0


@contextmanager
def used() -> Iterator[dict[str, str]]:
    """Collect which backend computes each op inside the block: ``{"grid_encode": "reference", …}``."""
    before, found = _wishes.used, {}
    _wishes.used = found
    try:
        yield found
    finally:
        _wishes.used = before
        if before is not None:
            before.update(found)


def _load(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    return getattr(sys.modules.get(module) or importlib.import_module(module), name)
