"""Where each vertex of each plane lies in the table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index
from typing import cast

from neuralfields.errors import InputError

MAX_AXES = 7  # of one plane: 2^axes rows are read for each point
MAX_ROWS = 1 << 28


@dataclass(frozen=True)
class Plane:
    """A grid over some of the axes: ``size`` rows of the table from ``start`` on.

    The vertex (i, j, …) along ``axes`` is row start + i + j * resolution[0] + …: the first axis is the fastest.
    """

    axes: tuple[int, ...]
    resolution: tuple[int, ...]
    start: int
    size: int


@dataclass(frozen=True)
class PlaneLayout:
    """Planes, lines or volumes along the axes of a box, one after the other in one table.

    The vertices along an axis are evenly spaced, the first and the last at the ends of the box.

    >>> layout = PlaneLayout(3, ((0, 1), (0, 2), (1, 2)), (8, 8, 4))
    >>> layout.entries
    128
    >>> layout.planes[1]
    Plane(axes=(0, 2), resolution=(8, 4), start=64, size=32)
    >>> PlaneLayout(2, ((0, 1), (0, 1)), ((4, 4), (7, 7))).entries
    65

    Attributes:
        dim: number of coordinates.
        axes: for each plane the coordinates that it is over, 1 to 7 different ones.
        resolution: for each plane the vertices along its axes, 2 to 2^20; given along each coordinate where all planes
            agree, as in the first example.

    Raises:
        InputError: a value is out of range.
    """

    dim: int
    axes: Sequence[Sequence[int]]
    resolution: Sequence[int] | Sequence[Sequence[int]]

    def __post_init__(self) -> None:
        # As tuples of Python's numbers, so that a layout can be compared and hashed.
        object.__setattr__(self, "axes", tuple(tuple(map(index, plane)) for plane in self.axes))
        given = [tuple(map(index, r)) if isinstance(r, Sequence) else index(r) for r in self.resolution]
        along, each = [r for r in given if isinstance(r, int)], [r for r in given if isinstance(r, tuple)]
        fits = list(map(len, each)) == list(map(len, self.axes)) if each else len(along) == self.dim
        if self.dim < 1 or not fits or (along and each):
            raise InputError(
                f"planes have one resolution for each of {self.dim} axes, or for each axis of each plane, "
                f"got {tuple(given)}"
            )
        if not self.axes:
            raise InputError("a layout has one plane or more")
        for plane in self.axes:
            if not (1 <= len(set(plane)) == len(plane) <= MAX_AXES and all(0 <= axis < self.dim for axis in plane)):
                raise InputError(
                    f"a plane is over 1 to {MAX_AXES} different axes from 0 to {self.dim - 1}, got {plane}"
                )
        shapes = each or [tuple(along[axis] for axis in plane) for plane in self.axes]
        if not all(2 <= vertices <= 1 << 20 for shape in shapes for vertices in shape):
            raise InputError(f"a resolution is between 2 and 2^20, got {tuple(given)}")
        object.__setattr__(self, "resolution", tuple(shapes))
        if self.entries > MAX_ROWS:
            raise InputError(f"planes have at most 2^28 vertices in all, these have {self.entries}")

    @cached_property
    def planes(self) -> tuple[Plane, ...]:
        made: list[Plane] = []
        start = 0
        for axes, resolution in zip(self.axes, cast("Sequence[tuple[int, ...]]", self.resolution), strict=True):
            made.append(Plane(tuple(axes), resolution, start, math.prod(resolution)))
            start += made[-1].size
        return tuple(made)

    @cached_property
    def entries(self) -> int:
        """Rows of the whole table."""
        return self.planes[-1].start + self.planes[-1].size
