"""Encoding by planes: features interpolated in grids over a few of the axes each, also lines and volumes.

Contract of ``plane_encode(x, table, layout, interpolation)``:
    x: [n, layout.dim] in the box [-1, 1]; outside it is clamped (zero gradient), NaN gives NaN.
    table: [layout.entries, features], plane after plane, of x's dtype, which is the result's too.
    layout: ``PlaneLayout``: the axes of each plane and the vertices along them, at both ends of the box too.
    result: [n, planes * features], plane-major. Sums and products over the planes are the caller's.
    interpolation: along each axis; where it needs vertices beyond the ends of the box, it takes those at the ends.
        "linear", with a gradient that jumps between cells;
        "smoothstep" (3t^2 - 2t^3), continuous first derivatives;
        "catmull_rom", cubic through the vertices' values, continuous first derivatives, exact for quadratic functions;
        "b_spline", cubic with continuous second derivatives; smooths the vertices' values, exact for linear functions.
Derivatives: any order in x and table on the reference, two on the CPU kernel, whose cubic planes have up to 3 axes.

Sources: Chan et al., "Efficient Geometry-aware 3D Generative Adversarial Networks", CVPR 2022 (tri-planes, summed);
Fridovich-Keil et al., "K-Planes", CVPR 2023 (all pairs of axes, multiplied); Chen et al., "TensoRF", ECCV 2022 (planes
and lines); Keys, "Cubic convolution interpolation for digital image processing", IEEE TASSP 1981 (with a = -1/2).
"""

from torch import Tensor

from neuralfields.checks import one_of
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.grid_encode.contract import check_table
from neuralfields.ops.grid_encode.levels import INTERPOLATIONS
from neuralfields.ops.plane_encode import cpu
from neuralfields.ops.plane_encode.layout import Plane, PlaneLayout
from neuralfields.ops.plane_encode.reference import reference


def _check(x: Tensor, table: Tensor, layout: PlaneLayout, interpolation: str = "linear") -> None:
    check_table("plane_encode", x, table, layout.dim, layout.entries)
    one_of(INTERPOLATIONS, interpolation=interpolation)


plane_encode = Op(
    "plane_encode",
    reference,
    kernels=(Kernel("cpu", "neuralfields.ops.plane_encode.cpu:plane_encode", cpu.ORDER, cpu.refuse),),
    check=_check,
)

__all__ = ["INTERPOLATIONS", "Plane", "PlaneLayout", "plane_encode"]
