"""Operations on tensors, each with one meaning (its reference) and kernels that agree with it. No nn.Module here."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from neuralfields.errors import KernelRefused
from neuralfields.ops._op import BACKENDS, Kernel, Op, backend, carried, derivatives, used, wanted_derivatives
from neuralfields.ops.adam import adam, lazy_adam
from neuralfields.ops.composite import composite
from neuralfields.ops.error_sums import error_sums
from neuralfields.ops.field_step import field_step, field_values
from neuralfields.ops.grid_encode import GridLayout, grid_encode
from neuralfields.ops.march import march
from neuralfields.ops.mlp import mlp
from neuralfields.ops.pixel_rays import PosedPixels, pixel_rays
from neuralfields.ops.plane_encode import PlaneLayout, plane_encode
from neuralfields.ops.radiance import radiance_step, radiance_values
from neuralfields.ops.sampling import Order, cell_centres, shuffled, take_values
from neuralfields.ops.sine_mlp import sine_mlp

ALL: tuple[Op[..., Any], ...] = (
    *(grid_encode, plane_encode, mlp, sine_mlp, adam, lazy_adam, field_values, field_step),
    *(shuffled, cell_centres, take_values, pixel_rays, error_sums, composite),
    *(march, radiance_values, radiance_step),
)


def wherever(name: str | None) -> AbstractContextManager[None]:
    """Inside the block every op that has a kernel of this backend uses it or raises; the others choose by themselves.

    Where ``backend`` holds for every op, this suits whole fits, of which a backend need not have every op. None asks
    for nothing.

    Raises:
        InputError: there is no such backend.
        KernelRefused: no op has a kernel of this backend.
    """
    if name is None:
        return nullcontext()
    having = [op for op in ALL if any(kernel.backend == name for kernel in op.kernels)]
    if name in BACKENDS and name != "reference" and not having:
        raise KernelRefused(f"no operation has a {name} kernel in this version")
    return backend(name, *having)


__all__ = [
    "ALL",
    "BACKENDS",
    "GridLayout",
    "Kernel",
    "Op",
    "Order",
    "PlaneLayout",
    "PosedPixels",
    "adam",
    "backend",
    "carried",
    "cell_centres",
    "composite",
    "derivatives",
    "error_sums",
    "field_step",
    "field_values",
    "grid_encode",
    "lazy_adam",
    "march",
    "mlp",
    "pixel_rays",
    "plane_encode",
    "radiance_step",
    "radiance_values",
    "shuffled",
    "sine_mlp",
    "take_values",
    "used",
    "wanted_derivatives",
    "wherever",
]
