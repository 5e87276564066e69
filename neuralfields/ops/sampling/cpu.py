"""``shuffled``, ``cell_centres`` and ``take_values`` in C++."""

import ctypes
from ctypes import c_int32, c_int64, c_uint64
from functools import lru_cache

import torch
from torch import Tensor

from neuralfields.ops.native.calling import invoke
from neuralfields.ops.sampling.reference import LARGEST, ROUNDS, Order, round_keys, sides

_KINDS = {dtype: number for number, dtype in enumerate(LARGEST)}


class _Order(ctypes.Structure):
    _fields_ = (("count", c_uint64), ("a", c_uint64), ("b", c_uint64), ("keys", c_uint64 * ROUNDS))


def shuffled(first: int, n: int, orders: tuple[Order, ...]) -> Tensor:
    index = torch.empty(n, dtype=torch.int64)
    invoke("nf_shuffled", _threads(), first, n, _orders(orders), len(orders), index)
    return index


def cell_centres(index: Tensor, shape: tuple[int, ...]) -> Tensor:
    index, n, axes = index.contiguous(), index.numel(), len(shape)
    x = torch.empty(axes, n)
    invoke("nf_cell_centres", _threads(), index, n, _lengths(shape), axes, x)
    return x.t()


def take_values(stored: Tensor, index: Tensor) -> Tensor:
    index, (rows, channels), n = index.contiguous(), stored.shape, index.numel()
    stored, values = stored.contiguous(), torch.empty(n, channels)
    how = _threads(), c_int32(_KINDS[stored.dtype])
    if invoke("nf_take_values", *how, stored, rows, channels, index, n, values, result=c_int32):
        raise IndexError(f"index out of range: there are {rows} rows")
    return values


def _threads() -> c_int32:
    return c_int32(torch.get_num_threads())


@lru_cache(maxsize=64)
def _orders(orders: tuple[Order, ...]) -> ctypes.Array[_Order]:
    """Making round keys takes as long as drawing a batch, and a pass needs them many times."""
    made = [_Order(count, *sides(count), (c_uint64 * ROUNDS)(*map(int, round_keys(key)))) for count, key in orders]
    return (_Order * len(made))(*made)


@lru_cache(maxsize=64)
def _lengths(shape: tuple[int, ...]) -> ctypes.Array[c_int64]:
    return (c_int64 * len(shape))(*shape)
