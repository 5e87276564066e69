"""Eikonal: a signed distance's values, and gradients of length one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from neuralfields.calculus import value_and_gradient
from neuralfields.errors import InputError
from neuralfields.field import FieldLike
from neuralfields.objectives.regression import Regression
from neuralfields.ops.field_step import Task
from neuralfields.protocols import Batch


@dataclass(frozen=True)
class Eikonal:
    """``Regression(loss)`` plus weight * (|grad f| - 1)^2, its mean over the samples, for a field with one output.

    A signed distance solves the eikonal equation |grad f| = 1, in box units. Where the gradient vanishes, the term's
    derivative is taken as 0. The samples' weights are those of the regression alone.

    Gropp et al., "Implicit Geometric Regularization for Learning Shapes", ICML 2020 (with weight 0.1); Sitzmann et
    al., "Implicit Neural Representations with Periodic Activation Functions", NeurIPS 2020 (with |·| instead of the
    square).

    Raises:
        InputError: there is no such loss, or ``weight`` is not positive and finite; on a call, field or
            signal has more than one output.
    """

    loss: str = "l2"
    weight: float = 0.1

    def __post_init__(self) -> None:
        Regression(self.loss)
        if not 0 < self.weight < math.inf:
            raise InputError(f"the eikonal term's weight is positive and finite, got {self.weight}")

    def __call__(self, field: FieldLike, batch: Batch, step: int) -> Mapping[str, Tensor]:
        if batch.y.shape[-1] != 1:
            raise InputError(f"the eikonal term is for a field with 1 output, the signal has {batch.y.shape[-1]}")
        values, gradient = value_and_gradient(field, batch.x)
        terms = Regression(self.loss)(lambda x: values, batch, step)
        return {**terms, "eikonal": self.weight * (gradient.norm(dim=-1) - 1).square().mean()}

    def task(self) -> Task:
        """The same for ``ops.field_step``."""
        return Task(self.loss, self.weight)

    def psnr(self, terms: Mapping[str, float]) -> float | None:
        """As for ``Regression``."""
        return Regression(self.loss).psnr(terms)
