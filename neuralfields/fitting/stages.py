"""Fitting in stages, to the last digits of float64: each stage is a network for what is left over (Wang, Lai 2024)."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from numbers import Integral
from typing import Any, TypedDict, Unpack

import torch
from torch import Tensor, nn

from neuralfields.checks import one_of, positive
from neuralfields.errors import InputError, NeuralFieldsError
from neuralfields.fitting.bfgs import bfgs
from neuralfields.fitting.frequencies import flatness, main_frequency
from neuralfields.fitting.optimizers import Adam
from neuralfields.fitting.result import Fit, History
from neuralfields.geometry import Frame
from neuralfields.networks import MultiStage
from neuralfields.protocols import Signal
from neuralfields.signals import Samples, as_signal

_FLAT = 0.5  # of a spectrum; white noise has 0.56
_FLOOR = torch.finfo(torch.float64).eps  # a relative error that no stage improves
_MEMORY, _TRIALS = 100, 25  # steps that L-BFGS remembers, and places it looks at for one step
_LOUDER = 1e12  # factor of its loss: torch's forgets steps over which slope times length changes by less than 1e-10

Minimiser = Callable[[Callable[[], Tensor], Sequence[Tensor]], Iterator[float]]


class StageSettings(TypedDict, total=False):
    """The keyword arguments of ``stage_steps`` and ``fit_stages``; ``stage_steps`` explains them."""

    stages: int
    width: int
    depth: int
    adam_steps: int
    newton_steps: int
    newton: str
    lr: float
    factor: float
    seed: int
    check: Signal | None


@dataclass(frozen=True)
class Stage:
    """What became of a stage.

    Attributes:
        kappa, scale: as in ``MultiStage``.
        samples: number of samples it was fitted to.
        relative_l2: error of all stages so far on these samples.
        checked: the same on the samples ``check``; None without them.
        kept: whether it made the error smaller.
    """

    kappa: float
    scale: float
    samples: int
    relative_l2: float
    checked: float | None
    kept: bool


@dataclass(frozen=True)
class StageStep:
    """What one step of a stage did.

    Attributes:
        stage: its number, from 0 on.
        step: number of steps done in all stages.
        samples: samples seen so far.
        seconds: time spent fitting so far, the caller's work excluded.
        loss: mean squared error of all stages so far on this stage's samples: after a step of BFGS, before one of Adam
            or L-BFGS.
        field: all stages so far, of which the last is being fitted; once it is done, those that are kept.
        done: after the last step of a stage, in an entry of its own, what became of it.
    """

    stage: int
    step: int
    samples: int
    seconds: float
    loss: float
    field: MultiStage
    done: Stage | None = None


def stage_steps(
    signal: Any,
    *,
    stages: int = 3,
    width: int = 20,
    depth: int = 3,
    adam_steps: int = 1000,
    newton_steps: int = 1500,
    newton: str = "bfgs",
    lr: float = 1e-3,
    factor: float = 2 * math.pi,
    seed: int = 0,
    check: Signal | None = None,
) -> Iterator[StageStep]:
    """Fit a ``MultiStage`` in float64, one step at a time, all samples at once.

    Each stage takes Adam, then quasi-Newton steps. Its scale is half of the largest leftover, its kappa ``factor``
    times the leftover's main frequency. The fit ends before ``stages`` where the leftover's spectrum is flat (noise,
    rounding), or where a stage made nothing better. The paper has L-BFGS; BFGS with the whole matrix is ours: on a
    function of one variable a third of the steps left a hundredth of the error (``benchmarks/multistage.py``).

    Args:
        signal: float64 ``Samples`` or a pair (x, y), without noise; or a list, one for each stage, of which the last
            serves all further stages. Frequencies grow from stage to stage, and wiggles between the samples with them:
            the paper takes 3 pi samples or more per period, so later stages may need more samples.
        stages: at most as many.
        width, depth: of each stage's network.
        adam_steps, newton_steps: of each stage; it ends sooner where no step makes the loss smaller.
        newton: "bfgs", or "lbfgs" as in the paper and for networks of more than 8192 parameters.
        lr: of Adam.
        factor: 2 pi in the paper's code; some texts have pi.
        seed: of the networks' weights.
        check: other samples of the same function, best a finer grid: a stage that is no gain there is left out.

    Raises:
        InputError: a value is out of range, samples are missing or not float64, or all values are zero.
        NeuralFieldsError: the loss or the error is no longer finite.
    """
    signals = _signals(signal)
    if not signals:
        raise InputError("stages are fitted to samples, got an empty list")
    every = [*signals, *([check] if check else [])]
    dims = dict.fromkeys(f"[n, {one.in_dim}] to [n, {one.out_dim}]" for one in every)
    if len(dims) > 1:
        raise InputError(f"stages are fitted to samples of one function, got {' and '.join(dims)}")
    boxes = [_box(frame) for frame in dict.fromkeys(one.frame for one in every)]
    if len(boxes) > 1:
        raise InputError(f"stages are fitted in one frame: give all samples the same bounds, got {' and '.join(boxes)}")
    _check_dtypes(every)
    positive(lr=lr, factor=factor)
    whole = (("stages", stages, 1), ("adam_steps", adam_steps, 0), ("newton_steps", newton_steps, 0), ("seed", seed, 0))
    for name, value, least in whole:
        if not isinstance(value, Integral) or value < least:
            raise InputError(f"{name} is a whole number from {least} on, got {value}")
    one_of(MINIMISERS, newton=newton)
    budgets = [(_adam(lr), adam_steps), (MINIMISERS[newton], newton_steps)]
    return _run(signals, stages, (width, depth), budgets, factor, seed, check)


def fit_stages(signal: Any, **settings: Unpack[StageSettings]) -> Fit:
    """Fit a ``MultiStage`` and report; ``settings`` are those of ``stage_steps``.

    ``Fit.metrics`` are those on ``check`` if there is one, else on the last stage's samples. The field's provenance
    tells what became of each stage.

    >>> import torch, neuralfields as nf
    >>> line = lambda n: nf.signals.Samples.of_function(torch.sin, n, ([-2], [2]), dtype=torch.float64)
    >>> fit = nf.fitting.fit_stages(line(200), stages=2, check=line(1001))
    >>> fit.metrics["relative_l2"] < 1e-10
    True

    Raises:
        InputError, NeuralFieldsError: as ``stage_steps``.
    """
    signals, history, done, step = _signals(signal), History(), [], None
    for step in stage_steps(signals, **settings):
        if step.done:
            done.append(step.done)
            continue
        history.step.append(step.step)
        history.seconds.append(step.seconds)
        history.loss.append(step.loss)
        history.psnr.append(None)
    assert step is not None, "the first stage is always fitted"
    shown = settings.get("check") or signals[min(len(done), len(signals)) - 1]
    measured = shown.measure(step.field)
    step.field.frame = shown.frame
    step.field.provenance = {
        "signal": shown.describe(),
        "metrics": measured,
        "steps": step.step,
        "stages": [asdict(stage) for stage in done],
    }
    return Fit(step.field, history, measured, shown.headline, step.step, step.samples, step.seconds)


def _signals(given: Any) -> list[Signal]:
    """One per stage; pairs of arrays as float64."""
    signals = []
    for one in given if isinstance(given, list) else [given]:
        pair = isinstance(one, tuple) and len(one) == 2
        signals.append(Samples(*(torch.as_tensor(part).double() for part in one)) if pair else as_signal(one))
    return signals


def _box(frame: Frame) -> str:
    """The world's bounds of a frame."""
    ends = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).expand(2, frame.dim)
    return str(tuple(frame.to_world(ends).tolist()))


