"""``plane_encode`` by the C++ core: values, first and second derivatives."""

from collections.abc import Sequence

from torch import Tensor

from neuralfields.ops.grid_encode.levels import (
    CUBIC_AXES,
    MAKERS,
    MAX_AXES,
    ORDER,
    Level,
    interpolate,
    refusal_of_size,
)
from neuralfields.ops.native.calling import refusal
from neuralfields.ops.plane_encode.layout import PlaneLayout
from neuralfields.ops.plane_encode.reference import CUBIC

__all__ = ["ORDER", "plane_encode", "refuse"]


def _levels(dim: int, axes: Sequence[Sequence[int]], resolution: Sequence[Sequence[int]]) -> list[Level]:
    made = []
    for plane in PlaneLayout(dim, axes, resolution).planes:
        strides = [1]
        for vertices in plane.resolution[:-1]:
            strides.append(strides[-1] * vertices)
        made.append(
            Level(
                axes=len(plane.axes),
                axis=plane.axes,
                scale=tuple(vertices - 1 for vertices in plane.resolution),
                last=tuple(vertices - 2 for vertices in plane.resolution),
                stride=tuple(strides),
                size=plane.size,
                start=plane.start,
            )
        )
    return made


MAKERS["planes"] = _levels


def _code(layout: PlaneLayout) -> str:
    """The text that stands for a layout."""
    axes = ", ".join([_list(plane.axes) for plane in layout.planes])
    resolution = ", ".join([_list(plane.resolution) for plane in layout.planes])
    return f'["planes", {layout.dim}, [{axes}], [{resolution}]]'


def _list(numbers: Sequence[int]) -> str:
    return f"[{', '.join([str(number) for number in numbers])}]"


def refuse(x: Tensor, table: Tensor, layout: PlaneLayout, interpolation: str = "linear") -> str | None:
    cubic = interpolation in CUBIC
    most = CUBIC_AXES if cubic else MAX_AXES
    for plane in layout.planes:
        if len(plane.axes) > most:
            return f"takes {'cubic ' if cubic else ''}planes over 1 to {most} axes, not {len(plane.axes)}"
        if why := refusal_of_size(plane.size, table.shape[1]):
            return why
    return refusal(x, table)


def plane_encode(x: Tensor, table: Tensor, layout: PlaneLayout, interpolation: str = "linear") -> Tensor:
    return interpolate(x, table, _code(layout), interpolation)
