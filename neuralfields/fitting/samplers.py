"""Samplers: which samples a step trains on, where that depends on how well they are fitted already.

@inproceedings{zhang2024nonparametric,
  title={Nonparametric Teaching of Implicit Neural Representations},
  author={Zhang, Chen and Luo, Steven Tin Sui and Li, Jason Chun Lok and Wu, Yik-Chung and Wong, Ngai},
  booktitle={ICML}, year={2024}}
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.field import FieldLike, device_of, evaluate
from neuralfields.protocols import Batch, Numbered, RayBatch, Signal

RATIOS: dict[str, Callable[[float, float], float]] = {
    "constant": lambda start, t: start,
    "linear": lambda start, t: start + (1 - start) * t,
    "step": lambda start, t: min(1.0, start + int(10 * t + 1e-9) * (1 - start) / 10),
    "cosine": lambda start, t: 1 - (1 - start) * (1 + math.cos(math.pi * t)) / 2,
}
INTERVALS: dict[str, Callable[[float], int]] = {
    "dense": lambda t: 1,
    "incremental": lambda t: 1 if t < 0.25 else 10 * (min(4, int((t - 0.25) / 0.15 + 1e-9)) + 1),
}

_MOST_CELLS = 1 << 22
_CHUNK = 1 << 16  # samples evaluated at a time


@dataclass(frozen=True)
class Teaching:
    """INT: train on those samples that the field is worst at, chosen anew from time to time.

    When it chooses, the field is evaluated at all candidates, and the share ``ratio(t)`` of them with the largest
    sum over outputs of |y - f(x)| is kept, t being the share of the budget that is used up. Steps train on that share,
    in batches drawn from it at random where it is larger than a batch. Zhang et al. 2024, with the settings of their
    code: the ratio rises from 0.2 in ten steps; it chooses at every step for the first quarter of the budget, then
    each 10, 20, 30, 40, 50 steps.

    Attributes:
        start: the share at the beginning, above 0 up to 1.
        ratio: its course: "constant", "linear", "step" or "cosine".
        interval: when to choose: "dense" (at every step) or "incremental".
        random: share of those kept that are drawn at random instead, 0 to 1: the worst samples may be noise.
        pool: number of candidates; all samples if None.

    Raises:
        InputError: a value is out of range; on a draw, the signal's samples have no numbers.
    """

    start: float = 0.2
    ratio: str = "step"
    interval: str = "incremental"
    random: float = 0.0
    pool: int | None = None

    def __post_init__(self) -> None:
        if not (0 < self.start <= 1 and 0 <= self.random <= 1):
            raise InputError(f"start is above 0 up to 1 and random from 0 to 1, got {self.start} and {self.random}")
        if self.ratio not in RATIOS or self.interval not in INTERVALS:
            known = f"ratio is one of {', '.join(RATIOS)}, interval one of {', '.join(INTERVALS)}"
            raise InputError(f"{known}, got {self.ratio!r} and {self.interval!r}")
        if self.pool is not None and self.pool < 1:
            raise InputError(f"the pool has one candidate or more, got {self.pool}")

    def __call__(self) -> "Teacher":
        return Teacher(self)


class Teacher:
    """``Teaching`` in one fit: the samples chosen last, and the step at which to choose again."""

    unbiased = False

    def __init__(self, settings: Teaching):
        self.settings = settings
        self._chosen, self._due = torch.empty(0, dtype=torch.int64), 0

    def draw(self, field: FieldLike, signal: Signal, n: int, *, seed: int, step: int, fraction: float) -> Batch:
        if not isinstance(signal, Numbered):
            raise InputError(f"Teaching needs samples with numbers and values, not of a {signal.kind}: fit it without")
        if not len(self._chosen) or step >= self._due:
            how = self.settings
            self._chosen = self._choose(field, signal, RATIOS[how.ratio](how.start, fraction), seed, step)
            self._due = step + INTERVALS[how.interval](fraction)
        count = len(self._chosen)
        if n >= count:
            return signal.at(self._chosen)
        return signal.at(self._chosen[ops.shuffled(0, n, ((count, (seed, step)),))])

    def _choose(self, field: FieldLike, signal: Signal, ratio: float, seed: int, step: int) -> Tensor:
        """Numbers of the samples to train on until it is time again."""
        candidates = signal.draw(self.settings.pool or signal.size, seed=seed, step=step)
        if candidates.index is None or isinstance(candidates, RayBatch):
            raise InputError(f"Teaching needs samples with numbers and values, not of a {signal.kind}: fit it without")
        count = max(1, int(ratio * len(candidates)))
        if count == len(candidates):
            return candidates.index
        device = device_of(field)
        parts = zip(candidates.x.split(_CHUNK), candidates.y.split(_CHUNK), strict=True)
        error = torch.cat([(evaluate(field, x.to(device)).cpu() - y).abs().sum(-1) for x, y in parts])
        order = error.argsort(descending=True, stable=True)
        worst = order[: count - int(self.settings.random * count)]
        rest = order[len(worst) :]
        others = rest[ops.shuffled(0, count - len(worst), ((len(rest), (seed, step)),))]
        return candidates.index[torch.cat([worst, others])]

    def tensors(self) -> dict[str, Tensor]:
        return {"chosen": self._chosen, "due": torch.tensor(self._due)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self._chosen, self._due = tensors["chosen"].clone(), int(tensors["due"])


@dataclass(frozen=True)
class LossWeighted:
    """Importance sampling by the loss: samples are drawn more often where the field has been worse of late.

    The box is cut into ``cells`` per axis, whose running means of the squared error follow the batches, so it costs
    little. A batch is drawn, with repetition, from ``oversample`` times as many candidates with probabilities p in
    proportion to uniform * mean + (1 - uniform) * the cell's error. Samples have weights 1 / p, which objectives divide
    by their sum over the batch: so the gradient of a batch of n is right on average up to O(1 / n).

    Attributes:
        cells: per axis; at most 2^22 cells in all.
        oversample: candidates per sample, 2 or more.
        uniform: share of the probability that does not depend on the error, above 0 up to 1.
        unbiased: whether samples count 1 / p; without it, hard regions count more.

    Raises:
        InputError: a value is out of range; on a draw, the cells are too many for the signal's coordinates.
    """

    cells: int = 32
    oversample: int = 4
    uniform: float = 0.25
    unbiased: bool = True

    def __post_init__(self) -> None:
        if self.cells < 1 or self.oversample < 2 or not 0 < self.uniform <= 1:
            raise InputError(f"cells is 1 or more, oversample 2 or more, uniform above 0 up to 1, got {self}")

    def __call__(self) -> "Weigher":
        return Weigher(self)


class Weigher:
    """``LossWeighted`` in one fit: each cell's running mean of the squared error, NaN where no sample has been."""

    def __init__(self, settings: LossWeighted):
        self.settings, self.unbiased = settings, settings.unbiased
        self._means = torch.empty(0)

    def draw(self, field: FieldLike, signal: Signal, n: int, *, seed: int, step: int, fraction: float) -> Batch:
        how = self.settings
        if how.cells**signal.in_dim > _MOST_CELLS:
            raise InputError(f"LossWeighted: {how.cells}^{signal.in_dim} cells are too many, give fewer per axis")
        mean = self._means.nanmean() if len(self._means) else torch.tensor(0.0)
        if not mean > 0:
            return signal.draw(n, seed=seed, step=step)  # nothing is known yet, or nothing is left to fit
        candidates = signal.draw(how.oversample * n, seed=seed, step=step)
        errors = self._means[self._cell(candidates.x)].nan_to_num(float(mean))
        density = how.uniform * mean + (1 - how.uniform) * errors
        generator = torch.Generator().manual_seed(hash((seed, step)) % (1 << 63))
        course = density.double().cumsum(0)
        random = torch.rand(min(n, len(candidates)), generator=generator, dtype=torch.float64)
        chosen = torch.searchsorted(course, random * course[-1]).clamp(max=len(candidates) - 1)
        # 1 / p but for a factor, which keeps the weights of tiny errors finite.
        weight = mean / density[chosen] if how.unbiased else torch.ones(len(chosen))
        if candidates.weight is not None:
            weight = weight * candidates.weight[chosen]
        index = None if candidates.index is None else candidates.index[chosen]
        return Batch(candidates.x[chosen], candidates.y[chosen], weight, index)

    def feedback(self, x: Tensor, loss: Tensor) -> None:
        x, loss = x.cpu(), loss.cpu().float()
        size = self.settings.cells ** x.shape[1]
        if not len(self._means):
            self._means = torch.full((size,), math.nan)
        cell = self._cell(x)
        count = torch.zeros(size).index_add_(0, cell, torch.ones_like(loss))
        mean = torch.zeros(size).index_add_(0, cell, loss) / count
        met = count > 0
        self._means[met] = torch.where(self._means.isnan(), mean, (self._means + mean) / 2)[met]

    def _cell(self, x: Tensor) -> Tensor:
        """Number of the cell of each point."""
        place = ((x + 1) / 2 * self.settings.cells).long().clamp(0, self.settings.cells - 1)
        return (place * self.settings.cells ** torch.arange(x.shape[1])).sum(-1)

    def tensors(self) -> dict[str, Tensor]:
        return {"means": self._means}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        self._means = tensors["means"].clone()


SAMPLERS: dict[str, type[Teaching] | type[LossWeighted]] = {"teaching": Teaching, "loss": LossWeighted}
