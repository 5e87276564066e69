"""One step of Adam in place, for dense parameters and for tables of which a batch touches few rows.

Contract of ``adam(parameter, gradient, mean, square, step, lr, beta1, beta2, epsilon)``:
    all tensors of one shape; ``step`` is the number of this step, from 1 on; betas are from 0 to below 1. Changes
    parameter, mean and square.
Contract of ``lazy_adam(parameter, gradient, mean, square, steps, lr, beta1, beta2, epsilon)``:
    parameter, gradient, mean, square: [rows, features]; steps: [rows] int32, how often each row was updated.
    A row whose gradient is zero throughout is skipped entirely: values, moments and its step count stay.
Not differentiable.

Source: Kingma, Ba, "Adam", ICLR 2015, algorithm 1; skipping untouched rows as in Mueller et al., SIGGRAPH 2022,
section 4.
"""

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.adam import cpu, reference


def _check(
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
    if step < 1:
        raise InputError(f"adam counts its steps from 1 on, got {step}")
    _check_state("adam", parameter, gradient, mean, square, beta1, beta2)


def _check_lazy(
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
    if parameter.dim() != 2:
        raise InputError(f"lazy_adam takes a parameter [rows, features], got {list(parameter.shape)}")
    if steps.shape != parameter.shape[:1]:
        raise InputError(f"lazy_adam takes steps [{len(parameter)}], one for each row, got {list(steps.shape)}")
    _check_state("lazy_adam", parameter, gradient, mean, square, beta1, beta2)


def _check_state(
    name: str, parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, beta1: float, beta2: float
) -> None:
    if not gradient.shape == mean.shape == square.shape == parameter.shape:
        shapes = f"gradient {list(gradient.shape)}, mean {list(mean.shape)}, square {list(square.shape)}"
        raise InputError(f"{name} takes tensors of the parameter's shape {list(parameter.shape)}, got {shapes}")
    if not (0 <= beta1 < 1 and 0 <= beta2 < 1):
        raise InputError(f"{name} takes betas from 0 to below 1, got {beta1} and {beta2}")


adam = Op(
    "adam",
    reference.adam,
    kernels=(Kernel("cpu", "neuralfields.ops.adam.cpu:adam", 0, cpu.refuse),),
    check=_check,
    differentiable=False,
)
lazy_adam = Op(
    "lazy_adam",
    reference.lazy_adam,
    kernels=(Kernel("cpu", "neuralfields.ops.adam.cpu:lazy_adam", 0, cpu.refuse_lazy),),
    check=_check_lazy,
    differentiable=False,
)

__all__ = ["adam", "lazy_adam"]
