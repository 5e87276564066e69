"""Derivatives against formulas, under torch's transforms, and inside losses."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, jacrev, vmap

from neuralfields import ops
from neuralfields.calculus import divergence, gradient, jacobian, laplacian
from neuralfields.errors import InputError
from neuralfields.networks import Siren


def points(*batch: int, n: int = 2) -> Tensor:
    return torch.rand(*batch, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def wave(x: Tensor) -> Tensor:
    """sin(2x) sin(3y): its laplacian is -13 times itself."""
    return (x[..., :1] * 2).sin() * (x[..., 1:2] * 3).sin()


def slope_of_wave(x: Tensor) -> Tensor:
    a, b = x[..., 0] * 2, x[..., 1] * 3
    return torch.stack([2 * a.cos() * b.sin(), 3 * a.sin() * b.cos()], -1)


def curl(x: Tensor) -> Tensor:
    """(x^2 y, x y^3): jacobian [[2xy, x^2], [y^3, 3xy^2]]."""
    a, b = x[..., 0], x[..., 1]
    return torch.stack([a**2 * b, a * b**3], -1)


def three(x: Tensor) -> Tensor:
    return torch.cat([wave(x), x.square().sum(-1, keepdim=True), 7 * x[..., :1]], -1)


BATCHES = [(), (0,), (1,), (5,), (2, 3), (2, 0)]


@pytest.mark.parametrize("batch", BATCHES)
def test_gradient(batch: tuple[int, ...]) -> None:
    x = points(*batch)
    torch.testing.assert_close(gradient(wave, x), slope_of_wave(x))


@pytest.mark.parametrize("batch", BATCHES)
def test_jacobian(batch: tuple[int, ...]) -> None:
    x = points(*batch)
    a, b = x[..., 0], x[..., 1]
    wanted = torch.stack([torch.stack([2 * a * b, a**2], -1), torch.stack([b**3, 3 * a * b**2], -1)], -2)
    torch.testing.assert_close(jacobian(curl, x), wanted)
    assert jacobian(three, x).shape == (*batch, 3, 2)
    torch.testing.assert_close(jacobian(three, x)[..., 0, :], slope_of_wave(x))


@pytest.mark.parametrize("batch", BATCHES)
def test_divergence(batch: tuple[int, ...]) -> None:
    x = points(*batch)
    a, b = x[..., :1], x[..., 1:]
    torch.testing.assert_close(divergence(curl, x), 2 * a * b + 3 * a * b**2)


@pytest.mark.parametrize("batch", BATCHES)
def test_laplacian(batch: tuple[int, ...]) -> None:
    x = points(*batch)
    torch.testing.assert_close(laplacian(wave, x), -13 * wave(x))
    wanted = torch.cat([-13 * wave(x), torch.full_like(x[..., :1], 4), torch.zeros_like(x[..., :1])], -1)
    torch.testing.assert_close(laplacian(three, x), wanted)


@pytest.mark.parametrize("n", [1, 3, 4])
def test_other_dimensions(n: int) -> None:
    x = points(6, n=n)

    def bump(p: Tensor) -> Tensor:
        return (-p.square().sum(-1, keepdim=True)).exp()

    torch.testing.assert_close(gradient(bump, x), -2 * x * bump(x))
    torch.testing.assert_close(laplacian(bump, x), (4 * x.square().sum(-1, keepdim=True) - 2 * n) * bump(x))
    torch.testing.assert_close(divergence(lambda p: p**3, x), 3 * x.square().sum(-1, keepdim=True))


def siren(out_dim: int = 1) -> Siren:
    torch.manual_seed(0)
    return Siren(2, out_dim, width=12, depth=1, first_omega=6.0).double()


def test_a_siren_s_derivatives_in_closed_form() -> None:
    """For one layer d/dx = omega V diag(cos) W and the laplacian is -omega^2 V diag(sin) |W|^2."""
    field, x, omega = siren(2), points(7), 6.0
    first, last = field.layers[0], field.layers[1]
    phase = omega * (x @ first.weight.T + first.bias)  # type: ignore[union-attr, operator]
    wanted = omega * (last.weight * phase.cos()[:, None, :]) @ first.weight  # type: ignore[union-attr, operator]
    torch.testing.assert_close(jacobian(field, x), wanted)
    squares = first.weight.square().sum(1)  # type: ignore[union-attr, operator]
    wanted = -(omega**2) * (phase.sin() * squares) @ last.weight.T  # type: ignore[union-attr, operator]
    torch.testing.assert_close(laplacian(field, x), wanted)


TRANSFORMS: dict[str, Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]] = {
    "vmap": lambda f, x: vmap(f)(x),
    "vmap of a batch": lambda f, x: vmap(f)(x.reshape(2, 3, 2)).reshape(6, -1),
    "vmap of vmap": lambda f, x: vmap(vmap(f))(x.reshape(2, 3, 2)).reshape(6, -1),
    "vmap, second axis": lambda f, x: vmap(f, in_dims=1)(x.T.contiguous()),
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
@pytest.mark.parametrize("operator", [gradient, divergence, laplacian])
def test_under_vmap(operator: Callable[..., Tensor], transform: Callable[..., Tensor]) -> None:
    field, x = siren(2 if operator is divergence else 1), points(6)

    def derived(p: Tensor) -> Tensor:
        return operator(field, p)

    torch.testing.assert_close(transform(derived, x), operator(field, x))


def test_under_jacrev_and_grad() -> None:
    x = points(5)
    hessian = vmap(jacrev(lambda p: gradient(wave, p)))(x)
    torch.testing.assert_close(hessian, jacobian(lambda p: gradient(wave, p), x))
    torch.testing.assert_close(hessian.diagonal(dim1=1, dim2=2).sum(-1, keepdim=True), laplacian(wave, x))
    slope = vmap(grad(lambda p: laplacian(wave, p)[0]))(x)
    torch.testing.assert_close(slope, -13 * slope_of_wave(x))
    torch.testing.assert_close(gradient(lambda p: laplacian(wave, p), x), -13 * slope_of_wave(x))
    torch.testing.assert_close(divergence(lambda p: gradient(wave, p), x), laplacian(wave, x))
    torch.testing.assert_close(laplacian(lambda p: laplacian(wave, p), x), 169 * wave(x))


@pytest.mark.parametrize("operator", [gradient, jacobian, laplacian])
def test_a_loss_on_derivatives_reaches_the_parameters(operator: Callable[..., Tensor]) -> None:
    """Against central differences of the loss itself."""
    field, x = siren(), points(9)

    def loss() -> Tensor:
        return (operator(field, x) - 1).square().mean()

    loss().backward()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in field.named_parameters():
        if parameter.grad is None:
            assert name == "layers.1.bias"  # a constant has no derivative
            continue
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        found = float((parameter.grad * direction).sum())
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(direction, alpha=sign * 1e-6)
            values.append(loss().item())
            with torch.no_grad():
                parameter.sub_(direction, alpha=sign * 1e-6)
        assert found == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-9)
        assert abs(found) > 1e-6


def test_gradients_in_parameters_by_func() -> None:
    field, x = siren(), points(4)
    parameters = dict(field.named_parameters())

    def loss(values: dict[str, Tensor]) -> Tensor:
        return laplacian(lambda p: functional_call(field, values, (p,)), x).square().mean()

    found = grad(loss)(parameters)
    laplacian(field, x).square().mean().backward()
    for name, parameter in parameters.items():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad)


def test_coordinates_that_need_a_gradient_keep_it() -> None:
    x = points(3).requires_grad_()
    laplacian(wave, x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, -13 * slope_of_wave(x.detach()))


def test_float32_stays_float32() -> None:
    x = points(3).float()
    for operator in (gradient, jacobian, laplacian):
        assert operator(wave, x).dtype == torch.float32


def test_kernels_are_told_how_often_results_are_differentiated() -> None:
    """Once by the operator and once more by a loss: 2, and 3 for the laplacian."""
    refused: list[int] = []

    def watching(order: int) -> Callable[[Tensor], Tensor]:
        kernel = ops.Kernel("cpu", "nowhere:nothing", order, lambda *_: "is not there")

        op = ops.Op("watched", curl, (kernel,))

        def field(x: Tensor) -> Tensor:
            refused.append("asked for" in str(op.refusal(kernel, x)))
            return curl(x)

        return field

    def hessian(field: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        return jacobian(lambda points: jacobian(field, points)[..., 0, :], x)

    for operator, order in ((jacobian, 2), (divergence, 2), (laplacian, 3), (hessian, 3)):
        for supported in (order, order - 1):
            refused.clear()
            operator(watching(supported), points(2))
            assert refused[-1] == (supported < order), "the last call is the one that is differentiated"
            with torch.no_grad():
                operator(watching(supported - 1), points(2))
            assert refused[-1] == (supported < order), "nobody will differentiate the result"


def test_errors() -> None:
    x = points(4)
    with pytest.raises(InputError, match=r"^gradient is of a field with 1 output, this has 3: use jacobian$"):
        gradient(three, x)
    with pytest.raises(InputError, match=r"^divergence needs as many outputs as coordinates, got 3 and 2$"):
        divergence(three, x)
    for operator in (gradient, jacobian, divergence, laplacian):
        with pytest.raises(InputError, match="Siren takes coordinates"):
            operator(siren(), points(4, n=3))


def test_nan_stays_with_its_point() -> None:
    x = points(3)
    x[1, 0] = math.nan
    found = laplacian(siren(), x)
    assert found.isnan().flatten().tolist() == [False, True, False]
