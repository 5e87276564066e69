"""Multiresolution grid encoding: interpolate a table of features at several resolutions, dense or hashed.

Contract of ``grid_encode(x, table, layout, interpolation)``:
    x: [n, layout.dim] in the box [-1, 1]; outside it is clamped (zero gradient), NaN gives NaN.
    table: [layout.entries, features], level after level, of x's dtype, which is the result's too.
    layout: ``GridLayout``, tag ``tcnn-1`` (tiny-cuda-nn's).
    interpolation: "linear" or "smoothstep" (3t^2 - 2t^3, with a continuous first derivative).
    result: [n, levels * features], level-major.
Derivatives: any order in x and table on the reference, two on the CPU kernel. The second derivative in x of linear
interpolation is zero within a cell along each axis: mixed ones are not.

Source: Mueller, Evans, Schied, Keller, "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding",
SIGGRAPH 2022, section 3; the layout is tiny-cuda-nn's.
"""

from torch import Tensor

from neuralfields.checks import one_of
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.grid_encode import cpu
from neuralfields.ops.grid_encode.contract import check_table
from neuralfields.ops.grid_encode.layout import GridLayout
from neuralfields.ops.grid_encode.reference import reference

INTERPOLATIONS = ("linear", "smoothstep")


def _check(x: Tensor, table: Tensor, layout: GridLayout, interpolation: str = "linear") -> None:
    check_table("grid_encode", x, table, layout.dim, layout.entries)
    one_of(INTERPOLATIONS, interpolation=interpolation)


grid_encode = Op(
    "grid_encode",
    reference,
    kernels=(Kernel("cpu", "neuralfields.ops.grid_encode.cpu:grid_encode", cpu.ORDER, cpu.refuse),),
    check=_check,
)

__all__ = ["INTERPOLATIONS", "GridLayout", "grid_encode"]
