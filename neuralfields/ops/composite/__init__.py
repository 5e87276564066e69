"""Emission and absorption along rays.

Contract of ``composite(thickness, values, count)`` -> (sums [n, c], opacity [n], weights [m]):
    thickness: [m] floats, the optical thickness of each interval: density times length, normally not negative; infinity
        makes an interval opaque. values: [m, c] of the same dtype, what an interval emits. count: [n] int64, 0 or more,
        how many intervals each ray has. Intervals lie ray after ray, those of a ray from its origin outwards.
    Interval i has the opacity alpha_i = 1 - exp(-thickness_i) and the weight w_i = T_i alpha_i, where the transmittance
    T_i = exp(-sum of the thickness of the intervals before it on its ray). sums = sum of w_i values_i along each ray,
    opacity = 1 - exp(-sum of thickness) = sum of w_i; a ray without intervals has zeros.
    A NaN stays in its ray.
Derivatives in thickness and values: any order on the reference, one on the CPU kernel.

Source: Max, "Optical models for direct volume rendering", TVCG 1995; Mildenhall et al., "NeRF", ECCV 2020, equation 3.
"""

import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.composite import cpu, reference


def _check(thickness: Tensor, values: Tensor, count: Tensor) -> None:
    if thickness.ndim != 1 or values.ndim != 2 or len(values) != len(thickness):
        raise InputError(
            f"composite takes thickness [m] and values [m, c], got {list(thickness.shape)} and {list(values.shape)}"
        )
    if thickness.dtype != values.dtype:
        raise InputError(f"thickness and values are of one dtype, got {thickness.dtype} and {values.dtype}")
    if count.ndim != 1 or count.dtype != torch.int64:
        raise InputError(f"composite takes counts [n] of int64, got {list(count.shape)} of {count.dtype}")
    if torch.compiler.is_compiling():
        return  # what follows looks at numbers, of which there are none while a graph is made
    least, total = (int(count.min()), int(count.sum())) if len(count) else (0, 0)
    if least < 0 or total != len(thickness):
        raise InputError(f"the counts are 0 or more and add up to the {len(thickness)} intervals, got a sum of {total}")


composite = Op(
    "composite",
    reference.composite,
    kernels=(Kernel("cpu", "neuralfields.ops.composite.cpu:composite", cpu.ORDER, cpu.refuse),),
    check=_check,
)

__all__ = ["composite"]
