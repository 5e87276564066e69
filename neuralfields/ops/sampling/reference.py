"""The definitions of ``shuffled``, ``cell_centres`` and ``take_values`` in NumPy and PyTorch."""

from functools import lru_cache
from math import isqrt

import numpy as np
import torch
from torch import Tensor

ROUNDS = 6
# What a stored number is divided by.
LARGEST = {torch.uint8: 255, torch.uint16: 65535, torch.float16: 1, torch.float32: 1}

Order = tuple[int, tuple[int, ...]]  # (count, key)


def shuffled(first: int, n: int, orders: tuple[Order, ...]) -> Tensor:
    index = np.arange(first, first + n, dtype=np.uint64)
    for count, key in orders:
        index = permuted(index, count, key)
    return torch.from_numpy(index.astype(np.int64))


def permuted(index: np.ndarray, count: int, key: tuple[int, ...]) -> np.ndarray:
    """A random bijection of {0, …, count-1}, given by ``key``, at ``index`` (uint64).

    A Feistel network over a grid of a x b >= count places whose two halves are added to modulo a and b in turn; the few
    places from ``count`` on are walked through until the value lies below it.
    """
    a, b = sides(count)
    keys = round_keys(key)

    def once(value: np.ndarray) -> np.ndarray:
        high, low = np.divmod(value, np.uint64(a))
        for number, round_key in enumerate(keys):
            if number % 2:
                high = (high + _mixed(low, round_key) % np.uint64(b)) % np.uint64(b)
            else:
                low = (low + _mixed(high, round_key) % np.uint64(a)) % np.uint64(a)
        return high * np.uint64(a) + low

    value = once(index)
    outside = np.flatnonzero(value >= count)
    while len(outside):
        value[outside] = once(value[outside])
        outside = outside[value[outside] >= count]
    return value


def sides(count: int) -> tuple[int, int]:
    """The grid a x b of the Feistel network: nearly square, less than ``a`` places too many."""
    a = isqrt(count - 1) + 1
    return a, -(-count // a)


@lru_cache(maxsize=64)
def round_keys(key: tuple[int, ...]) -> tuple[np.uint64, ...]:
    return tuple(np.random.SeedSequence(key).generate_state(ROUNDS, np.uint64))


def _mixed(value: np.ndarray, key: np.uint64) -> np.ndarray:
    """Each bit of the result depends on all bits of the value and the key."""
    value = (value ^ key) * np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return value ^ (value >> np.uint64(32))


def cell_centres(index: Tensor, shape: tuple[int, ...]) -> Tensor:
    axes = []
    for length in reversed(shape):
        axes.append((index % length * 2 + 1).to(torch.float64) / length - 1)
        index = index // length
    return torch.stack(axes).float().t()


def take_values(stored: Tensor, index: Tensor) -> Tensor:
    places = index.numpy()
    if (places < 0).any():  # NumPy would count from the end
        raise IndexError(f"index out of range: there are {len(stored)} rows")
    rows = stored.numpy().take(places, axis=0).astype(np.float32)
    largest = LARGEST.get(stored.dtype, 1)
    return torch.from_numpy(rows if largest == 1 else rows / np.float32(largest))
