"""What each method learns first: the error at each frequency of a line of tones, against steps.

The signal is a sum of sines of equal amplitude with an octave between them and random phases, scaled to [-1, 1]. A
frequency's error is the complex amplitude of the residual there over that of the tone.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from neuralfields import signals
from neuralfields.bench.methods import Row, Task, backend_of, counts, made, run
from neuralfields.bench.processes import answer
from neuralfields.field import FieldLike, evaluate

TONES = tuple(2**i for i in range(9))  # cycles per box, 1 to 256
LEARNED = 0.1
_SAMPLES = 2048
_MOMENTS, _FIRST_STEP = 48, 2


def tones(frequencies: Sequence[int] = TONES, samples: int = _SAMPLES, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Coordinates [samples, 1] at the centres of cells and values [samples, 1] in [-1, 1]."""
    x = (2 * torch.arange(samples, dtype=torch.float64) + 1) / samples - 1
    phases = 2 * math.pi * torch.rand(len(frequencies), generator=torch.Generator().manual_seed(seed))
    waves = torch.sin(math.pi * torch.tensor(frequencies) * x[:, None] + phases).sum(1)
    return x.float()[:, None], (waves / waves.abs().max()).float()[:, None]


def amplitudes(x: Tensor, y: Tensor, frequencies: Sequence[int] = TONES) -> Tensor:
    """Complex amplitudes [frequencies] of values [n, 1] at the centres [n, 1] of cells."""
    waves = torch.exp(-1j * math.pi * torch.tensor(frequencies, dtype=torch.float64)[:, None] * x[:, 0].double())
    return 2 * (waves * y[:, 0].double()).mean(1)


def fit(task: Task) -> Row:
    """Fit the tones in this process.

    Raises:
        InputError: the method refuses the signal, as those for images alone do.
        NeuralFieldsError: the fit diverged.
    """
    assert task.steps is not None
    x, y = tones()
    signal, wanted = signals.Samples(x, y, bounds=([-1.0], [1.0])), amplitudes(x, y)

    def errors(field: FieldLike) -> list[float]:
        return ((amplitudes(x, evaluate(field, x)) - wanted).abs() / wanted.abs()).tolist()

    with backend_of(task):
        recipe = made(task, signal)
        step, course = run(task, recipe, signal, errors, _MOMENTS, min(1.0, _FIRST_STEP / task.steps))
    curve = [{"step": at.step, "errors": value} for at, value in course]
    return {**counts(recipe, signal, step), "tones": list(TONES), "curve": curve, "learned": learned(curve)}


def learned(curve: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """The first step looked at from which on a tone's error is below a tenth; None where it is not in the end."""
    found: list[int | None] = []
    for course in zip(*(moment["errors"] for moment in curve), strict=True):
        last = max((i for i, error in enumerate(course) if not error < LEARNED), default=-1)
        found.append(curve[last + 1]["step"] if last + 1 < len(curve) else None)
    return found


def main() -> int:
    """The child's."""
    return answer(lambda question: fit(Task(**question)))


if __name__ == "__main__":
    sys.exit(main())
