"""Fields, their derivatives and losses on them go through torch.compile in one graph."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import neuralfields as nf
from neuralfields import ops

# torch.compile itself makes an object of each autograd function that it meets.
pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")


def grid() -> nf.Field:
    field = nf.Chain(
        nf.encodings.HashGrid(2, levels=3, log2_size=6, base=4, finest=16, interpolation="smoothstep"),
        nf.networks.MLP(6, 1, width=8),
    )
    torch.nn.init.normal_(next(field.parameters()))
    return field


def siren() -> nf.Field:
    return nf.networks.Siren(2, 1, width=8, depth=2, first_omega=5.0, hidden_omega=5.0)


def fourier() -> nf.Field:
    return nf.Chain(nf.encodings.FourierFeatures(2, features=8, sigma=1.0), nf.networks.MLP(8, 1, width=8))


def wire() -> nf.Field:
    return nf.networks.Wire(2, 1, width=8, depth=2, omega=5.0, scale=5.0)


def sinc() -> nf.Field:
    return nf.networks.Sinc(2, 1, width=8, depth=2, omega=5.0).double()  # third derivatives lose digits near 0


def finer() -> nf.Field:
    return nf.networks.Finer(2, 1, width=8, depth=2, first_omega=5.0, hidden_omega=5.0)


def functions(field: nf.Field) -> dict[str, Callable[[Tensor], Tensor]]:
    return {
        "values": field,
        "gradient": lambda x: nf.calculus.gradient(field, x),
        "laplacian": lambda x: nf.calculus.laplacian(field, x),
    }


def close(found: Tensor, wanted: Tensor) -> None:
    """Sums may be made in another order: within rounding of the largest value."""
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5 * (1 + float(wanted.detach().abs().max())))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("make", [grid, siren, fourier, wire, sinc, finer])
@pytest.mark.parametrize("what", ["values", "gradient", "laplacian"])
def test_one_graph(make: Callable[[], nf.Field], what: str, backend: str) -> None:
    torch.compiler.reset()
    torch.manual_seed(0)
    field = make()
    x = torch.rand(7, 2).to(next(field.parameters())) * 2 - 1
    function = functions(field)[what]
    plain = function(x)
    compiled = torch.compile(function, fullgraph=True, backend=backend)(x)
    close(compiled, plain)
    parameters = list(field.parameters())
    wanted, found = (
        torch.autograd.grad(y.square().sum(), parameters, allow_unused=True, materialize_grads=True)
        for y in (plain, compiled)
    )
    for one, other in zip(found, wanted, strict=True):
        close(one, other)


@pytest.mark.parametrize("make", [grid, siren, fourier, wire, sinc, finer])
@pytest.mark.parametrize("what", ["values", "gradient"])
def test_one_graph_without_gradient(make: Callable[[], nf.Field], what: str) -> None:
    torch.compiler.reset()
    torch.manual_seed(0)
    field = make()
    x = torch.rand(7, 2).to(next(field.parameters())) * 2 - 1
    function = functions(field)[what]
    with torch.no_grad():
        close(torch.compile(function, fullgraph=True, backend="eager")(x), function(x))


def test_the_core_is_used_to_the_first_derivative() -> None:
    """What is compiled has the kernels' backward pass, but not the backward pass of that: others take the reference."""
    torch.compiler.reset()
    field, x = siren(), torch.rand(7, 2)
    for function, backend in zip(functions(field).values(), ("cpu", "reference", "reference"), strict=True):
        with ops.used() as used:
            torch.compile(function, fullgraph=True, backend="eager")(x)
        if ops.sine_mlp.kernels[0].refuse(x, [], []) is None:
            assert used == {"sine_mlp": backend}


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_planes(backend: str) -> None:
    torch.compiler.reset()
    torch.manual_seed(0)
    layout = ops.PlaneLayout(3, ((0, 1), (2,)), (4, 5, 6))
    x, table = torch.rand(7, 3).requires_grad_(), torch.randn(layout.entries, 2).requires_grad_()
    plain = ops.plane_encode(x, table, layout)
    compiled = torch.compile(lambda x, table: ops.plane_encode(x, table, layout), fullgraph=True, backend=backend)(
        x, table
    )
    close(compiled, plain)
    wanted, found = (torch.autograd.grad(y.square().sum(), (x, table)) for y in (plain, compiled))
    for one, other in zip(found, wanted, strict=True):
        close(one, other)
