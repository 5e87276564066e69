"""Interpolation in levels of a table by the C++ core, for every encoding whose rows lie on grids.

Encoded values, their gradient in the table and their gradient in x are each other's derivatives: with E the encoding,
S its transpose in the table and I its gradient in x, and a prime for the derivative along a direction in x, the
derivatives of (S, I) are made of E, E', S', I and I'.
"""

import ctypes
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from neuralfields.ops.native import reuse
from neuralfields.ops.native.calling import Last, by_feature, call, operator

MAX_AXES = 4
MAX_VALUES = 1 << 32  # of one level: the core counts them in 32 bits
ORDER = 2
INTERPOLATIONS = ("linear", "smoothstep", "catmull_rom", "b_spline")  # in the order of nf::Interpolation
CUBIC_AXES = 3  # of a level with cubic interpolation

# By the kind of layout: what makes the levels of the numbers that follow the kind in a code.
MAKERS: dict[str, Callable[..., list["Level"]]] = {}


class Level(ctypes.Structure):
    """``nf::Level`` in grid.hpp."""

    _fields_ = (
        ("axes", ctypes.c_int32),
        ("hashed", ctypes.c_int32),
        ("axis", ctypes.c_int32 * MAX_AXES),
        ("scale", ctypes.c_float * MAX_AXES),
        ("offset", ctypes.c_float),
        ("last", ctypes.c_int32 * MAX_AXES),
        ("stride", ctypes.c_uint32 * MAX_AXES),
        ("size", ctypes.c_uint32),
        ("start", ctypes.c_int64),
    )


class Grid:
    """The levels of a layout as the C++ core reads them.

    Attributes:
        levels: array of ``Level``.
    """

    def __init__(self, levels: list[Level]):
        self.levels = (Level * len(levels))(*levels)

    def arguments(self, interpolation: str, table: Tensor) -> tuple[Any, ...]:
        """What every function of the core is given first."""
        return self.levels, len(self.levels), INTERPOLATIONS.index(interpolation), table.shape[1]


@cache
def grid_of(code: str) -> Grid:
    """The grid with this code, a JSON list: the kind of layout, and what its maker is given.

    A code is what operators are given of a layout, because a text stays a constant for torch.compile.
    """
    kind, *settings = json.loads(code)
    return Grid(MAKERS[kind](*settings))


def refusal_of_size(rows: int, features: int) -> str | None:
    """Why the core cannot take a table whose largest level has so many rows."""
    values = rows * features
    return f"takes levels of less than 2^32 values, not {values}" if values >= MAX_VALUES else None


def interpolate(x: Tensor, table: Tensor, code: str, interpolation: str) -> Tensor:
    """[n, levels * features] of points x [n, axes]."""
    return _Encode.apply(x, table, code, interpolation)


def _by_axis(x: Tensor) -> Tensor:
    """The memory the kernels read: axis after axis."""
    return x.t().contiguous()


def _features(x: Tensor) -> tuple[Tensor, int]:
    """Values [n, features] that lie feature after feature in memory, copied if they do not, and their distance."""
    if x.stride(0) != 1 or (x.shape[1] > 1 and x.stride(1) < x.shape[0]):
        x = x.t().contiguous().t()
    return x, x.stride(1)


def _encode_cpu(x: Tensor, table: Tensor, direction: Tensor | None, code: str, interpolation: str) -> Tensor:
    grid = grid_of(code)
    out = by_feature(len(grid.levels) * table.shape[1], x)
    along = None if direction is None else _by_axis(direction)
    points = _by_axis(x), len(x)
    call("nf_grid_encode", *grid.arguments(interpolation, table), *points, table.contiguous(), along, *_features(out))
    return out


def _encode_fake(x: Tensor, table: Tensor, direction: Tensor | None, code: str, interpolation: str) -> Tensor:
    return by_feature(len(grid_of(code).levels) * table.shape[1], x)


