"""Plain PyTorch, torch.compile and our kernels on the same work in one run: times, rates, floors, errors."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.bench import timing
from neuralfields.bench.cases import CASES, Call, Case
from neuralfields.bench.ceilings import Ceilings, Work
from neuralfields.bench.training import WORKLOADS, Workload
from neuralfields.errors import InputError

NAMES = tuple(case.name for case in (*CASES, *WORKLOADS))
QUICK_POINTS = 1 << 10
_CHECKED_POINTS = 1 << 13  # on which errors are measured: float64 takes long

Row = dict[str, Any]
Tell = Callable[[str], None]


def chosen(only: Sequence[str]) -> list[Case | Workload]:
    """The cases with one of the words as their name or, where no case is called so, in it; all for no words.

    Raises:
        InputError: a word is in no name.
    """
    for word in only:
        if not any(word in name for name in NAMES):
            raise InputError(f"no benchmark has {word!r} in its name: nf bench kernels --list prints them")

    def meant(word: str, name: str) -> bool:
        return word == name if word in NAMES else word in name

    return [case for case in (*CASES, *WORKLOADS) if not only or any(meant(word, case.name) for word in only)]


def measured(cases: Sequence[Case | Workload], *, quick: bool, compiled: bool, tell: Tell) -> Iterator[Row]:
    """One row per case, as ``row`` describes."""
    for number, case in enumerate(cases, 1):
        tell(f"{number}/{len(cases)} {case.name}")
        if isinstance(case, Workload):
            yield training_row(case, quick=quick)
        else:
            yield op_row(case, quick=quick, compiled=compiled and case.compiled, tell=tell)


def op_row(case: Case, *, quick: bool, compiled: bool, tell: Tell) -> Row:
    """Measure one op on its arguments."""
    points = QUICK_POINTS if quick else case.points
    call = case.call(points, quick=quick)
    kernel = backend_of(call)
    ways: dict[str, Callable[[], object]] = {"eager": lambda: call.run(call.op.reference)}
    if compiled and (function := _compiled(call, tell)):
        ways["compiled"] = lambda: call.run(function)
    if kernel:
        ways["ours"] = lambda: call.run(call.op)
    taken = timing.interleaved(ways, timing.QUICK if quick else timing.Effort())
    small = case.call(min(points, _CHECKED_POINTS), quick=quick)
    exact = small.to(torch.float64).run(small.op.reference)
    errors = {"eager": error(small.to(torch.float32).run(small.op.reference), exact)}
    if kernel:
        errors["ours"] = error(small.to(torch.float32).run(small.op), exact)
    return row(case.name, points, taken, call.work, errors, {call.op.name: kernel or "reference"})


def training_row(workload: Workload, *, quick: bool) -> Row:
    """Measure one kind of training step."""
    points = QUICK_POINTS if quick else workload.points
    field = workload.field(quick=quick)
    work = workload.work(field, points)
    loops = {"eager": workload.steps(workload.field(quick=quick), points), "ours": workload.steps(field, points)}

    def eager() -> None:
        with ops.backend("reference"):
            next(loops["eager"])

    kernels = next(loops["ours"]).state.kernels
    native = any(backend != "reference" for backend in kernels.values())
    ways: dict[str, Callable[[], object]] = {"eager": eager}
    if native:
        ways["ours"] = lambda: next(loops["ours"])
    taken = timing.interleaved(ways, timing.QUICK if quick else timing.Effort())
    small = min(points, _CHECKED_POINTS)
    with ops.backend("reference"):
        exact = workload.gradients(small, torch.float64, quick=quick)
        errors = {"eager": error(workload.gradients(small, torch.float32, quick=quick), exact)}
    if native:
        errors["ours"] = error(workload.gradients(small, torch.float32, quick=quick), exact)
    return row(workload.name, points, taken, work, errors, kernels)


def row(
    name: str,
    points: int,
    taken: Mapping[str, Sequence[float]],
    work: Work,
    errors: Mapping[str, Mapping[str, float]],
    kernels: Mapping[str, str],
) -> Row:
    """What one case gave, as JSON values.

    ``seconds`` are medians of ``rounds``; rates are of ours where there is a kernel, else of eager; ``ratio`` is eager
    over ours; ``error`` is that of an op's values and gradients, or of a step's gradients, against the reference in
    float64.
    """
    seconds = {way: statistics.median(times) for way, times in taken.items()}
    best = seconds.get("ours", seconds["eager"])
    return {
        "name": name,
        "points": points,
        "seconds": seconds,
        "rounds": len(taken["eager"]),
        "ratio": seconds["eager"] / seconds["ours"] if "ours" in seconds else None,
        "points_per_second": points / best,
        "flop_per_second": work.flop / best or None,
        "work": asdict(work),
        "error": {way: dict(found) for way, found in errors.items()},
        "kernels": dict(kernels),
    }


def set_floor(row: Row, ceilings: Ceilings) -> None:
    """Add ``floor_seconds`` and ``fraction``, floor over time of ours or else of eager; None without ceilings."""
    floor = Work(**row["work"]).floor(ceilings)
    best = row["seconds"].get("ours", row["seconds"]["eager"])
    row |= {"floor_seconds": floor, "fraction": floor / best if floor else None}


def backend_of(call: Call) -> str | None:
    """The backend that would compute the call; None is the reference."""
    with torch.set_grad_enabled(bool(call.wrt)):
        kernel = call.op.choose(*call.arguments)
    return kernel and kernel.backend


def error(results: Sequence[Tensor], exact: Sequence[Tensor]) -> dict[str, float]:
    """How far results are from the exact ones, of the worst of several; infinite with a NaN.

    ``largest``: the largest difference over the largest value. ``l2``: the norm of the difference over that of the
    values. A point on the other side of a cell's face or of a ReLU's kink has another derivative: the first one tells
    that a single one was, the second how much it matters.
    """
    pairs = [(value.double() - truth.double(), truth.double()) for value, truth in zip(results, exact, strict=True)]
    return {
        "largest": max(_ratio(off.abs().max(), truth.abs().max()) for off, truth in pairs),
        "l2": max(_ratio(off.norm(), truth.norm()) for off, truth in pairs),
    }


def _ratio(off: Tensor, scale: Tensor) -> float:
    share = float(off) / (float(scale) or 1.0)
    return math.inf if math.isnan(share) else share


def _compiled(call: Call, tell: Tell) -> Callable[..., Any] | None:
    """The compiled reference, or None where it cannot be compiled here, as without a C++ compiler."""
    torch._dynamo.reset()
    function = torch.compile(call.op.reference, dynamic=False)
    try:
        call.to(torch.float32).run(function)
    except Exception as failure:
        tell(f"torch.compile cannot take {call.op.name}: {str(failure).splitlines()[0]}")
        return None
    return function
