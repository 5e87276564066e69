"""``adam`` and ``lazy_adam`` by the C++ core."""

import ctypes
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuralfields.ops.native.calling import call, direct_refusal


class Adam(ctypes.Structure):
    """``nf::Adam`` in adam.hpp."""

    _fields_ = (
        *((name, ctypes.c_float) for name in ("lr", "beta2", "gain1", "gain2", "epsilon")),
        ("correction", ctypes.c_void_p),
        ("corrections", ctypes.c_int64),
    )


_tables: list[np.ndarray] = []  # never freed: one for each pair of betas that was used


@cache
def _corrections(beta1: float, beta2: float) -> tuple[int, int]:
    """Address and number of the factors that undo the moments' start at zero, up to where both are 1 in float32."""
    slowest = max(beta1, beta2)
    last = int(np.ceil(np.log(2.0**-26) / np.log(slowest))) if slowest > 0 else 1
    steps = np.arange(1, min(last, 1 << 20) + 1)
    factors = 1 / (1 - np.array([beta1, beta2]) ** steps[:, None])
    table = np.concatenate([np.zeros((1, 2)), factors]).astype(np.float32)
    _tables.append(table)
    return table.ctypes.data, len(table)


def settings(lr: float, beta1: float, beta2: float, epsilon: float) -> Adam:
    """What every kernel that updates parameters is given."""
    pointer, count = _corrections(beta1, beta2)
    return Adam(lr, beta2, 1 - beta1, 1 - beta2, epsilon, pointer, count)


def refuse(parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, *_: Any) -> str | None:
    """What the two kernels cannot take."""
    tensors = parameter, gradient, mean, square
    return direct_refusal(*tensors) or (None if all(t.is_contiguous() for t in tensors) else "takes contiguous tensors")


@torch.no_grad()
def adam(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    call(
        "nf_adam",
        settings(lr, beta1, beta2, epsilon),
        step,
        parameter.numel(),
        *(gradient, parameter, mean, square),
    )


@torch.no_grad()
def lazy_adam(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    steps: Tensor,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    call(
        "nf_lazy_adam",
        settings(lr, beta1, beta2, epsilon),
        *parameter.shape,
        *(gradient, parameter, mean, square, steps),
    )
