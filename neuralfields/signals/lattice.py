"""Regular arrays of samples over the box: where they lie, and drawing them without repetition and without state."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import isqrt, prod

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError

_ROUNDS = 6
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
            chosen = np.arange(self.training, dtype=np.uint64)
        else:
            position = np.arange(step * n, (step + 1) * n, dtype=np.uint64)
            chosen, passes = position % np.uint64(self.training), position // np.uint64(self.training)
            for number in range(int(passes[0]), int(passes[-1]) + 1):
                here = passes == number
                chosen[here] = permuted(chosen[here], self.training, (seed, number))
        if self.holdout:
            chosen = permuted(chosen, self.size, (_HOLDOUT_SEED,))
        return torch.from_numpy(chosen.astype(np.int64))

    def held_out(self, n: int) -> Iterator[Tensor]:
        """Indices of the samples that ``draw`` never gives, ``n`` at a time."""
        for start in range(self.training, self.size, n):
            rest = np.arange(start, min(start + n, self.size), dtype=np.uint64)
            yield torch.from_numpy(permuted(rest, self.size, (_HOLDOUT_SEED,)).astype(np.int64))

    def coordinates(self, index: Tensor) -> Tensor:
        """Centres [n, axes] float32 of the samples with these flat indices."""
        axes = []
        for length in reversed(self.shape):
            axes.append((index % length * 2 + 1).to(torch.float64) / length - 1)
            index = index // length
        return torch.stack(axes, -1).float()


def permuted(index: np.ndarray, n: int, key: tuple[int, ...]) -> np.ndarray:
    """A random bijection of {0, …, n-1}, given by ``key``, at ``index`` (uint64).

    A Feistel network over a grid of a x b >= n places whose two halves are added to modulo a and b in turn; the few
    places from n on are walked through until the value lies below n.
    """
    a = isqrt(n - 1) + 1
    b = -(-n // a)
    round_keys = np.random.SeedSequence(key).generate_state(_ROUNDS, np.uint64)

    def once(value: np.ndarray) -> np.ndarray:
        high, low = np.divmod(value, np.uint64(a))
        for number, round_key in enumerate(round_keys):
            if number % 2:
                high = (high + _mixed(low, round_key) % np.uint64(b)) % np.uint64(b)
            else:
                low = (low + _mixed(high, round_key) % np.uint64(a)) % np.uint64(a)
        return high * np.uint64(a) + low

    value = once(index)
    outside = np.flatnonzero(value >= n)
    while len(outside):
        value[outside] = once(value[outside])
        outside = outside[value[outside] >= n]
    return value


def _mixed(value: np.ndarray, key: np.uint64) -> np.ndarray:
    """Each bit of the result depends on all bits of the value and the key."""
    value = (value ^ key) * np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return value ^ (value >> np.uint64(32))
