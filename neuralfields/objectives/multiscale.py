"""Regression at every level of detail of a field."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field, FieldLike
from neuralfields.objectives.regression import Regression
from neuralfields.protocols import Batch


@dataclass(frozen=True)
class MultiScale:
    """The mean of ``Regression(loss)`` over the levels of detail of a field, all with the same targets.

    Terms are called ``l2_1``, ``l2_2``, … from coarse to fine. For a field with one level it is the regression.

    Lindell et al., "BACON: Band-limited Coordinate Networks for Multiscale Scene Representation", CVPR 2022, 3.4.

    Raises:
        InputError: there is no such loss; on a call, ``field`` is not a Field, whose levels are known.
    """

    loss: str = "l2"

    def __post_init__(self) -> None:
        Regression(self.loss)

    def __call__(self, field: FieldLike, batch: Batch, step: int) -> Mapping[str, Tensor]:
        if not isinstance(field, Field):
            raise InputError(f"levels of detail are those of a Field, got {type(field).__name__}")
        levels, regression = field.levels(batch.x), Regression(self.loss)
        found = [regression(lambda x, values=values: values, batch, step)[self.loss] for values in levels]
        return {f"{self.loss}_{i}": loss / len(found) for i, loss in enumerate(found, start=1)}

    def psnr(self, terms: Mapping[str, float]) -> float | None:
        """As for ``Regression``, of the finest level."""
        finest = len(terms) * terms[f"{self.loss}_{len(terms)}"]
        return Regression(self.loss).psnr({self.loss: finest})
