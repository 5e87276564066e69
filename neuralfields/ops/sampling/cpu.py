"""``shuffled``, ``cell_centres`` and ``take_values`` in C++."""

import ctypes
from ctypes import c_int32, c_int64, c_uint64, c_void_p
from functools import cache, lru_cache

import torch
from torch import Tensor

from neuralfields.ops.native import library
from neuralfields.ops.sampling.reference import LARGEST, ROUNDS, Order, round_keys, sides

_KINDS = {dtype: number for number, dtype in enumerate(LARGEST)}


class _Order(ctypes.Structure):
    _fields_ = (("count", c_uint64), ("a", c_uint64), ("b", c_uint64), ("keys", c_uint64 * ROUNDS))


@cache
def _core() -> ctypes.CDLL:
    core = library()
    core.nf_shuffled.argtypes = (c_int32, c_int64, c_int64, c_void_p, c_int64, c_void_p)
    core.nf_cell_centres.argtypes = (c_int32, c_void_p, c_int64, c_void_p, c_int64, c_void_p)
    core.nf_take_values.argtypes = (c_int32, c_int32, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p)
    for function in (core.nf_shuffled, core.nf_cell_centres):
        function.restype = None
    core.nf_take_values.restype = c_int32
    return core


def shuffled(first: int, n: int, orders: tuple[Order, ...]) -> Tensor:
    index = torch.empty(n, dtype=torch.int64)
    _core().nf_shuffled(torch.get_num_threads(), first, n, _orders(orders), len(orders), index.data_ptr())
    return index


def cell_centres(index: Tensor, shape: tuple[int, ...]) -> Tensor:
    index, n, axes = index.contiguous(), index.numel(), len(shape)
    x = torch.empty(axes, n)
    _core().nf_cell_centres(torch.get_num_threads(), index.data_ptr(), n, _lengths(shape), axes, x.data_ptr())
    return x.t()


def take_values(stored: Tensor, index: Tensor) -> Tensor:
    index, (rows, channels), n = index.contiguous(), stored.shape, index.numel()
    stored, values = stored.contiguous(), torch.empty(n, channels)
    kind, threads = _KINDS[stored.dtype], torch.get_num_threads()
    pointers = stored.data_ptr(), rows, channels, index.data_ptr(), n, values.data_ptr()
    if _core().nf_take_values(threads, kind, *pointers):
        raise IndexError(f"index out of range: there are {rows} rows")
    return values


@lru_cache(maxsize=64)
def _orders(orders: tuple[Order, ...]) -> ctypes.Array[_Order]:
    """Making round keys takes as long as drawing a batch, and a pass needs them many times."""
    made = [_Order(count, *sides(count), (c_uint64 * ROUNDS)(*map(int, round_keys(key)))) for count, key in orders]
    return (_Order * len(made))(*made)


@lru_cache(maxsize=64)
def _lengths(shape: tuple[int, ...]) -> ctypes.Array[c_int64]:
    return (c_int64 * len(shape))(*shape)
