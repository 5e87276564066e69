"""SL2A: the published size, single polynomials, ranks, and what a higher degree does to the kernel."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev as numpy_chebyshev
from torch import nn
from torch.func import functional_call, jacrev

from neuralfields.errors import InputError
from neuralfields.networks import SL2A


def test_the_published_number_of_parameters() -> None:
    assert sum(p.numel() for p in SL2A(2, 3).parameters()) == 330_243


@torch.no_grad()
def test_the_formula() -> None:
    field = SL2A(2, 3, width=5, depth=2, degree=6, rank=3).double()
    x = torch.rand(9, 2).double() * 2 - 1
    basis = torch.from_numpy(numpy_chebyshev.chebvander(np.tanh(x.numpy()), 6))
    s = nn.functional.layer_norm(torch.einsum("nik,oik->no", basis, field.coefficients), [5])
    h = s
    for layer in field.layers:
        matrix = layer.second @ layer.first  # type: ignore[operator]
        h = ((s * h) @ matrix.T + layer.bias).relu()  # type: ignore[operator]
    torch.testing.assert_close(field(x), field.last(s * h))


@torch.no_grad()
def test_the_first_polynomial_alone_is_a_sum_of_tanh() -> None:
    field = SL2A(3, 2, width=4, depth=0, degree=9, rank=1).double()
    field.norm = nn.Identity()  # type: ignore[assignment]
    field.coefficients.zero_()[..., 1] = 1
    x = torch.randn(6, 3).double()
    s = x.tanh().sum(-1, keepdim=True).expand(-1, 4)
    torch.testing.assert_close(field(x), field.last(s * s))


@torch.no_grad()
def test_full_rank_is_a_dense_layer() -> None:
    field = SL2A(2, 1, width=6, depth=1, degree=3, rank=6).double()
    dense = nn.Linear(6, 6).double()
    layer = field.layers[0]
    layer.first.copy_(dense.weight)  # type: ignore[operator]
    layer.second.copy_(torch.eye(6))  # type: ignore[operator]
    layer.bias.copy_(dense.bias)  # type: ignore[operator]
    h = torch.randn(5, 6).double()
    torch.testing.assert_close(layer(h), dense(h))


@torch.no_grad()
def test_the_range_of_every_tensor() -> None:
    torch.manual_seed(0)
    field = SL2A(2, 3, width=128, depth=1, degree=63, rank=32)
    layer = field.layers[0]
    bounds = [
        (field.coefficients, math.sqrt(6 / (130 * 64))),
        (layer.first, 1 / math.sqrt(32)),
        (layer.second, 1 / math.sqrt(128)),
        (layer.bias, 1 / math.sqrt(32)),
    ]
    for tensor, bound in bounds:
        assert 0.95 * bound < float(tensor.abs().max()) <= bound  # type: ignore[operator, union-attr]
        assert float(tensor.std()) == pytest.approx(bound / math.sqrt(3), rel=0.1)  # type: ignore[operator, union-attr]


def test_gradients_are_finite_where_tanh_saturates() -> None:
    field = SL2A(2, 1, width=8, depth=1, degree=256, rank=4)
    x = torch.tensor([[50.0, -50.0], [0.0, 1e4], [9.2, -9.2]]).requires_grad_()
    (slope,) = torch.autograd.grad(field(x).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert slope.isfinite().all()
    assert all(p.grad.isfinite().all() for p in field.parameters() if p.grad is not None)


def test_a_higher_degree_slows_the_decay_of_the_tangent_kernel() -> None:
    x = torch.linspace(-1, 1, 64)[:, None].double()

    def share_of_the_largest(degree: int) -> float:
        torch.manual_seed(0)
        field = SL2A(1, 1, width=32, depth=1, degree=degree, rank=16).double()
        parameters = {name: p.detach() for name, p in field.named_parameters()}
        jacobian = jacrev(lambda p: functional_call(field, p, (x,))[:, 0])(parameters)
        rows = torch.cat([part.flatten(1) for part in jacobian.values()], -1)
        values = torch.linalg.eigvalsh(rows @ rows.T).flip(0)
        return float(values[:8].sum() / values.sum())

    low, high = share_of_the_largest(16), share_of_the_largest(256)
    assert high < 0.8 * low, f"{low:.3f} of the kernel in 8 directions of 64, {high:.3f} with the higher degree"


@pytest.mark.parametrize(
    "arguments",
    [{"degree": 0}, {"degree": 5000}, {"rank": 0}, {"rank": 257}, {"width": 0}, {"depth": -1}, {"depth": 257}],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        SL2A(2, 1, **arguments)
