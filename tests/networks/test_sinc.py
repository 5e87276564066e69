"""sinc: its zeros, its derivatives near 0, where the quotient has none, and its initialisation."""

import math

import pytest
import torch
from bare import bare
from torch import Tensor

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.networks import Sinc
from neuralfields.networks.sinc import _sinc


def unit(omega: float) -> Sinc:
    """The activation alone: one unit whose maps are the identity."""
    return bare(Sinc(1, 1, width=1, depth=1, omega=omega))


@torch.no_grad()
def test_one_at_0_and_zero_at_all_other_shifts() -> None:
    field = unit(math.pi)
    x = torch.arange(-5.0, 6.0).double()[:, None]
    torch.testing.assert_close(field(x), (x == 0).double(), rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_derivatives(dtype: torch.dtype) -> None:
    """(y cos y - sin y) / y^2 and its own, in each dtype to nearly all of its digits, at and near 0 too."""
    y = torch.tensor([0.0, 1e-30, 1e-6, 1e-3, 0.02, 0.0999, 0.1001, 1.0, math.pi, 30.0], dtype=torch.float64)
    low = torch.where(y > 1, 0.0, y)
    factors = [(k, (-1) ** k * 2 * k / math.factorial(2 * k + 1)) for k in range(1, 12)]
    first = sum(factor * low ** (2 * k - 1) for k, factor in factors)
    second = sum(factor * (2 * k - 1) * low ** (2 * k - 2) for k, factor in factors)
    first = torch.where(y > 1, (y * y.cos() - y.sin()) / y**2, first)
    second = torch.where(y > 1, ((2 - y**2) * y.sin() - 2 * y * y.cos()) / y**3, second)
    x = y.to(dtype).requires_grad_()
    (found,) = torch.autograd.grad(_sinc(x).sum(), x, create_graph=True)
    (again,) = torch.autograd.grad(found.sum(), x)
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(found.detach().double(), first, rtol=30 * eps, atol=20 * eps)
    torch.testing.assert_close(again.double(), second, rtol=30 * eps, atol=200 * eps)


def test_the_frequency_scales_the_slope() -> None:
    x = torch.tensor([[0.0], [1e-6], [math.pi], [-0.3]], dtype=torch.float64)
    y = 2 * x
    wanted = torch.where(y.abs() < 1e-4, -2 * y / 3, 2 * (y * y.cos() - y.sin()) / y**2)
    torch.testing.assert_close(nf.calculus.gradient(unit(2.0), x).detach(), wanted, rtol=1e-9, atol=1e-15)


@torch.no_grad()
def test_bounds() -> None:
    y: Tensor = torch.arange(-50_000, 50_001).double() / 250
    values = _sinc(y)
    assert float(values.max()) == 1
    assert float(values.min()) == pytest.approx(-0.217233628, abs=1e-6)
    torch.testing.assert_close(values, torch.sinc(y / math.pi), rtol=0, atol=1e-14)


@torch.no_grad()
def test_the_initialisation() -> None:
    torch.manual_seed(0)
    field = Sinc(3, 2, width=256, depth=3)
    for layer, (a, b) in zip(field.layers, [(3, 256), (256, 256), (256, 256), (256, 2)], strict=True):
        assert float(layer.weight.std()) == pytest.approx(math.sqrt(2 / (a + b)), rel=0.1)  # type: ignore[operator, union-attr]
        assert not layer.bias.any()  # type: ignore[operator, union-attr]


@pytest.mark.parametrize("name", ["depth", "width", "omega"])
def test_arguments_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.* 0"):
        Sinc(2, 1, **{name: 0})
