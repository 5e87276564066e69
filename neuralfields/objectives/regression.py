"""Regression: the field's values against the signal's."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.field import FieldLike
from neuralfields.protocols import Batch


def _relative_l2(prediction: Tensor, target: Tensor) -> Tensor:
    # The denominator is a weight, not part of the error: no gradient goes through it.
    return (prediction - target).square() / (prediction.detach().square() + 0.01)


def _mape(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).abs() / (target.abs() + 0.01)


def _huber(prediction: Tensor, target: Tensor) -> Tensor:
    return F.huber_loss(prediction, target, reduction="none", delta=0.1)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l2": lambda prediction, target: (prediction - target).square(),
    "relative_l2": _relative_l2,
    "l1": lambda prediction, target: (prediction - target).abs(),
    "huber": _huber,
    "mape": _mape,
}


@dataclass(frozen=True)
class Regression:
    """Mean over samples and outputs of one of ``LOSSES``, each sample weighted by ``batch.weight`` if there is one.

    l2: (p - t)^2. relative_l2: (p - t)^2 / (p^2 + 0.01) with the denominator held fixed, for HDR (the loss of
    instant-ngp's images, after Lehtinen et al., "Noise2Noise", ICML 2018). l1: |p - t|. huber: delta 0.1.
    mape: |p - t| / (|t| + 0.01).

    Raises:
        InputError: there is no such loss.
    """

    loss: str = "l2"

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise InputError(f"no loss is called {self.loss!r}; there are: {', '.join(LOSSES)}")

    def __call__(self, field: FieldLike, batch: Batch, step: int) -> Mapping[str, Tensor]:
        values = field(batch.x)
        if values.shape != batch.y.shape:
            raise InputError(f"the field gives values of shape {list(values.shape)} for targets {list(batch.y.shape)}")
        error = LOSSES[self.loss](values, batch.y)
        if batch.weight is None:
            return {self.loss: error.mean()}
        return {self.loss: (error.mean(-1) * batch.weight).sum() / batch.weight.sum()}

    def psnr(self, terms: Mapping[str, float]) -> float | None:
        """PSNR of the batch (peak 1, not clamped) where the loss tells it: for l2 only."""
        if self.loss != "l2":
            return None
        return -10 * math.log10(max(terms["l2"], 1e-20))