def _scatter_cpu(x: Tensor, like: Tensor, g: Tensor, direction: Tensor | None, code: str, interpolation: str) -> Tensor:
    grid, gradient = grid_of(code), reuse.empty(like.shape)
    along = None if direction is None else _by_axis(direction)
    call("nf_grid_scatter", *grid.arguments(interpolation, like), _by_axis(x), len(x), *_features(g), along, gradient)
    return gradient


def _scatter_fake(
    x: Tensor, like: Tensor, g: Tensor, direction: Tensor | None, code: str, interpolation: str
) -> Tensor:
    return torch.empty_like(like, memory_format=torch.contiguous_format)


def _input_cpu(x: Tensor, table: Tensor, g: Tensor, direction: Tensor | None, code: str, interpolation: str) -> Tensor:
    out = x.new_empty(x.shape[1], x.shape[0])
    along = None if direction is None else _by_axis(direction)
    points = x.shape[1], _by_axis(x), len(x)
    levels = grid_of(code).arguments(interpolation, table)
    call("nf_grid_input_gradient", *levels, *points, table.contiguous(), *_features(g), along, out)
    return out.t()


def _input_fake(x: Tensor, table: Tensor, g: Tensor, direction: Tensor | None, code: str, interpolation: str) -> Tensor:
    return x.new_empty(x.shape[1], x.shape[0]).t()


_encode = operator(
    "grid_encode(Tensor x, Tensor table, Tensor? direction, str code, str interpolation) -> Tensor",
    _encode_cpu,
    _encode_fake,
    pointwise=(0, 2),
)
_scatter = operator(
    "grid_scatter(Tensor x, Tensor like, Tensor g, Tensor? direction, str code, str interpolation) -> Tensor",
    _scatter_cpu,
    _scatter_fake,
)
_input_gradient = operator(
    "grid_input_gradient(Tensor x, Tensor table, Tensor g, Tensor? direction, str code, str interpolation) -> Tensor",
    _input_cpu,
    _input_fake,
    pointwise=(0, 2, 3),
)


class _Encode(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, table: Tensor, code: str, interpolation: str) -> Tensor:
        return _encode(x, table, None, code, interpolation)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, table, ctx.code, ctx.interpolation = inputs
        ctx.save_for_backward(x, table)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        x, table = ctx.saved_tensors
        rest = ctx.code, ctx.interpolation
        dx = _InputGradient.apply(x, table, g, *rest) if ctx.needs_input_grad[0] else None
        dtable = _Scatter.apply(x, table, g, *rest) if ctx.needs_input_grad[1] else None
        return dx, dtable, None, None


class _Scatter(torch.autograd.Function):
    """The gradient in the table; of the table itself it uses the shape."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, like: Tensor, g: Tensor, code: str, interpolation: str) -> Tensor:
        return _scatter(x, like, g, None, code, interpolation)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, _, g, *ctx.rest = inputs
        ctx.save_for_backward(x, g)

    @staticmethod
    def backward(ctx: Any, u: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        x, g = ctx.saved_tensors
        dx = Last.apply(_input_gradient, ORDER, x, u, g, None, *ctx.rest) if ctx.needs_input_grad[0] else None
        dg = Last.apply(_encode, ORDER, x, u, None, *ctx.rest) if ctx.needs_input_grad[2] else None
        return dx, None, dg, None, None


class _InputGradient(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, table: Tensor, g: Tensor, code: str, interpolation: str) -> Tensor:
        return _input_gradient(x, table, g, None, code, interpolation)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, table, g, *ctx.rest = inputs
        ctx.save_for_backward(x, table, g)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        x, table, g = ctx.saved_tensors
        dx = Last.apply(_input_gradient, ORDER, x, table, g, v, *ctx.rest) if ctx.needs_input_grad[0] else None
        dtable = Last.apply(_scatter, ORDER, x, table, g, v, *ctx.rest) if ctx.needs_input_grad[1] else None
        dg = Last.apply(_encode, ORDER, x, table, v, *ctx.rest) if ctx.needs_input_grad[2] else None
        return dx, dtable, dg, None, None
