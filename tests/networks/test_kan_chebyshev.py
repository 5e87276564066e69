"""ChebyKAN: the formula, its start, and gradients where tanh saturates."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev as numpy_chebyshev
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.networks import ChebyKan


def test_the_number_of_parameters() -> None:
    """Edges times (degree + 1), and the norms."""
    edges = 784 * 32 + 32 * 32 + 32 * 10
    assert sum(p.numel() for p in ChebyKan(784, 10).parameters()) == edges * 5 + 2 * 2 * 32


@torch.no_grad()
def test_the_formula() -> None:
    field = ChebyKan(2, 3, width=4, depth=2, degree=5).double()
    h = x = torch.randn(6, 2).double()
    for i, coefficients in enumerate(field.layers):
        basis = torch.from_numpy(numpy_chebyshev.chebvander(np.tanh(h.numpy()), 5))
        h = torch.einsum("nik,oik->no", basis, coefficients)
        h = F.layer_norm(h, [4]) if i < 2 else h
    torch.testing.assert_close(field(x), h, rtol=1e-6, atol=1e-9)


@torch.no_grad()
def test_the_deviation_of_fresh_coefficients() -> None:
    torch.manual_seed(0)
    for coefficients, inputs in zip(ChebyKan(3, 40, width=30, depth=1, degree=4).layers, (3, 30), strict=True):
        assert float(coefficients.std()) == pytest.approx(1 / (inputs * 5), rel=0.1)


def test_gradients_are_finite_where_tanh_saturates() -> None:
    field = ChebyKan(2, 1, degree=6)
    x = torch.tensor([[30.0, -30.0], [0.0, 1e5]]).requires_grad_()
    (slope,) = torch.autograd.grad(field(x).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert slope.isfinite().all()
    assert all(p.grad.isfinite().all() for p in field.parameters() if p.grad is not None)


@pytest.mark.parametrize("arguments", [{"degree": 0}, {"degree": 5000}, {"width": 0}, {"depth": -1}], ids=str)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        ChebyKan(2, 1, **arguments)
