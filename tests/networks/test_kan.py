"""KAN: sizes, its start, its smoothness, and what is left outside the grid."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.networks import Kan
from neuralfields.networks.bases import splines


@pytest.mark.parametrize(("grid", "degree"), [(5, 3), (32, 2)])
def test_the_number_of_parameters(grid: int, degree: int) -> None:
    edges = 2 * 32 + 32 * 32 + 32 * 3
    field = Kan(2, 3, width=32, depth=2, grid=grid, degree=degree)
    assert sum(p.numel() for p in field.parameters()) == edges * (grid + degree + 2)


@torch.no_grad()
def test_the_formula() -> None:
    field = Kan(2, 3, width=4, depth=1, grid=5, degree=3).double()
    h = x = torch.rand(6, 2).double() * 2 - 1
    for layer in field.layers:
        edges = torch.einsum("nij,oij->noi", splines(h, 5, 3), layer.coefficients)  # type: ignore[arg-type]
        h = (F.silu(h)[:, None] * layer.base + edges * layer.scale).sum(-1)  # type: ignore[operator]
    torch.testing.assert_close(field(x), h)


@torch.no_grad()
@pytest.mark.parametrize(("grid", "degree"), [(8, 3), (16, 2), (4, 5)])
def test_splines_start_as_small_noise_at_the_ends_of_the_intervals(grid: int, degree: int) -> None:
    torch.manual_seed(0)
    layer = Kan(20, 30, depth=0, grid=grid, degree=degree).double().layers[0]
    at_ends = splines(torch.linspace(-1, 1, grid + 1, dtype=torch.float64), grid, degree)
    noise = layer.coefficients @ at_ends.T  # type: ignore[operator]
    assert float(noise.abs().max()) <= 0.05 / grid * (1 + 1e-4)
    assert float(noise.std()) == pytest.approx(0.1 / grid / 12**0.5, rel=0.05)
    # The least of all coefficients with these values: nothing of them is invisible at the ends.
    least = noise @ torch.linalg.pinv(at_ends).T
    torch.testing.assert_close(layer.coefficients.data, least, rtol=1e-3, atol=1e-6)  # type: ignore[union-attr]


@torch.no_grad()
def test_far_outside_the_grid_only_silu_remains() -> None:
    field = Kan(2, 3, depth=0, grid=5, degree=3)
    x = torch.tensor([[2.3, -2.3], [-7.0, 100.0]])
    torch.testing.assert_close(field(x), F.linear(F.silu(x), field.layers[0].base))  # type: ignore[arg-type]


@pytest.mark.parametrize("degree", [2, 3])
def test_the_field_is_smooth_across_knots(degree: int) -> None:
    torch.manual_seed(0)
    field = Kan(1, 1, depth=0, grid=4, degree=degree).double()
    torch.nn.init.normal_(field.layers[0].coefficients)  # type: ignore[arg-type]
    torch.nn.init.ones_(field.layers[0].scale)  # type: ignore[arg-type]

    def derivative(x: torch.Tensor, order: int) -> torch.Tensor:
        x = x.clone().requires_grad_()
        y = field(x)
        for _ in range(order):
            (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return y.detach()

    knots = torch.tensor([[-0.5], [0.0], [0.5]]).double()
    for order in range(degree + 1):
        jump = float((derivative(knots - 1e-9, order) - derivative(knots + 1e-9, order)).abs().max())
        assert jump < 1e-5 if order < degree else jump > 1e-1


def test_one_layer_learns_a_sum_of_functions_of_one_coordinate() -> None:
    """Splines of degree 3 contain cubic polynomials, which least squares finds exactly."""
    x = torch.rand(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    target = x[:, :1] ** 3 - 2 * x[:, 1:] ** 2 + x[:, 1:]
    basis = splines(x, 5, 3).flatten(1)
    field = Kan(2, 1, depth=0).double()
    layer = field.layers[0]
    with torch.no_grad():
        layer.base.zero_()  # type: ignore[operator]
        layer.scale.fill_(1)  # type: ignore[operator]
        layer.coefficients.copy_((torch.linalg.pinv(basis) @ target).view(1, 2, 8))  # type: ignore[operator]
        torch.testing.assert_close(field(x), target)


@pytest.mark.parametrize(
    "arguments",
    [{"grid": 0}, {"grid": 5000}, {"degree": 0}, {"degree": 9}, {"width": 0}, {"depth": -1}],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        Kan(2, 1, **arguments)
