"""Ceilings of this machine, and the time that a computation cannot be faster than.

The ceilings are rates over all threads: multiply-adds in registers, bfloat16 dot products, a triad over arrays of
several sizes, reads and additions of eight bytes at random rows of tables of several sizes. torch.mm is a comparison.

The floor of a computation is the sum of its phases, each at its ceiling:
    flop / fma + gathers / gather(table) + scatters / scatter(table) + bytes / triad(bytes)
where a table is that of one level, and sizes that were not measured count as the next larger one that was.
"""

import ctypes
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from neuralfields.errors import KernelRefused
from neuralfields.ops import native

TABLES = (1 << 18, 1 << 19, 1 << 22)  # bytes of one level: 2^15, 2^16, 2^19 rows of two floats
ARRAYS = (1 << 19, 1 << 23, 1 << 28)
_REPEATS = 3


@dataclass(frozen=True)
class Ceilings:
    """Rates per second, of the best of a few tries.

    Attributes:
        fma, dot_bf16, mm: operations; ``dot_bf16`` is 0 where the CPU has none.
        triad: bytes, by the bytes of the arrays.
        gather, scatter: rows, by the bytes of the table.
        refusal: why only ``mm`` was measured, or None.
    """

    mm: float
    fma: float = 0.0
    dot_bf16: float = 0.0
    triad: Mapping[int, float] | None = None
    gather: Mapping[int, float] | None = None
    scatter: Mapping[int, float] | None = None
    refusal: str | None = None

    def best(self, other: "Ceilings") -> "Ceilings":
        """The higher of each two rates: a neighbour on the machine only ever slows one down."""
        if self.refusal or other.refusal:
            return replace(self, mm=max(self.mm, other.mm))
        pairs = {name: (value, getattr(other, name)) for name, value in vars(self).items() if value is not None}
        return Ceilings(**{name: _higher(*pair) for name, pair in pairs.items()})


@dataclass(frozen=True)
class Work:
    """What a computation cannot do without.

    Attributes:
        flop: floating-point operations of its matrices.
        gathers, scatters: rows of a table read, and added to, at places that depend on the data.
        table: bytes of one level of that table.
        memory: bytes that are read or written in order.
    """

    flop: float = 0.0
    gathers: float = 0.0
    scatters: float = 0.0
    table: int = 0
    memory: float = 0.0

    def floor(self, ceilings: Ceilings) -> float | None:
        """Seconds, or None where the ceilings were not measured."""
        c = ceilings
        if not (c.fma and c.triad and c.gather and c.scatter):
            return None
        random = self.gathers / _at(c.gather, self.table) + self.scatters / _at(c.scatter, self.table)
        return self.flop / c.fma + random + self.memory / _at(c.triad, self.memory)


def measure(threads: int, *, quick: bool = False) -> Ceilings:
    """Measure all of them in a few seconds; ``quick`` takes a tenth of that and small arrays only.

    Raises:
        InputError: an environment variable asks for a library that cannot be.
    """
    seconds, size = (0.003, 256) if quick else (0.05, 2048)
    mm = _best_mm(size, seconds)
    try:
        library = native.library()
        best = {name: _function(library, name) for name in ("fma", "dot_bf16", "triad", "gather", "scatter")}
    except (KernelRefused, AttributeError) as error:  # there is no library, or one of another version was asked for
        return Ceilings(mm, refusal=str(error))

    def rates(name: str, sizes: Sequence[int]) -> dict[int, float]:
        return {size: best[name](threads, seconds, size) for size in sizes}

    return Ceilings(
        mm,
        fma=best["fma"](threads, seconds),
        dot_bf16=best["dot_bf16"](threads, seconds),
        triad=rates("triad", ARRAYS[:-1] if quick else ARRAYS),
        gather=rates("gather", TABLES),
        scatter=rates("scatter", TABLES),
    )


def _higher(one: Any, other: Any) -> Any:
    return {size: max(one[size], other[size]) for size in one} if isinstance(one, Mapping) else max(one, other)


def as_json(ceilings: Ceilings) -> dict[str, Any]:
    """All attributes; sizes become strings, as JSON wants them."""
    return json.loads(json.dumps(asdict(ceilings)))


def _function(library: ctypes.CDLL, name: str) -> Callable[..., float]:
    """The best of a few calls of ``nf_ceiling_<name>(threads[, bytes], seconds)``."""
    function = library[f"nf_ceiling_{name}"]
    function.restype = ctypes.c_double

    def best(threads: int, seconds: float, *size: int) -> float:
        arguments = [ctypes.c_int(threads), *map(ctypes.c_int64, size), ctypes.c_double(seconds)]
        return max(function(*arguments) for _ in range(_REPEATS))

    return best


def _best_mm(size: int, seconds: float) -> float:
    a, out = torch.rand(size, size), torch.empty(size, size)
    best, spent = float("inf"), 0.0
    for repeat in range(_REPEATS + 1):  # the first one wakes the threads
        start = time.perf_counter()
        torch.mm(a, a, out=out)
        took = time.perf_counter() - start
        best, spent = min(best, took), spent + took
        if repeat and spent > 20 * seconds:
            break
    return 2 * size**3 / best


def _at(rates: Mapping[int, float], size: float) -> float:
    """The rate at the next measured size that is not smaller, or at the largest."""
    return rates[min((known for known in rates if known >= size), default=max(rates))]
