"""``error_sums`` in C++."""

from ctypes import c_int32

import torch
from torch import Tensor

from neuralfields.ops.native.calling import invoke


def error_sums(prediction: Tensor, target: Tensor) -> Tensor:
    p, t, sums = prediction.detach().contiguous(), target.detach().contiguous(), torch.empty(4, dtype=torch.float64)
    invoke("nf_error_sums", c_int32(torch.get_num_threads()), p, t, p.numel(), sums)
    return sums
