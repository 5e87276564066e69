"""``fit`` drains the loop and gives back what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any, Unpack

from torch import nn

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.fitting.loop import Settings, Step, steps
from neuralfields.fitting.state import State
from neuralfields.protocols import Reserved, Signal
from neuralfields.signals import as_signal


@dataclass
class History:
    """The course of a fit, one entry per kept step.

    Attributes:
        step, seconds, loss: as in ``Step``.
        psnr: of the whole signal where it was measured, else of the batch, else None.
    """

    step: list[int] = attribute(default_factory=list)
    seconds: list[float] = attribute(default_factory=list)
    loss: list[float] = attribute(default_factory=list)
    psnr: list[float | None] = attribute(default_factory=list)

    def append(self, step: Step) -> None:
        self.step.append(step.step)
        self.seconds.append(step.seconds)
        self.loss.append(step.loss)
        self.psnr.append(step.checked["psnr"] if step.checked else step.psnr)


@dataclass(frozen=True)
class Fit:
    """A fitted field and how it came about; printing it says the essentials.

    Attributes:
        field: the fitted field, with the averaged parameters if an average was kept.
        history: step, seconds, loss and PSNR throughout.
        metrics: quality over the whole signal at the end, as its ``measure`` gives it.
        headline: the metric that matters most for this signal.
        steps, samples, seconds: what it took; seconds include sampling and quality checks.
        reached: whether ``until_psnr`` was reached; None if none was asked for.
        kernels: which backend computed each op of the updates: ``{"field_step": "cpu"}``.
    """

    field: nn.Module
    history: History
    metrics: dict[str, float]
    headline: str
    steps: int
    samples: int
    seconds: float
    reached: bool | None = None
    kernels: Mapping[str, str] = attribute(default_factory=dict)

    @property
    def psnr(self) -> float:
        """PSNR over the whole signal in dB."""
        return self.metrics["psnr"]

    @property
    def psnr_curve(self) -> list[tuple[float, float]]:
        """(seconds, PSNR in dB) throughout the fit, where the PSNR was known."""
        pairs = zip(self.history.seconds, self.history.psnr, strict=True)
        return [(seconds, psnr) for seconds, psnr in pairs if psnr is not None]

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.field.parameters())

    @property
    def samples_per_second(self) -> float:
        return self.samples / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        missed = " (target not reached)" if self.reached is False else ""
        value = self.metrics[self.headline]
        quality = f"{value:.2f} dB" if self.headline == "psnr" else f"{self.headline} {value:.3g}"
        return (
            f"{quality}{missed} after {self.steps} steps in {self.seconds:.1f} s, "
            f"{self.parameters:,} parameters, {self.samples_per_second:,.0f} samples/s"
        )


def fit(field: nn.Module, signal: Any, **settings: Unpack[Settings]) -> Fit:
    """Fit ``field`` to ``signal`` in place and report; ``settings`` are those of ``steps``.

    Raises:
        InputError: as ``steps``.
        NeuralFieldsError: as ``steps``.
    """
    signal = as_signal(signal)
    history = History()
    step = None
    for step in steps(field, signal, **settings):
        history.append(step)
    if step is None:
        raise InputError("the given state has used up its budget: nothing is left to fit")
    return finish(step.state, signal, history, until_psnr=settings.get("until_psnr"))


def finish(
    state: State,
    signal: Signal,
    history: History,
    *,
    until_psnr: float | None = None,
    thorough: bool = False,
) -> Fit:
    """Close a fit: the average becomes the field's parameters, the quality is measured, the field told of its origin.

    Args:
        state: after the last step.
        signal: what was fitted.
        history: of the steps.
        until_psnr: the target, if there was one.
        thorough: measure all that the signal knows, see ``Signal.measure``.
    """
    state.settle()
    measured = signal.measure(state.field, thorough=thorough)
    reached = None
    if until_psnr is not None:
        seen = signal.watch(state.field) if isinstance(signal, Reserved) else measured
        reached = seen["psnr"] >= until_psnr
    if isinstance(state.field, Field):
        state.field.frame = signal.frame
        state.field.provenance = {"signal": signal.describe(), "metrics": measured, "steps": state.step}
    totals = state.step, state.samples, state.seconds
    return Fit(state.field, history, measured, signal.headline, *totals, reached, state.kernels)
