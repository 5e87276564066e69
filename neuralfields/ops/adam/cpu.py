"""``adam`` and ``lazy_adam`` by the C++ core."""

import ctypes
import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import KernelRefused
from neuralfields.ops.native.calling import call, direct_refusal


class Adam(ctypes.Structure):
    """``nf::Adam`` in adam.hpp."""

    _fields_ = (
        *((name, ctypes.c_float) for name in ("lr", "beta2", "gain1", "gain2", "epsilon")),
        ("correction", ctypes.c_void_p),
        ("corrections", ctypes.c_int64),
    )


_MOST = 1 << 21  # steps: up to betas of 0.99999
_tables: list[np.ndarray] = []  # never freed: one for each pair of betas that was used


def _steps_to_one(beta: float) -> int:
    """The first step whose correction 1 / (1 - beta^step) is 1 in float32."""
    return math.ceil(math.log(2.0**-26) / math.log(beta)) if beta > 0 else 1


def refusal_of_betas(beta1: float, beta2: float) -> str | None:
    """Why the core cannot take these betas."""
    slowest = max(beta1, beta2)
    return f"takes betas up to 0.99999, not {slowest}" if _steps_to_one(slowest) > _MOST else None


@cache
def _corrections(beta1: float, beta2: float) -> tuple[int, int]:
    """Address and number of the factors that undo the moments' start at zero, up to where both are 1 in float32."""
    if why := refusal_of_betas(beta1, beta2):
        raise KernelRefused(f"adam: the cpu kernel {why}")
    steps = np.arange(1, _steps_to_one(max(beta1, beta2)) + 1)
    factors = 1 / (1 - np.array([beta1, beta2]) ** steps[:, None])
    table = np.concatenate([np.zeros((1, 2)), factors]).astype(np.float32)
    _tables.append(table)
    return table.ctypes.data, len(table)


def settings(lr: float, beta1: float, beta2: float, epsilon: float) -> Adam:
    """What every kernel that updates parameters is given."""
    pointer, count = _corrections(float(beta1), float(beta2))
    return Adam(float(lr), float(beta2), float(1 - beta1), float(1 - beta2), float(epsilon), pointer, count)


def refuse(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> str | None:
    tensors = parameter, gradient, mean, square
    if why := direct_refusal(*tensors):
        return why
    return refusal_of_betas(beta1, beta2) if all(map(Tensor.is_contiguous, tensors)) else "takes contiguous tensors"


def refuse_lazy(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    steps: Tensor,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> str | None:
    if why := direct_refusal(others=[steps]):
        return why
    if steps.dtype != torch.int32 or not steps.is_cpu or not steps.is_contiguous():
        return "takes contiguous int32 steps on the CPU"
    return refuse(parameter, gradient, mean, square, 1, lr, beta1, beta2, epsilon)


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
