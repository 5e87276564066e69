"""``grid_encode`` by the C++ core: values, first and second derivatives."""

from torch import Tensor

from neuralfields.ops.grid_encode.layout import PRIMES, GridLayout
from neuralfields.ops.grid_encode.levels import MAKERS, MAX_AXES, ORDER, Level, grid_of, interpolate, refusal_of_size
from neuralfields.ops.native.calling import refusal

__all__ = ["ORDER", "code_of", "grid_encode", "grid_of", "refuse"]


def _levels(dim: int, levels: int, log2_size: int, base: int, finest: float) -> list[Level]:
    made = []
    for level in GridLayout(dim, levels, log2_size, base, finest).table:
        strides = PRIMES if level.hashed else [level.resolution**d for d in range(dim)]
        made.append(
            Level(
                axes=dim,
                hashed=level.hashed,
                axis=tuple(range(dim)),
                scale=(level.scale,) * dim,
                offset=0.5,
                last=(level.resolution - 1,) * dim,
                stride=tuple(strides[:dim]),
                size=level.size,
                start=level.start,
            )
        )
    return made


MAKERS["tcnn-1"] = _levels


def code_of(layout: GridLayout) -> str:
    """The text that stands for a layout."""
    return f'["tcnn-1", {layout.dim}, {layout.levels}, {layout.log2_size}, {layout.base}, {layout.finest!r}]'


def refuse(x: Tensor, table: Tensor, layout: GridLayout, interpolation: str = "linear") -> str | None:
    if layout.dim > MAX_AXES:
        return f"takes 1 to {MAX_AXES} coordinates, not {layout.dim}"
    return refusal_of_size(layout.table[-1].size, table.shape[1]) or refusal(x, table)


def grid_encode(x: Tensor, table: Tensor, layout: GridLayout, interpolation: str = "linear") -> Tensor:
    return interpolate(x, table, code_of(layout), interpolation)
