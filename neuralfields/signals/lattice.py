"""Regular arrays of samples over the box: where they lie, and drawing them without repetition and without state."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.field import FieldLike, device_of, evaluate
from neuralfields.protocols import Batch

_HOLDOUT_SEED = 0x5EED


@dataclass(frozen=True)
class Lattice:
    """Samples at the centres (2i + 1) / n - 1 of the cells of an array.

    Attributes:
        shape: samples per axis in array order, slowest first; coordinates are in the opposite order (x first).
        holdout: share of the samples, chosen at random once, that ``draw`` never gives; 0 to below 1.
    """

    shape: tuple[int, ...]
    holdout: float = 0.0

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise InputError(f"a signal needs at least one sample along each axis, got shape {self.shape}")
        if not 0 <= self.holdout < 1 or self.training < 1:
            raise InputError(
                f"holdout is a share from 0 to below 1 that leaves samples to train on, got {self.holdout}"
            )
        if self.holdout and self.training == self.size:
            raise InputError(
                f"holdout {self.holdout} of {self.size} samples is less than one: give a larger share or 0"
            )

    @property
    def size(self) -> int:
        return prod(self.shape)

    @cached_property
    def training(self) -> int:
        """Number of samples that ``draw`` chooses from."""
        return self.size - round(self.size * self.holdout)

    def draw(self, n: int, *, seed: int, step: int) -> Tensor:
        """Indices [min(n, training)] of batch number ``step``.

        Batches run through a random order of all training samples, then through another one, so that within each pass
        no sample comes twice. The order is a keyed bijection and is never stored, whatever the signal's size.
        """
        if n >= self.training:
            return ops.shuffled(0, self.training, self._kept)
        number, first = divmod(step * n, self.training)
        here = min(n, self.training - first)
        chosen = self._drawn(seed, number, first, here)
        return chosen if here == n else torch.cat([chosen, self._drawn(seed, number + 1, 0, n - here)])

    def held_out(self, n: int) -> Iterator[Tensor]:
        """Indices of the samples that ``draw`` never gives, ``n`` at a time."""
        for start in range(self.training, self.size, n):
            yield ops.shuffled(start, min(n, self.size - start), self._kept)

    def coordinates(self, index: Tensor) -> Tensor:
        """Centres [n, axes] float32 of the samples with these flat indices."""
        return ops.cell_centres(index, self.shape)

    @cached_property
    def _kept(self) -> tuple[ops.Order, ...]:
        """The order of all samples whose end is held out."""
        return ((self.size, (_HOLDOUT_SEED,)),) if self.holdout else ()

    def _drawn(self, seed: int, number: int, first: int, n: int) -> Tensor:
        """``n`` indices from the place ``first`` on of pass ``number``."""
        return ops.shuffled(first, n, ((self.training, (seed, number)), *self._kept))


class LatticeSignal(ABC):
    """What signals have in common whose samples are numbered by a ``lattice``."""

    lattice: Lattice

    @abstractmethod
    def at(self, index: Tensor) -> Batch:
        """The samples with these numbers [n]."""

    @property
    def size(self) -> int:
        return self.lattice.size

    def draw(self, n: int, *, seed: int, step: int) -> Batch:
        return self.at(self.lattice.draw(n, seed=seed, step=step))

    def chunks(self, n: int) -> Iterator[Batch]:
        for start in range(0, self.size, n):
            yield self.at(torch.arange(start, min(start + n, self.size)))

    def held_out(self, n: int) -> Iterator[Batch]:
        """The samples that training never sees, ``n`` at a time."""
        for index in self.lattice.held_out(n):
            yield self.at(index)


def compared(field: FieldLike, batches: Iterator[Batch], kept: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """(values of the field, values of the signal) of each batch; ``kept`` takes the former at the batch's index."""
    device = device_of(field)
    for batch in batches:
        prediction = evaluate(field, batch.x.to(device)).cpu()
        if kept is not None:
            kept[batch.index] = prediction
        yield prediction, batch.y
