"""The loop: a generator of steps, so that its caller can look, save, draw or stop between any two."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from neuralfields import ops
from neuralfields.errors import InputError, NeuralFieldsError
from neuralfields.field import Field, FieldLike, device_of, evaluate
from neuralfields.fitting.fused import FusedStep
from neuralfields.fitting.fused_radiance import FusedRadianceStep
from neuralfields.fitting.optimizers import Adam, Decay
from neuralfields.fitting.state import State
from neuralfields.objectives import Regression
from neuralfields.protocols import (
    Batch,
    Detailed,
    Listener,
    Objective,
    Prepared,
    RayBatch,
    Reserved,
    Sampler,
    Signal,
    Sparing,
)
from neuralfields.signals import as_signal

DEFAULT_STEPS = 1000
DEFAULT_BATCH = 8192

OptimizerFactory = Callable[[nn.Module], torch.optim.Optimizer]
SamplerFactory = Callable[[], Sampler]

_FEEDBACK_STEPS = 4  # between two looks at a batch's errors, where somebody wants them: each costs a forward pass


class Settings(TypedDict, total=False):
    """The keyword arguments of ``steps`` and ``fit``; ``steps`` explains them."""

    objective: Objective | None
    steps: int | None
    seconds: float | None
    until_psnr: float | None
    batch: int | None
    optimizer: OptimizerFactory | None
    decay: Decay | None
    ema: float | None
    sampler: SamplerFactory | None
    seed: int
    state: State | None


@dataclass(frozen=True)
class Step:
    """What one step did.

    Attributes:
        step: number of steps done, from 1 on.
        seconds: time spent fitting so far: resumed parts, quality checks and placing (``Field.place``) included, the
            caller's work excluded.
        samples: samples seen so far.
        terms: the objective's weighted terms on this step's batch, before the update.
        loss: their sum.
        psnr: of this batch before the update, an estimate for the whole signal; None where the objective does not tell
            it or a sampler prefers some samples.
        checked: quality over the whole signal (of photos, over training views) if it was measured at this step.
        fraction: share of the budget that is used up, 0 to 1.
        state: everything needed to go on from here.
    """

    step: int
    seconds: float
    samples: int
    terms: Mapping[str, float]
    loss: float
    psnr: float | None
    checked: Mapping[str, float] | None
    fraction: float
    state: State


def start(
    field: nn.Module,
    *,
    objective: Objective | None = None,
    optimizer: OptimizerFactory | None = None,
    ema: float | None = None,
    sampler: SamplerFactory | None = None,
) -> State:
    """The state of a fit before its first step; ``State.restore`` takes it to where a saved one was.

    An objective that is a module is moved to the field's device, and its parameters are fitted with the field's.

    Raises:
        InputError: the field has nothing to fit, ``ema`` is not between 0 and 1, or a name stands where a thing should.
    """
    for name, value, like in (
        ("objective", objective, "nf.objectives.Regression()"),
        ("optimizer", optimizer, "nf.fitting.Adam()"),
        ("sampler", sampler, "nf.fitting.Teaching()"),
    ):
        if value is not None and not callable(value):
            raise InputError(f"{name} is {like} or the like, got {value!r}")
    if ema is not None and not 0 < ema < 1:
        raise InputError(f"ema is the share kept at each step, between 0 and 1, got {ema}")
    average = {name: p.detach().clone() for name, p in field.named_parameters()} if ema is not None else {}
    objective = objective or Regression()
    trained = field
    if isinstance(objective, nn.Module):
        objective.to(device_of(field))
        trained = nn.ModuleList([field, objective])
    return State(field, objective, (optimizer or Adam())(trained), average, sampler and sampler())


def steps(
    field: nn.Module,
    signal: Any,
    *,
    objective: Objective | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    until_psnr: float | None = None,
    batch: int | None = None,
    optimizer: OptimizerFactory | None = None,
    decay: Decay | None = None,
    ema: float | None = None,
    sampler: SamplerFactory | None = None,
    seed: int = 0,
    state: State | None = None,
) -> Iterator[Step]:
    """Fit ``field`` to ``signal`` in place, one step at a time.

    Args:
        field: a Field, or any module from [n, in_dim] to [n, out_dim].
        signal: a Signal, an array, or a path.
        objective: what is minimised; mean squared error by default.
        steps: budget in steps; 1000 by default where no time is given either.
        seconds: budget in time. With both, the first one reached ends the fit.
        until_psnr: ends the fit early, once the whole signal (held-out samples too; of photos, the training views) has
            this PSNR in dB.
        batch: samples per step, all of the signal where it has fewer; 8192 by default.
        optimizer: gives the optimizer of a module's parameters; ``Adam()`` by default.
        decay: the learning rate's course over the budget; constant by default.
        ema: share of the old parameters in their moving average, e.g. 0.95; the average is what is measured and kept.
        sampler: gives what chooses the samples, such as ``Teaching()``; by default the signal draws them at random.
        seed: of the order of samples. The same seed on the same machine gives the same bits.
        state: where to go on; a fresh start by default. Its own optimizer goes on, whatever ``optimizer`` says.

    Raises:
        InputError: field and signal do not fit together, a value is out of range, or the state is not of this fit.
        NeuralFieldsError: the loss is no longer finite.
    """
    signal = as_signal(signal)
    _check(field, signal, steps, seconds, until_psnr, batch, seed)
    if state is None:
        state = start(field, objective=objective, optimizer=optimizer, ema=ema, sampler=sampler)
    elif state.field is not field:
        raise InputError("the state is of another field: go on with state.field")
    elif objective not in (None, state.objective):
        raise InputError("the state is of a fit with another objective: go on with state.objective")
    elif bool(state.average) != (ema is not None):
        kept = "keeps an average: give the same ema" if state.average else "keeps no average: leave ema out"
        raise InputError(f"the state {kept}")
    elif sampler is not None:
        raise InputError("the state goes on with its own sampler, or with none: leave sampler out")
    if steps is None and seconds is None:
        steps = DEFAULT_STEPS
    return _run(state, signal, steps, seconds, until_psnr, batch or DEFAULT_BATCH, decay or Decay(), ema, seed)


def _run(
    state: State,
    signal: Signal,
    steps: int | None,
    seconds: float | None,
    until_psnr: float | None,
    batch: int,
    decay: Decay,
    ema: float | None,
    seed: int,
) -> Iterator[Step]:
    optimizer, device = state.optimizer, device_of(state.field)
    if isinstance(signal, Prepared):
        signal.prepare()
    placing = _hearing(state, signal, "place")
    if state.step == 0 and placing:
        clock = time.perf_counter()
        _place(placing, state, signal, seed)
        state.seconds += time.perf_counter() - clock
    advancing = [field for field in _fields(state.field) if type(field).advance is not Field.advance]
    listening = _listeners(state, signal)
    fused = FusedStep.of(state) or FusedRadianceStep.of(state)
    pass_steps = math.ceil(signal.size / batch)
    telling = state.sampler is None or state.sampler.unbiased
    estimate = getattr(state.objective, "psnr", None) if telling else None
    trusted = not isinstance(state.objective, Sparing)  # whose batches are no picture of the whole
    if not trusted:
        state.next_check = max(state.next_check, pass_steps)
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])

    def used() -> float:
        return max(state.step / steps if steps else 0.0, state.seconds / seconds if seconds else 0.0)

    while used() < 1 or state.step == 0:  # a first step whatever the placing took
        clock = time.perf_counter()
        fraction = min(used(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * decay(fraction)
        for part in advancing:
            part.advance(fraction)
        wanted = state.objective.wanted(batch) if isinstance(state.objective, Sparing) else batch
        samples = _draw(state, signal, wanted, seed, fraction).to(device)
        with ops.used() as kernels:
            numbers = (fused(samples) if fused else None) or _modular_step(state, samples)
        state.kernels = state.kernels or kernels
        total = sum(numbers.values())
        if not math.isfinite(total):
            raise NeuralFieldsError(f"the loss became {total} at step {state.step + 1}: try a lower learning rate")
        state.step += 1
        state.samples += len(samples)
        if ema is not None:
            state.update_average(ema)
        if listening and state.step % _FEEDBACK_STEPS == 0:
            _feed(listening, state.field, samples)

        checked = None
        guess = estimate(numbers) if estimate else None
        if (
            until_psnr is not None
            and state.step >= state.next_check
            and (guess is None or not trusted or guess >= until_psnr)
        ):
            with state.averaged() as best:
                checked = _watched(signal, best)
            # One pass over the signal costs less than a third of an epoch of training: at most one per epoch, but soon
            # again when less than 1 dB is missing.
            missing = until_psnr - checked["psnr"]
            state.next_check = state.step + math.ceil(pass_steps * min(max(1 / 8, missing), 1))  # NaN, of nothing, last
        state.seconds += time.perf_counter() - clock
        reached = checked is not None and until_psnr is not None and checked["psnr"] >= until_psnr
        fraction = 1.0 if reached else min(used(), 1.0)
        yield Step(state.step, state.seconds, state.samples, numbers, total, guess, checked, fraction, state)
        if reached:
            return


def _watched(signal: Signal, field: FieldLike) -> dict[str, float]:
    """The quality that may end a fit: of the whole signal, but for what is kept to judge it by."""
    return signal.watch(field) if isinstance(signal, Reserved) else signal.measure(field)


def _draw(state: State, signal: Signal, n: int, seed: int, fraction: float) -> Batch:
    if state.sampler is None and isinstance(state.objective, Sparing):
        # Batches of changing sizes would overlap in one order of the samples: each has an order of its own.
        return signal.draw(n, seed=hash((seed, state.step)) % (1 << 62), step=0)
    if state.sampler is None:
        return signal.draw(n, seed=seed, step=state.step)
    return state.sampler.draw(state.field, signal, n, seed=seed, step=state.step, fraction=fraction)


def _fields(module: nn.Module) -> Iterator[Field]:
    return (part for part in module.modules() if isinstance(part, Field))


def _hearing(state: State, signal: Signal, hook: str) -> list[Field]:
    """The fields that see coordinates and override this method of ``Field``."""
    overriding = (field for field in _fields(state.field) if getattr(type(field), hook) is not getattr(Field, hook))
    return [field for field in overriding if field.in_dim == signal.in_dim]


def _place(placing: Sequence[Field], state: State, signal: Signal, seed: int) -> None:
    """Tell these fields where the signal has detail; the average begins with what they make of it."""
    if not isinstance(signal, Detailed) and isinstance(signal.draw(1, seed=seed, step=0), RayBatch):
        return  # rays are no places
    calls = count()

    def detail(n: int) -> Tensor:
        call = next(calls)
        own = hash((seed, call)) % (1 << 63) if call else seed  # two fields want different points
        points = signal.detail(n, seed=own) if isinstance(signal, Detailed) else _repeated(signal, n, own)
        return points.to(device_of(state.field))

    for field in placing:
        field.place(detail)
    if state.average:
        state.update_average(0.0)


def _repeated(signal: Signal, n: int, seed: int) -> Tensor:
    """Coordinates [n, in_dim] of samples in random order; those of a small signal several times."""
    points = signal.draw(n, seed=seed, step=0).x
    generator = torch.Generator().manual_seed(seed)
    rounds = math.ceil(n / len(points))
    order = torch.cat([torch.randperm(len(points), generator=generator, device="cpu") for _ in range(rounds)])
    return points[order[:n].to(points.device)]


def _listeners(state: State, signal: Signal) -> list[Listener]:
    """Who wants to know the errors of batches."""
    found: list[Listener] = [*_hearing(state, signal, "feedback")]
    return found + ([state.sampler] if isinstance(state.sampler, Listener) else [])


def _feed(listening: Sequence[Listener], field: nn.Module, samples: Batch) -> None:
    loss = (evaluate(field, samples.x) - samples.y).square().mean(-1)
    for listener in listening:
        listener.feedback(samples.x, loss)


def _modular_step(state: State, samples: Batch) -> dict[str, float]:
    """One update through autograd, which takes any field and objective; none where no term has a gradient."""
    state.optimizer.zero_grad(set_to_none=True)
    terms = state.objective(state.field, samples, state.step)
    loss = torch.stack(list(terms.values())).sum()
    numbers = {name: float(term.detach()) for name, term in terms.items()}
    if loss.requires_grad and math.isfinite(sum(numbers.values())):
        loss.backward()
        state.optimizer.step()
    return numbers


def _check(
    field: nn.Module,
    signal: Signal,
    steps: int | None,
    seconds: float | None,
    until_psnr: float | None,
    batch: int | None,
    seed: int,
) -> None:
    if seed < 0:
        raise InputError(f"seed is a whole number from 0 on, got {seed}")
    for name, value in (("steps", steps), ("seconds", seconds), ("until_psnr", until_psnr), ("batch", batch)):
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"{name} must be positive and finite, got {value}")
        if name in ("steps", "batch") and value is not None and value != int(value):
            raise InputError(f"{name} must be a whole number, got {value}")
    if until_psnr is not None and signal.headline != "psnr":
        raise InputError(f"until_psnr needs values in [0, 1]; this signal is measured by {signal.headline}: give steps")
    for name, wanted in (("in_dim", signal.in_dim), ("out_dim", signal.out_dim)):
        given = getattr(field, name, wanted)
        if given != wanted:
            raise InputError(
                f"a field for the {signal.kind} has {name} {wanted}, this {type(field).__name__} has {given}"
            )
    wanted = getattr(signal, "dtype", None)  # of signals that have float64 samples too
    given = next((p.dtype for p in field.parameters()), wanted)
    if isinstance(wanted, torch.dtype) and given != wanted:
        raise InputError(f"the {signal.kind} are {wanted}, the field is {given}: convert one, as by field.to({wanted})")
