"""The parts of rays where something may be: steps along each ray that an occupancy grid keeps.

Contract of ``march(rays, occupied, step, cone=0, near=0, unbounded=False, jitter=None, limit=2^22)``:
    rays: [n, 6], origin and direction of length one, in box coordinates.
    occupied: bool [c, c, c], indexed [z, y, x], of the cells over the box [-1, 1]^3.
    The lattice of a ray has the edges e(i + jitter), i = 0, 1, …: e(s) = step s up to s = 1 / cone, from there on
    e(s) = step / cone (1 + cone)^(s - 1 / cone). So intervals are ``step`` long, or ``cone`` times their start where
    that is more; with a cone of 0 all are equal.
    An interval is kept if the depth of its middle is at least ``near``, the middle is in the box, and in an occupied
    cell. With ``unbounded`` it may be anywhere to the depth ``FAR``: the place is contracted into the ball of radius 2
    (Barron et al., CVPR 2022, equation 10) and halved before its cell is looked up.
    jitter: [n] in [0, 1), by how many intervals a ray's lattice is shifted; None for 0.
    limit: a ray ends with this number of kept intervals.
    result: (start [m], end [m], count [n] int64), ray after ray, along each ray in order. A ray that is not finite has
    no interval; a lattice has 2^22 at most.
Not differentiable.

Source of grid and step sizes: Mueller et al., "Instant Neural Graphics Primitives", SIGGRAPH 2022, appendix E.
"""

import math

from torch import Tensor
from torch import bool as torch_bool

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.march import cpu, reference
from neuralfields.ops.march.reference import FAR


def check_terrain(occupied: Tensor, step: float, cone: float, near: float, unbounded: bool) -> None:
    """Raise InputError unless rays can be marched through such a grid in such steps."""
    if occupied.dim() != 3 or len(set(occupied.shape)) != 1 or not len(occupied) or occupied.dtype != torch_bool:
        raise InputError(f"an occupancy grid is bool [c, c, c], got {occupied.dtype} {list(occupied.shape)}")
    positive(step=step)
    if not (0 <= cone < math.inf and 0 <= near < math.inf):
        raise InputError(f"rays are marched with cone and near finite and from 0 on, got {cone} and {near}")
    if unbounded and not cone:
        raise InputError("unbounded rays need a cone above 0, or equal steps would go on for very long")


def check_rays(name: str, rays: Tensor, jitter: Tensor | None) -> None:
    """Raise InputError unless there are rays [n, 6], with jitter [n] if any."""
    if rays.dim() != 2 or rays.shape[1] != 6:
        raise InputError(f"{name} takes rays [n, 6], origin and direction, got {list(rays.shape)}")
    if jitter is not None and jitter.shape != rays.shape[:1]:
        raise InputError(f"{name} takes jitter [{len(rays)}], one for each ray, got {list(jitter.shape)}")


def _check(
    rays: Tensor,
    occupied: Tensor,
    step: float,
    cone: float = 0.0,
    near: float = 0.0,
    unbounded: bool = False,
    jitter: Tensor | None = None,
    limit: int = reference.MOST,
) -> None:
    check_rays("march", rays, jitter)
    check_terrain(occupied, step, cone, near, unbounded)
    if limit < 1:
        raise InputError(f"march keeps 1 interval of a ray or more, got a limit of {limit}")


march = Op(
    "march",
    reference.march,
    kernels=(Kernel("cpu", "neuralfields.ops.march.cpu:march", 0, cpu.refuse),),
    check=_check,
    differentiable=False,
)

__all__ = ["FAR", "check_rays", "check_terrain", "march"]