def _check_dtypes(signals: Sequence[Signal]) -> None:
    for signal in signals:
        found = signal.draw(1, seed=0, step=0).y.dtype
        if found != torch.float64:
            name = signal.describe()["name"]
            raise InputError(f"stages need float64, {name!r} has {found}: give a pair (x, y) or float64 Samples")


def _run(
    signals: Sequence[Signal],
    stages: int,
    shape: tuple[int, int],
    budgets: Sequence[tuple[Minimiser, int]],
    factor: float,
    seed: int,
    check: Signal | None,
) -> Iterator[StageStep]:
    clock = time.perf_counter()
    field, best, step, samples, seconds = None, math.inf, 0, 0, 0.0
    for number in range(stages):
        signal = signals[min(number, len(signals) - 1)]
        batch = signal.draw(signal.size, seed=seed, step=0)
        x, y = batch.x.double(), batch.y.double()
        left = y if field is None else y - _values(field, x)
        if field and (_relative(left, y) <= _FLOOR or flatness(x, left) > _FLAT):
            return
        scale = float(left.abs().max()) / 2
        if scale == 0:
            raise InputError(f"all values of {signal.describe()['name']} are zero: there is nothing to fit")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + number)
            if field is None:
                grown = MultiStage(
                    signal.in_dim, signal.out_dim, width=shape[0], depth=shape[1], scales=[scale]
                ).double()
            else:
                grown = field.with_stage(factor * (main_frequency(x, left) or 1.0), scale)
        target, parameters = left / scale, list(grown.networks[-1].parameters())

        def loss(network: MultiStage = grown, number: int = number, x: Tensor = x, target: Tensor = target) -> Tensor:
            return (network.part(number, x) - target).square().mean()

        value = float(loss().detach())
        for minimiser, budget in budgets:
            for value in islice(minimiser(loss, parameters), budget):
                if not math.isfinite(value):
                    raise NeuralFieldsError(f"the loss became {value} in stage {number}: try a lower learning rate")
                step, samples, seconds = step + 1, samples + len(x), seconds + time.perf_counter() - clock
                yield StageStep(number, step, samples, seconds, value * scale**2, grown)
                clock = time.perf_counter()
        relative = _relative(y - _values(grown, x), y)
        if not math.isfinite(relative):
            raise NeuralFieldsError(f"the error became {relative} in stage {number}: try a lower learning rate")
        checked = check.measure(grown)["relative_l2"] if check else None
        error = relative if checked is None else checked
        kept = error < best
        if kept or field is None:
            field, best = grown, error
        seconds += time.perf_counter() - clock
        done = Stage(grown.kappas[-1], scale, len(x), relative, checked, kept)
        yield StageStep(number, step, samples, seconds, value * scale**2, field, done)
        if not kept:
            return
        clock = time.perf_counter()


