"""Operations on tensors, each with one meaning (its reference) and kernels that agree with it. No nn.Module here."""

from typing import Any

from neuralfields.ops._op import BACKENDS, Kernel, Op, backend, derivatives, used, wanted_derivatives
from neuralfields.ops.adam import adam, lazy_adam
from neuralfields.ops.error_sums import error_sums
from neuralfields.ops.field_step import field_step, field_values
from neuralfields.ops.grid_encode import GridLayout, grid_encode
from neuralfields.ops.mlp import mlp
from neuralfields.ops.sampling import Order, cell_centres, shuffled, take_values
from neuralfields.ops.sine_mlp import sine_mlp

ALL: tuple[Op[..., Any], ...] = (
    *(grid_encode, mlp, sine_mlp, adam, lazy_adam, field_values, field_step),
    *(shuffled, cell_centres, take_values, error_sums),
)

__all__ = [
    "ALL",
    "BACKENDS",
    "GridLayout",
    "Kernel",
    "Op",
    "Order",
    "adam",
    "backend",
    "cell_centres",
    "derivatives",
    "error_sums",
    "field_step",
    "field_values",
    "grid_encode",
    "lazy_adam",
    "mlp",
    "shuffled",
    "sine_mlp",
    "take_values",
    "used",
    "wanted_derivatives",
]
