"""Regression: the field's values against the signal's."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import FieldLike
from neuralfields.ops.field_step import Task
from neuralfields.ops.losses import LOSSES, mean_loss
from neuralfields.protocols import Batch


@dataclass(frozen=True)
class Regression:
    """Mean over samples and outputs of one of ``LOSSES``, each sample weighted by ``batch.weight`` if there is one.

    l2: (p - t)^2. relative_l2: (p - t)^2 / (p^2 + 0.01) with the denominator held fixed, for HDR (the loss of
    instant-ngp's images, after Lehtinen et al., "Noise2Noise", ICML 2018). l1: |p - t|. huber: delta 0.1.
    mape: |p - t| / (|t| + 0.01). bce: binary cross-entropy of logits p with targets in [0, 1], max(p, 0) - p t +
    log(1 + exp(-|p|)), for occupancy. clamped_l1: |clamp(p) - clamp(t)| with both clamped to [-0.1, 0.1], for signed
    distances (Park et al., "DeepSDF", CVPR 2019); predictions beyond have no gradient.

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
        return {self.loss: mean_loss(self.loss, values, batch.y, batch.weight)}

    def task(self) -> Task:
        """The same for ``ops.field_step``."""
        return Task(self.loss)

    def psnr(self, terms: Mapping[str, float]) -> float | None:
        """PSNR of the batch (peak 1, not clamped) where the loss tells it: for l2 only."""
        if self.loss != "l2":
            return None
        return -10 * math.log10(max(terms["l2"], 1e-20))
