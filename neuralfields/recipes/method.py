"""A method: a way to represent any signal, at any number of parameters, with a rate and settings of its own.

They are published ones where there are any; the comment of a method's line in ``methods`` says what is ours.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.fitting import Adam, Decay
from neuralfields.objectives import MultiScale, Regression
from neuralfields.protocols import Signal
from neuralfields.recipes.recipe import Recipe, objective_for, ranged
from neuralfields.signals import Image, PointCloud, Shape, as_signal

_SHAPE_EXTENT = 1 << 17, 256  # what a surface in a box is worth: its fit takes as many grid vertices, so fine
_LARGEST = 1 << 22  # of a method's size
_DECAY, _BATCH, _STEPS = Decay(0.0, 0.1), 8192, 1000


class Extent(NamedTuple):
    """What a method must know of a signal.

    Attributes:
        samples: how many it holds.
        side: samples along the longest axis.
    """

    in_dim: int
    out_dim: int
    samples: int
    side: int

    @classmethod
    def of(cls, signal: Signal) -> "Extent":
        if isinstance(signal, Shape | PointCloud):
            return cls(signal.in_dim, signal.out_dim, *_SHAPE_EXTENT)
        shape = signal.shape[:2] if isinstance(signal, Image) else (round(signal.size ** (1 / signal.in_dim)),)
        return cls(signal.in_dim, signal.out_dim, signal.size, max(2, *shape))


Build = Callable[[Extent, int], Field]


@dataclass(frozen=True)
class Method:
    """A way to represent a signal; called with one, it gives the recipe.

    The rate is ``lr`` times each class's own ``lr_scale``, then follows ``decay``. Papers mostly train on all samples
    at every step; batches here are smaller, so that a CPU does many steps in a short time.

    Attributes:
        name: for the command line.
        about: the class that stands for the method and has its paper.
        build: gives the field for an extent and a size, which is what scales the number of parameters (a width or a
            resolution).
        size: where no number of parameters is asked for, one or that for an extent.
        summary: what it is, in a line.
        centred: whether it is made for values in [-1, 1].
        batch: samples per step; a 32nd of the signal if None.
        lr: rate of parameters whose class has an ``lr_scale`` of 1.
        table_lr: rate of tables, if it is not that times their class's scale.
        epsilon: Adam's; tables want a tiny one.
        decay: course of the rate.
        all_levels: whether its levels of detail are fitted too.
    """

    name: str
    about: type[Field]
    build: Build
    size: int | Callable[[Extent], int]
    summary: str
    centred: bool = True
    batch: int | None = _BATCH
    lr: float = 1e-3
    table_lr: float | None = None
    epsilon: float = 1e-8
    decay: Decay = _DECAY
    all_levels: bool = False

    @property
    def paper(self) -> str:
        return self.about.paper

    def __call__(self, signal: Any, params: int | None = None) -> Recipe:
        """The recipe for a signal, an array or a path, with about so many parameters, or of the method's own size.

        Raises:
            InputError: the method is not for such a signal, or cannot have so few parameters.
        """
        signal = as_signal(signal)
        extent = Extent.of(signal)
        if params is not None:
            size = self._size_for(extent, params)
        else:
            size = self.size if isinstance(self.size, int) else self.size(extent)
        objective = objective_for(signal)
        if self.all_levels and isinstance(objective, Regression):
            objective = MultiScale(objective.loss)
        return Recipe(
            self.name,
            ranged(self.build(extent, size), signal, centred=self.centred),
            objective=objective,
            optimizer=Adam(lr=self.lr, table_lr=self.table_lr, epsilon=self.epsilon),
            decay=self.decay,
            batch=self.batch or 1 << clamped(round(math.log2(extent.samples / 32)), 10, 16),
            steps=_STEPS,
        )

    def _size_for(self, extent: Extent, params: int) -> int:
        """The size whose number of parameters is nearest; counts grow with sizes."""
        low, high = 0, 1
        while high < _LARGEST and self._count(extent, high) <= params:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._count(extent, middle) <= params else (low, middle)
        size = min((low, high), key=lambda size: abs(self._count(extent, size) - params))
        count = self._count(extent, size)
        if not 0.6 * params <= count <= 1.4 * params:
            limit = f", but at most {count}" if high == _LARGEST and count else self._least(extent)
            raise InputError(f"{self.name} cannot have about {params} parameters for this signal{limit}")
        return size

    def _least(self, extent: Extent) -> str:
        """How few parameters there can be, as the end of a sentence.

        Raises:
            InputError: the method is not for such a signal.
        """
        least = next((count for size in range(1, 65) if (count := self._count(extent, size))), 0)
        if not least:
            self.build(extent, 64)
        return f", but from {least} on"

    def _count(self, extent: Extent, size: int) -> int:
        """Number of parameters at a size; 0 where it is too small to be built."""
        if not size:
            return 0
        with torch.random.fork_rng(devices=[]):
            try:
                with torch.device("meta"):  # so that a hundred million parameters are counted without their memory
                    field = self.build(extent, size)
            except InputError:
                return 0
            except RuntimeError:  # some draw numbers that have to be known
                field = self.build(extent, size)
        return sum(p.numel() for p in field.parameters())


def custom(signal: Signal, make: Callable[[int, int], Field]) -> Recipe:
    """Any field class, called with the numbers of coordinates and outputs, as it is, with the networks' settings."""
    return Recipe(
        "custom",
        make(signal.in_dim, signal.out_dim),
        objective=objective_for(signal),
        optimizer=Adam(lr=1e-3),
        decay=_DECAY,
        batch=_BATCH,
        steps=_STEPS,
    )


def clamped(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))
