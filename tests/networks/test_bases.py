"""Harmonics, Chebyshev polynomials and B-splines against their textbook definitions."""

import math

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev as numpy_chebyshev
from torch import Tensor

from neuralfields.networks.bases import chebyshev, chebyshev_sum, harmonics, spline_matrix, splines


def cox_de_boor(x: Tensor, grid: int, degree: int, end: float = 1.0) -> Tensor:
    """The recursion itself, with half-open intervals."""
    knots = (torch.arange(-degree, grid + degree + 1, dtype=x.dtype)) * (2 * end / grid) - end
    x = x[..., None]
    basis = ((x >= knots[:-1]) & (x < knots[1:])).to(x)
    for k in range(1, degree + 1):
        left = (x - knots[: -k - 1]) / (knots[k:-1] - knots[: -k - 1])
        right = (knots[k + 1 :] - x) / (knots[k + 1 :] - knots[1:-k])
        basis = left * basis[..., :-1] + right * basis[..., 1:]
    return basis


def derivative(x: Tensor, grid: int, degree: int, order: int) -> Tensor:
    """Of the first spline that lives around 0, by autograd."""
    x = x.clone().requires_grad_()
    y = splines(x, grid, degree)[..., (grid + degree) // 2]
    for _ in range(order):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return y.detach()


@pytest.mark.parametrize("count", [1, 2, 64, 97, 100, 128, 270])
def test_harmonics(count: int) -> None:
    angle = torch.linspace(-7, 7, 31, dtype=torch.float64).view(1, 31)
    phase = angle[..., None] * torch.arange(1, count + 1)
    torch.testing.assert_close(harmonics(angle, count, sines=False), phase.cos(), rtol=0, atol=1e-12)
    torch.testing.assert_close(harmonics(angle, count), torch.cat([phase.cos(), phase.sin()], -1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("degree", [1, 64, 128])
def test_chebyshev_polynomials_are_numpys(degree: int) -> None:
    x = torch.cat([torch.linspace(-3, 3, 101), torch.tensor([-400.0, -20, 0, 20, 400])]).double()
    wanted = numpy_chebyshev.chebvander(np.tanh(x.numpy()), degree)
    found = torch.cat([torch.ones(len(x), 1), chebyshev(x, degree)], -1)
    torch.testing.assert_close(found[:, :65], torch.from_numpy(wanted[:, :65]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("degree", [5, 128])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_chebyshev_derivatives_are_finite_where_tanh_saturates(degree: int, dtype: torch.dtype) -> None:
    x = torch.tensor([-1e30, -1e4, -90, -20, 0, 9, 20, 90, 1e4, 1e30], dtype=dtype).requires_grad_()
    y = chebyshev(x, degree).sum(-1)
    for order in range(1, 4):
        (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        assert y.isfinite().all(), f"derivative {order}: {y}"
    assert not y[[0, -1]].any()


def test_the_sum_of_chebyshev_polynomials_has_the_constant() -> None:
    x, c = torch.randn(7, 2).double(), torch.randn(3, 2, 5).double()
    basis = torch.from_numpy(numpy_chebyshev.chebvander(np.tanh(x.numpy()), 4))
    torch.testing.assert_close(chebyshev_sum(x, c), torch.einsum("nik,oik->no", basis, c))


def test_the_matrices_of_quadratic_and_cubic_splines() -> None:
    quadratic = torch.tensor([[1, 1, 0], [-2, 2, 0], [1, -2, 1]]).double() / 2
    cubic = torch.tensor([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]).double() / 6
    torch.testing.assert_close(torch.tensor(spline_matrix(2)).double(), quadratic)
    torch.testing.assert_close(torch.tensor(spline_matrix(3)).double(), cubic)


@pytest.mark.parametrize("end", [1.0, 1.5])
@pytest.mark.parametrize("degree", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("grid", [1, 4, 32])
def test_splines_are_those_of_cox_and_de_boor(grid: int, degree: int, end: float) -> None:
    x = torch.rand(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 8 - 4
    knots = torch.arange(-degree, grid + degree + 1, dtype=torch.float64).mul(2 * end / grid).sub(end)
    x = torch.cat([x, knots[:, None].expand(-1, 2)])
    found = splines(x, grid, degree, end)
    assert found.shape == (len(x), 2, grid + degree)
    torch.testing.assert_close(found, cox_de_boor(x, grid, degree, end), rtol=0, atol=1e-12)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_splines_add_up_to_one_inside_and_vanish_far_outside(degree: int) -> None:
    inside = torch.linspace(-1, 1, 501).double()
    torch.testing.assert_close(splines(inside, 7, degree).sum(-1), torch.ones_like(inside))
    reach = 1 + degree * 2 / 7
    outside = torch.tensor([-1e30, -5, -reach - 1e-6, reach + 1e-6, 5, 1e30]).double()
    assert not splines(outside, 7, degree).any()
    fading = splines(torch.tensor([-reach + 0.1, reach - 0.1]), 7, degree).sum(-1)
    assert ((fading > 0) & (fading < 1)).all()


def test_nan_stays_nan() -> None:
    found = splines(torch.tensor([0.3, math.nan, math.inf]), 4, 3)
    assert found[0].isfinite().all()
    assert found[1].isnan().any()


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_derivatives_are_continuous_up_to_degree_minus_one(degree: int) -> None:
    knots = torch.linspace(-1, 1, 5, dtype=torch.float64)
    for order in range(degree + 1):
        before, after = (derivative(knots + side, 4, degree, order) for side in (-1e-9, 1e-9))
        jump = float((before - after).abs().max())
        assert jump < 1e-6 if order < degree else jump > 1