@torch.no_grad()
def _values(field: MultiStage, x: Tensor) -> Tensor:
    return field(x)


def _relative(difference: Tensor, y: Tensor) -> float:
    return float(difference.norm() / y.norm())


def _adam(lr: float) -> Minimiser:
    def minimise(loss: Callable[[], Tensor], parameters: Sequence[Tensor]) -> Iterator[float]:
        optimizer = Adam(lr=lr)(nn.ParameterList(parameters))
        while True:
            optimizer.zero_grad()
            value = loss()
            value.backward()
            optimizer.step()
            yield value.item()

    return minimise


def lbfgs(loss: Callable[[], Tensor], parameters: Sequence[Tensor]) -> Iterator[float]:
    """Minimise ``loss()`` over ``parameters`` in place by torch's L-BFGS: the loss before each step, until it stays."""
    optimizer = torch.optim.LBFGS(
        parameters,
        max_iter=1,
        max_eval=_TRIALS,
        history_size=_MEMORY,
        line_search_fn="strong_wolfe",
        tolerance_grad=0,
        tolerance_change=0,
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = _LOUDER * loss()
        value.backward()
        return value

    before, value = math.inf, optimizer.step(closure).item()
    while value < before:
        yield value / _LOUDER
        before, value = value, optimizer.step(closure).item()


MINIMISERS: dict[str, Minimiser] = {"bfgs": bfgs, "lbfgs": lbfgs}
