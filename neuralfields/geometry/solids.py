"""Known shapes as level functions of coordinates: negative inside, zero on the surface, differentiable.

Distances after Hart, Sphere Tracing, 1996, and Quilez, Distance Functions, 2008 (iquilezles.org/articles).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neuralfields.checks import positive
from neuralfields.errors import InputError

Solid = Callable[[Tensor], Tensor]  # coordinates [*batch, 3] to level [*batch, 1] in the same dtype

_ORIGIN = (0.0, 0.0, 0.0)


def sphere(radius: float = 0.5, centre: Sequence[float] = _ORIGIN) -> Solid:
    """The exact signed distance of a ball."""
    positive(radius=radius)
    middle = _point(centre=centre)
    return lambda x: _length(x - x.new_tensor(middle)) - radius


def torus(major: float = 0.5, minor: float = 0.2) -> Solid:
    """The exact signed distance of a torus around the z axis; its tube has radius ``minor``.

    Raises:
        InputError: the tube is not thinner than the ring, so that it would meet itself.
    """
    positive(major=major, minor=minor)
    if minor >= major:
        raise InputError(f"a torus needs minor < major, got {minor} and {major}")
    return lambda x: _length(torch.cat([_length(x[..., :2]) - major, x[..., 2:]], -1)) - minor


def box(half: Sequence[float] = (0.5, 0.5, 0.5), centre: Sequence[float] = _ORIGIN) -> Solid:
    """The exact signed distance of a box along the axes, inside and outside.

    Args:
        half: half of its length along x, y and z.
        centre: its middle.
    """
    sides, middle = _point(half=half), _point(centre=centre)
    positive(**{f"half[{axis}]": side for axis, side in enumerate(sides)})
    return lambda x: _from_excess((x - x.new_tensor(middle)).abs() - x.new_tensor(sides))


def cylinder(radius: float = 0.5, half: float = 0.5) -> Solid:
    """The exact signed distance of a cylinder around the z axis, from z = -half to z = half."""
    positive(radius=radius, half=half)
    return lambda x: _from_excess(torch.cat([_length(x[..., :2]) - radius, x[..., 2:].abs() - half], -1))


def capsule(start: Sequence[float], end: Sequence[float], radius: float) -> Solid:
    """The exact signed distance of all points within ``radius`` of the segment between two points."""
    positive(radius=radius)
    first, last = _point(start=start), _point(end=end)
    square = math.dist(first, last) ** 2
    if square == 0:
        raise InputError(f"a capsule's segment has a length, got {start} and {end}: sphere is for one point")

    def level(x: Tensor) -> Tensor:
        from_start, along = x - x.new_tensor(first), x.new_tensor(last) - x.new_tensor(first)
        share = ((from_start * along).sum(-1, keepdim=True) / square).clamp(0, 1)
        return _length(from_start - share * along) - radius

    return level


def gyroid(cells: float = 2.0, thickness: float = 0.4) -> Solid:
    """A wall along Schoen's minimal surface, by the usual trigonometric approximation. No distance: a level function.

    |sin u cos v + sin v cos w + sin w cos u| - thickness, with (u, v, w) = pi cells (x, y, z). It fills all of space.

    Args:
        cells: periods between -1 and 1, along each axis.
        thickness: of the wall in the function's own units, up to 1.5, where it fills everything.
    """
    positive(cells=cells, thickness=thickness)

    def level(x: Tensor) -> Tensor:
        angle = x * (math.pi * cells)
        return (angle.sin() * angle.roll(-1, -1).cos()).sum(-1, keepdim=True).abs() - thickness

    return level


def union(*solids: Solid) -> Solid:
    """What is in any of them. The sign is exact; inside, the distance is only a lower bound of the true one."""
    _some(solids)
    return lambda x: torch.cat([solid(x) for solid in solids], -1).amin(-1, keepdim=True)


def intersection(*solids: Solid) -> Solid:
    """What is in all of them. The sign is exact; outside, the distance is only a lower bound of the true one."""
    _some(solids)
    return lambda x: torch.cat([solid(x) for solid in solids], -1).amax(-1, keepdim=True)


def difference(solid: Solid, *taken: Solid) -> Solid:
    """The first without the others. The sign is exact, the distance a lower bound of the true one."""
    _some(taken)
    return lambda x: torch.cat([solid(x), *(-other(x) for other in taken)], -1).amax(-1, keepdim=True)


def moved(solid: Solid, by: Sequence[float]) -> Solid:
    """The solid, moved by a vector."""
    offset = _point(by=by)
    return lambda x: solid(x - x.new_tensor(offset))


def scaled(solid: Solid, by: float) -> Solid:
    """The solid, enlarged about the origin; distances stay distances."""
    positive(by=by)
    return lambda x: solid(x / by) * by


def rotated(solid: Solid, axis: Sequence[float], degrees: float) -> Solid:
    """The solid, turned about a line through the origin, counter-clockwise seen from where ``axis`` points to.

    Raises:
        InputError: the axis has no length.
    """
    direction = torch.tensor(_point(axis=axis), dtype=torch.float64)
    if not direction.norm() > 0:
        raise InputError(f"an axis has a length, got {axis}")
    a, b, c = (direction / direction.norm() * math.radians(degrees)).tolist()
    turn = torch.linalg.matrix_exp(torch.tensor([[0, -c, b], [c, 0, -a], [-b, a, 0]], dtype=torch.float64))
    return lambda x: solid(x @ turn.to(x))  # rows times the matrix: turned back


def _length(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def _from_excess(excess: Tensor) -> Tensor:
    """The distance of a product of intervals, from how far one is beyond each of them."""
    return _length(excess.clamp(min=0)) + excess.amax(-1, keepdim=True).clamp(max=0)


def _point(**named: Sequence[float]) -> tuple[float, ...]:
    ((name, given),) = named.items()
    numbers = tuple(float(number) for number in given)
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise InputError(f"{name} is three finite numbers, got {given}")
    return numbers


def _some(solids: Sequence[Solid]) -> None:
    if not solids:
        raise InputError("there must be solids to combine, got none")
