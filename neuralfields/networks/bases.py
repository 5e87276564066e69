"""Bases in one variable that several networks share: harmonics, Chebyshev polynomials, uniform B-splines.

Each function puts its basis into a new last axis; a network then needs one matrix product over (axis, basis).
"""

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields.checks import between

_SPLIT = 96  # from this many harmonics on, products of few are faster than one cosine each


def harmonics(angle: Tensor, count: int, *, sines: bool = True) -> Tensor:
    """cos(k angle) for k = 1 to ``count``, then sin(k angle) for the same k if ``sines``."""
    like = {"dtype": angle.dtype, "device": angle.device}
    step = next(s for s in range(math.isqrt(count), 0, -1) if count % s == 0) if count > _SPLIT else 1
    if step == 1:
        phase = angle[..., None] * torch.arange(1, count + 1, **like)
        return torch.cat([phase.cos(), phase.sin()], -1) if sines else phase.cos()
    # With k = p + q the addition theorems make all of them from the few p and the few q.
    fine = angle[..., None] * torch.arange(1, step + 1, **like)
    coarse = angle[..., None] * torch.arange(0, count, step, **like)
    c, s = coarse.cos(), coarse.sin()
    left = torch.stack([c, -s], -1)
    if sines:
        left = torch.cat([left, torch.stack([s, c], -1)], -2)
    return (left @ torch.stack([fine.cos(), fine.sin()], -2)).flatten(-2)


def chebyshev(x: Tensor, degree: int) -> Tensor:
    """T_k(tanh x) for k = 1 to ``degree``; T_0 = 1 is left to the caller.

    T_k(u) = cos(k arccos u), and arccos(tanh x) = pi/2 - 2 arctan(tanh(x/2)) has finite derivatives of any order where
    arccos itself has none, at a saturated tanh.
    """
    return harmonics(math.pi / 2 - 2 * torch.atan(torch.tanh(x / 2)), degree, sines=False)


def chebyshev_sum(x: Tensor, coefficients: Tensor) -> Tensor:
    """Sum over inputs i and k of c_oik T_k(tanh x_i), for coefficients [out, in, degree + 1]."""
    basis = chebyshev(x, coefficients.shape[-1] - 1)
    return F.linear(basis.flatten(-2), coefficients[..., 1:].flatten(1), coefficients[..., 0].sum(1))


def check_splines(grid: int, degree: int) -> None:
    """Raise InputError unless a grid and a degree are in range."""
    between(1, 1 << 12, grid=grid)
    between(1, 8, degree=degree)


@functools.cache
def spline_matrix(degree: int) -> list[list[float]]:
    """Row i, column j: the factor of t^i in the j-th of the B-splines that are not zero, t in [0, 1) of an interval.

    From degree to degree by the recursion of Cox and de Boor, which on a uniform grid is one of matrices.
    """
    if degree == 0:
        return [[1.0]]
    found = [[0.0] * (degree + 1) for _ in range(degree + 1)]
    for i, row in enumerate(spline_matrix(degree - 1)):
        for j, value in enumerate(row):
            found[i][j] += value * (j + 1) / degree
            found[i][j + 1] += value * (degree - 1 - j) / degree
            found[i + 1][j] -= value / degree
            found[i + 1][j + 1] += value / degree
    return found


def splines(x: Tensor, grid: int, degree: int, end: float = 1.0) -> Tensor:
    """The ``grid + degree`` B-splines on ``grid`` equal intervals of [-end, end].

    They add up to 1 there. Outside they fade within ``degree`` intervals; then all are 0.
    """
    t = (x + end) * (grid / (2 * end))
    cell = t.floor()
    t = t - cell
    powers = [torch.ones_like(t)]
    for _ in range(degree):
        powers.append(powers[-1] * t)
    few = torch.stack(powers, -1) @ torch.tensor(spline_matrix(degree), dtype=x.dtype, device=x.device)
    count = grid + degree
    first = cell.nan_to_num(0).clamp(-degree - 1, count).long()
    place = first[..., None] + torch.arange(degree + 1, device=x.device)
    few = few.where((place >= 0) & (place < count), 0.0)
    return x.new_zeros(*x.shape, count).scatter_add_(-1, place.clamp(0, count - 1), few)
