"""Operations on tensors, each with one meaning (its reference) and kernels that agree with it. No nn.Module here."""

from typing import Any

from neuralfields.ops._op import BACKENDS, Kernel, Op, backend, derivatives, used, wanted_derivatives
from neuralfields.ops.adam import adam, lazy_adam
from neuralfields.ops.field_step import field_step, field_values
from neuralfields.ops.grid_encode import GridLayout, grid_encode
from neuralfields.ops.mlp import mlp
from neuralfields.ops.sine_mlp import sine_mlp

ALL: tuple[Op[..., Any], ...] = (grid_encode, mlp, sine_mlp, adam, lazy_adam, field_values, field_step)

__all__ = [
    "ALL",
    "BACKENDS",
    "GridLayout",
    "Kernel",
    "Op",
    "adam",
    "backend",
    "derivatives",
    "field_step",
    "field_values",
    "grid_encode",
    "lazy_adam",
    "mlp",
    "sine_mlp",
    "used",
    "wanted_derivatives",
]
