"""Full quasi-Newton steps for small problems in float64: self-scaled BFGS with the whole inverse Hessian.

With a few thousand parameters, the matrix of n x n numbers costs no more than the gradient does, and where L-BFGS
crawls it goes on to the last digits.

Oren, Luenberger, "Self-Scaling Variable Metric (SSVM) Algorithms", Management Science 1974 (the scaling, held to at
most 1 after Al-Baali, Computational Optimization and Applications 1998); Lewis, Overton, "Nonsmooth Optimization via
Quasi-Newton Methods", Mathematical Programming 2013 (the line search).
"""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from neuralfields.errors import InputError

MAX_PARAMETERS = 8192  # 512 MiB in float64

_TRIALS = 40  # of one line search
_DECREASE, _CURVATURE = 1e-4, 0.9  # of Wolfe's conditions


def bfgs(loss: Callable[[], Tensor], parameters: Sequence[Tensor]) -> Iterator[float]:
    """Minimise ``loss()`` over ``parameters`` in place: the loss after each step, until none makes it smaller.

    Raises:
        InputError: there are more than ``MAX_PARAMETERS`` numbers.
    """
    sizes = [parameter.numel() for parameter in parameters]
    if sum(sizes) > MAX_PARAMETERS:
        raise InputError(f"BFGS keeps a matrix, so it takes up to {MAX_PARAMETERS} parameters, not {sum(sizes)}")

    @torch.no_grad()
    def go_to(point: Tensor) -> None:
        for parameter, values in zip(parameters, point.split(sizes), strict=True):
            parameter.copy_(values.view_as(parameter))

    def at(point: Tensor) -> tuple[float, Tensor]:
        go_to(point)
        with torch.enable_grad():
            value = loss()
            gradients = torch.autograd.grad(value, parameters)
        return value.item(), torch.cat([gradient.reshape(-1) for gradient in gradients])

    point = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
    value, gradient = at(point)
    inverse = None  # of the Hessian; None for a multiple of one, of which only the first step tells which
    while True:
        direction = -gradient if inverse is None else -(inverse @ gradient)
        slope = float(direction @ gradient)
        length = 1.0 if inverse is not None else min(1.0, 1 / max(float(gradient.norm()), 1e-300))
        found = _line_search(at, point, direction, value, slope, length) if slope < 0 else None
        if found is None:
            go_to(point)
            if inverse is None:
                return
            inverse = None  # rounding has spoilt it: once more along the gradient
            continue
        length, value, other = found
        step, change, curvature = length * direction, other - gradient, -length * length * slope
        point, gradient = point + step, other
        inverse = _updated(inverse, step, change, curvature)
        yield value


def _line_search(
    at: Callable[[Tensor], tuple[float, Tensor]],
    point: Tensor,
    direction: Tensor,
    value: float,
    slope: float,
    length: float,
) -> tuple[float, float, Tensor] | None:
    """(length, value, gradient) of a point with enough decrease and a flatter slope; bisection until there is one."""
    low, high = 0.0, math.inf
    for _ in range(_TRIALS):
        found, gradient = at(point + length * direction)
        if not found <= value + _DECREASE * length * slope:  # also where it is NaN
            high = length
        elif float(gradient @ direction) < _CURVATURE * slope:
            low = length
        else:
            return (length, found, gradient) if found < value else None
        length = (low + high) / 2 if high < math.inf else 2 * length
    return None


def _updated(inverse: Tensor | None, step: Tensor, change: Tensor, curvature: float) -> Tensor:
    """The inverse Hessian that maps the gradient's ``change`` to the ``step``, otherwise near the one before.

    ``curvature`` is step · Hessian · step, as known before.
    """
    both = float(step @ change)
    if inverse is None:
        inverse = torch.eye(len(step), dtype=step.dtype, device=step.device) * (both / float(change @ change))
    elif both < curvature:
        inverse /= both / curvature
    mapped = inverse @ change
    across = mapped / both - step * ((1 + float(change @ mapped) / both) / (2 * both))
    return inverse.addr_(step, across, alpha=-1).addr_(across, step, alpha=-1)
