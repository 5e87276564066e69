"""Derivatives of fields with respect to their coordinates, in box units.

Everything is built from reverse mode (``torch.func.vjp``), which every kernel has, so the results can be
differentiated again, composed with ``torch.func`` transforms, and used in a loss.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor
from torch.func import vjp

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.field import FieldLike


def gradient(field: FieldLike, x: Tensor) -> Tensor:
    """The gradient of a field with one output.

    Args:
        field: maps ``[*batch, n]`` to ``[*batch, 1]``, each point by itself.
        x: coordinates ``[*batch, n]``.

    Returns:
        ``[*batch, n]``.

    Raises:
        InputError: the field has more than one output; ``jacobian`` is for those.
    """
    return value_and_gradient(field, x)[1]


def value_and_gradient(field: FieldLike, x: Tensor) -> tuple[Tensor, Tensor]:
    """The values ``[*batch, 1]`` of a field with one output and its gradient, see ``gradient``, evaluated once."""
    with _once_more():
        value, pull = _pullback(field, x)
        if value.shape[-1] != 1:
            raise InputError(f"gradient is of a field with 1 output, this has {value.shape[-1]}: use jacobian")
        return value, pull(torch.ones_like(value))[0]


def jacobian(field: FieldLike, x: Tensor) -> Tensor:
    """All first derivatives: ``[*batch, m, n]`` for a field from ``[*batch, n]`` to ``[*batch, m]``."""
    with _once_more():
        value, pull = _pullback(field, x)
        rows = [pull(_one_hot(value, k))[0] for k in range(value.shape[-1])]
    return torch.stack(rows, -2)


def divergence(field: FieldLike, x: Tensor) -> Tensor:
    """Sum of d field_i / d x_i: ``[*batch, 1]`` for a field from ``[*batch, n]`` to ``[*batch, n]``.

    Raises:
        InputError: the field has another number of outputs than of coordinates.
    """
    with _once_more():
        value, pull = _pullback(field, x)
        if value.shape[-1] != x.shape[-1]:
            raise InputError(
                f"divergence needs as many outputs as coordinates, got {value.shape[-1]} and {x.shape[-1]}"
            )
        return sum(pull(_one_hot(value, k))[0][..., k : k + 1] for k in range(value.shape[-1]))  # type: ignore[return-value]


def laplacian(field: FieldLike, x: Tensor) -> Tensor:
    """Sum of second derivatives along the axes, per output: ``[*batch, m]`` for a field to ``[*batch, m]``.

    A grid with linear interpolation has second derivatives that vanish almost everywhere: use smoothstep there.
    """
    outputs = field(x.reshape(-1, x.shape[-1])[:1]).shape[-1] if x.numel() else field(x).shape[-1]
    return torch.cat([_laplacian_of(field, x, k) for k in range(outputs)], -1)


def _laplacian_of(field: FieldLike, x: Tensor, output: int) -> Tensor:
    """The divergence of one output's gradient."""

    def slope(points: Tensor) -> Tensor:
        with _once_more():
            value, pull = _pullback(field, points)
            return pull(_one_hot(value, output))[0]

    return divergence(slope, x)


def _once_more() -> AbstractContextManager[None]:
    """One derivative is taken here, besides those that the surroundings will take of the result."""
    return ops.derivatives(ops.wanted_derivatives() + 1)


def _pullback(field: FieldLike, x: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor]]]:
    """The values and the function that turns weights of values into a gradient."""
    value, pull, *_ = vjp(field, x)
    return value, pull


def _one_hot(value: Tensor, k: int) -> Tensor:
    hot = torch.zeros_like(value)
    hot[..., k] = 1
    return hot
