"""``error_sums`` in C++."""

import ctypes
from ctypes import c_int32, c_int64, c_void_p
from functools import cache

import torch
from torch import Tensor

from neuralfields.ops.native import library


@cache
def _core() -> ctypes.CDLL:
    core = library()
    core.nf_error_sums.argtypes = (c_int32, c_void_p, c_void_p, c_int64, c_void_p)
    core.nf_error_sums.restype = None
    return core


def error_sums(prediction: Tensor, target: Tensor) -> Tensor:
    p, t, sums = prediction.detach().contiguous(), target.detach().contiguous(), torch.empty(4, dtype=torch.float64)
    _core().nf_error_sums(torch.get_num_threads(), p.data_ptr(), t.data_ptr(), p.numel(), sums.data_ptr())
    return sums
