"""The kernels under torch.func, forward mode, and repeated differentiation, in float32, against the references."""

import copy
import io
import pickle
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vjp, vmap
from torch.fx.experimental.proxy_tensor import make_fx

import neuralfields as nf
from neuralfields import ops
from neuralfields.errors import KernelRefused
from neuralfields.ops import native

if native.reason() is not None:
    pytest.skip(f"the native core {native.reason()}", allow_module_level=True)


def grid() -> nf.Field:
    field = nf.encodings.HashGrid(2, levels=3, log2_size=5, base=3, finest=9, interpolation="smoothstep")
    torch.nn.init.normal_(field.table)
    return field


def made(name: str) -> nf.Field:
    torch.manual_seed(0)
    fields: dict[str, Callable[[], nf.Field]] = {
        "grid": grid,
        "mlp": lambda: nf.networks.MLP(2, 3, width=9, depth=2, activation="tanh"),
        "no bias": lambda: nf.networks.MLP(2, 3, width=9, depth=2, activation="softplus", bias=False),
        "siren": lambda: nf.networks.Siren(2, 3, width=9, depth=2, first_omega=3.0, hidden_omega=3.0),
        "chain": lambda: nf.Chain(grid(), nf.networks.MLP(6, 2, width=9, depth=1, activation="silu")),
    }
    return fields[name]()


FIELDS = ["grid", "mlp", "no bias", "siren", "chain"]


def points(*shape: int) -> Tensor:
    return torch.rand(*shape, 2, generator=torch.Generator().manual_seed(1)) * 1.8 - 0.9


def one(field: nf.Field) -> Callable[[Tensor], Tensor]:
    """One number for one point."""
    return lambda x: field(x).sin().sum()


def batched_fields(field: nf.Field, x: Tensor) -> Tensor:
    others = [copy.deepcopy(field) for _ in range(3)]
    for i, other in enumerate(others):
        for parameter in other.parameters():
            parameter.data.mul_(1 + 0.1 * i)
    parameters, _ = stack_module_state(others)  # type: ignore[arg-type]

    def slope(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        slopes = grad(lambda p: functional_call(field, p, (x,)).sin().sum())(parameters)
        return torch.cat([g.flatten() for g in slopes.values()])

    values = vmap(lambda p: functional_call(field, p, (x,)))(parameters)
    return torch.cat([values.flatten(), vmap(slope, in_dims=(0, None))(parameters, x).flatten()])


def parameter_gradient(field: nf.Field, x: Tensor) -> Tensor:
    """Of a loss on the gradient in the coordinates, by plain autograd."""
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(field(x).sin().sum(), x, create_graph=True)
    inputs = [x, *field.parameters()]
    found = torch.autograd.grad(slope.square().sum(), inputs, allow_unused=True, materialize_grads=True)
    return torch.cat([f.flatten() for f in found])


def per_sample(field: nf.Field, x: Tensor) -> Tensor:
    """Each point's own gradient in the parameters."""
    parameters = dict(field.named_parameters())
    found = vmap(grad(lambda p, x: functional_call(field, p, (x,)).sin().sum()), in_dims=(None, 0))(parameters, x)
    return torch.cat([f.flatten() for f in found.values()])


def meta(field: nf.Field, x: Tensor) -> Tensor:
    """The gradient through one step of gradient descent."""
    parameters = dict(field.named_parameters())

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return functional_call(field, parameters, (x,)).sin().sum()

    def after(parameters: dict[str, Tensor]) -> Tensor:
        slopes = grad(loss)(parameters)
        return loss({name: p - 0.01 * slopes[name] for name, p in parameters.items()})

    return torch.cat([f.flatten() for f in grad(after)(parameters).values()])


WHAT: dict[str, Callable[[nf.Field, Tensor], Tensor]] = {
    "vmap": lambda field, x: vmap(field)(x),
    "vmap of the second axis": lambda field, x: vmap(field, in_dims=1)(x.reshape(4, 2, 2)),
    "nested vmap": lambda field, x: vmap(vmap(field))(x.reshape(4, 2, 2)),
    "grad": lambda field, x: grad(lambda x: field(x).sin().sum())(x),
    "vmap of grad": lambda field, x: vmap(grad(one(field)))(x),
    "vjp": lambda field, x: vjp(field, x)[1](field(x).cos())[0],
    "vmap of jacrev": lambda field, x: vmap(jacrev(field))(x),
    "jacrev": lambda field, x: jacrev(field)(x),
    "reverse over reverse": lambda field, x: vmap(jacrev(jacrev(one(field))))(x),
    "jvp": lambda field, x: jvp(field, (x,), (x.cos(),))[1],
    "jacfwd": lambda field, x: vmap(jacfwd(field))(x),
    "forward over reverse": lambda field, x: vmap(hessian(one(field)))(x),
    "fields": batched_fields,
    "loss on the gradient": parameter_gradient,
    "per sample": per_sample,
    "meta": meta,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, at its first use of forward mode
@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("name", FIELDS)
def test_transforms(name: str, what: str) -> None:
    field, x = made(name), points(8)
    function = partial(WHAT[what], field)
    with ops.used() as used, ops.derivatives(2):
        found = function(x)
    forward_mode = what in ("jvp", "jacfwd", "forward over reverse")
    assert set(used.values()) == {"reference" if forward_mode else "cpu"}
    with ops.backend("reference"):
        wanted = function(x)
    wanted = wanted.detach()
    torch.testing.assert_close(found.detach(), wanted, rtol=1e-4, atol=1e-5 * (1 + float(wanted.abs().max())))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", FIELDS)
def test_forward_mode_asked_of_the_kernel(name: str) -> None:
    field, x = made(name), points(4)
    with ops.backend("cpu"), pytest.raises(nf.errors.KernelRefused, match="has no derivatives in forward mode"):
        jvp(field, (x,), (x,))


@pytest.mark.parametrize("name", FIELDS)
def test_the_third_derivative_raises(name: str) -> None:
    field = made(name)

    def third(x: Tensor) -> Tensor:
        value = field(x).sin().sum()
        for _ in range(3):
            (slope,) = torch.autograd.grad(value, x, create_graph=True)
            value = slope.sin().sum()
        return slope

    x = points(4).requires_grad_()
    with pytest.raises(RuntimeError, match=r"derivatives to order 2: compute inside ops\.derivatives\(3\)"):
        third(x)
    with ops.derivatives(3), ops.used() as used:
        found = third(x)
    assert set(used.values()) == {"reference"}
    assert found.isfinite().all()


@pytest.mark.parametrize("name", FIELDS)
def test_copies_after_use(name: str) -> None:
    field, x = made(name), points(4)
    field(x).sum().backward()
    nf.calculus.laplacian(field, x)
    for other in (copy.deepcopy(field), pickle.load(io.BytesIO(pickle.dumps(field)))):
        assert torch.equal(other(x), field(x))


@pytest.mark.parametrize("wanted", ["x", "parameters", "both"])
@pytest.mark.parametrize("name", ["mlp", "siren"])
def test_only_what_is_needed(name: str, wanted: str) -> None:
    """What needs no gradient gets none, and the others' is the same."""
    field = made(name)
    x = points(100).requires_grad_(wanted != "parameters")
    field.requires_grad_(wanted != "x")
    inputs = [t for t in (x, *field.parameters()) if t.requires_grad]
    found = torch.autograd.grad(field(x).sin().sum(), inputs)
    with ops.backend("reference"):
        exact = torch.autograd.grad(field(x).sin().sum(), inputs)
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"dtype": torch.float64}, "takes float32, not float64"),
        ({"dtype": torch.float16}, "takes float32, not float16"),
        ({"dtype": torch.bfloat16}, "takes float32, not bfloat16"),
        ({"device": "meta"}, "works on the CPU, not on meta"),
    ],
)
@pytest.mark.parametrize("name", FIELDS)
def test_refusals(name: str, arguments: dict[str, torch.dtype | str], reason: str) -> None:
    field, x = made(name).to(**arguments), points(4).to(**arguments)
    with ops.backend("cpu"), pytest.raises(nf.errors.KernelRefused, match=reason):
        field(x)
    if "device" not in arguments:
        assert field(x).dtype == x.dtype


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ([torch.zeros(2, 2)] * 17, "takes at most 16 linear maps, not 17"),
        ([torch.zeros(1025, 2), torch.zeros(3, 1025)], "takes widths from 1 to 1024, not 1025"),
    ],
)
def test_networks_that_are_too_large(weights: list[Tensor], reason: str) -> None:
    assert ops.mlp.explain(torch.zeros(3, 2), weights, None, "relu") == f"reference (cpu {reason})"
    assert ops.mlp(torch.zeros(3, 2), weights, None, "relu").shape == (3, len(weights[-1]))


def test_more_axes_than_the_core_has() -> None:
    layout = ops.GridLayout(5, 1, 4, 2, 2)
    arguments = torch.zeros(3, 5), torch.zeros(layout.entries, 2), layout
    assert ops.grid_encode.explain(*arguments) == "reference (cpu takes 1 to 4 coordinates, not 5)"


def test_tables_that_are_too_large() -> None:
    layout = ops.GridLayout(3, 1, 28, 1000, 1000)
    table = torch.zeros(1, 1).expand(layout.entries, 16)
    text = "reference (cpu takes levels of less than 2^32 values, not 4294967296)"
    assert ops.grid_encode.explain(torch.zeros(3, 3), table, layout) == text


class Marked(Tensor):
    """A tensor with a type of its own."""


def sums(p: Tensor, t: Tensor) -> Tensor:
    return ops.error_sums(p, t)


TRACERS: dict[str, Callable[[Tensor, Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "jit.trace": lambda p, t: torch.jit.trace(sums, (p, t)),  # type: ignore[return-value]
    "make_fx": make_fx(sums),
    "make_fx, symbolic": make_fx(sums, tracing_mode="symbolic"),
    "make_fx, before dispatch": make_fx(sums, pre_dispatch=True),
    "compile": lambda p, t: torch.compile(sums, backend="eager", fullgraph=True),
}


@pytest.mark.filterwarnings("ignore")  # torch.jit is deprecated
@pytest.mark.parametrize("tracer", TRACERS)
def test_what_is_traced_without_operators_is_right_for_other_values(tracer: str) -> None:
    traced = TRACERS[tracer](points(9), points(9) * 2)
    torch.testing.assert_close(traced(points(9) * 3, points(9)), sums(points(9) * 3, points(9)))


def test_a_kernel_that_torch_does_not_see_needs_plain_tensors() -> None:
    p, t = points(9), points(9) * 2
    with FakeTensorMode() as mode:
        assert sums(mode.from_tensor(p), mode.from_tensor(t)).shape == (4,)
        assert ops.cell_centres(torch.arange(4), (2, 2)).shape == (4, 2)
        assert ops.shuffled(0, 5, ((5, (1,)),)).shape == (5,)
    torch.testing.assert_close(vmap(sums)(p[None], t[None])[0], sums(p, t))
    for strange in (p.as_subclass(Marked), p.to_sparse(), torch.complex(p, p).conj().imag):
        assert ops.error_sums.explain(strange, t).startswith("reference (cpu takes ")
        with ops.backend("cpu", ops.error_sums), pytest.raises(KernelRefused, match="the cpu kernel takes"):
            sums(strange, t)
    assert ops.error_sums.explain(torch.nn.Parameter(p), t) == "cpu (first choice)"
    with torch.device("meta"):  # where the kernel would make its result
        assert ops.error_sums.explain(p, t) == "reference (cpu is not seen by a mode of torch that is active here)"


def test_a_batch_of_nothing_has_its_shape() -> None:
    layout = ops.GridLayout(2, 2, 5, 3, 6)
    table = torch.zeros(layout.entries, 3)
    weights, biases = [torch.ones(4, 2), torch.ones(1, 4)], [torch.zeros(4), torch.zeros(1)]

    def encoded(x: Tensor, table: Tensor) -> Tensor:
        return ops.grid_encode(x, table, layout)

    def network(x: Tensor, *weights: Tensor) -> Tensor:
        return ops.sine_mlp(x, weights, biases, [3.0])

    x, tables = torch.zeros(0, 7, 2), table.expand(0, *table.shape)
    assert vmap(encoded, (0, None))(x, table).shape == (0, 7, 6)
    assert vmap(encoded)(x, tables).shape == (0, 7, 6)
    assert vmap(encoded, (0, None))(torch.zeros(3, 0, 2), table).shape == (3, 0, 6)
    assert vmap(network, (0, None, None))(x, *weights).shape == (0, 7, 1)
    slopes = vmap(grad(lambda x, *w: network(x, *w).sum(), (0, 1, 2)), (0, None, None))(x, *weights)
    assert [list(slope.shape) for slope in slopes] == [[0, 7, 2], [0, 4, 2], [0, 1, 4]]


@pytest.mark.parametrize("number", [np.float64, np.float32, float, int])
def test_settings_may_be_numpys(number: Callable[[float], float]) -> None:
    x = points(9)
    layouts = ops.GridLayout(2, 3, 6, 4, number(37)), ops.GridLayout(2, 3, 6, 4, 37)
    assert layouts[0] == layouts[1] and layouts[0].entries == layouts[1].entries
    table = torch.rand(layouts[0].entries, 2)
    assert torch.equal(*(ops.grid_encode(x, table, layout) for layout in layouts))
    network = [torch.ones(3, 2), torch.ones(1, 3)], [torch.zeros(3), torch.zeros(1)]
    assert torch.equal(*(ops.sine_mlp(x, *network, [omega]) for omega in (number(30), 30.0)))
    planes = ops.PlaneLayout(2, np.array([[0, 1]], np.int32), np.array([4, 5], np.int32))  # type: ignore[arg-type]
    assert planes == ops.PlaneLayout(2, ((0, 1),), (4, 5))


def test_a_frequency_without_bounds_gives_no_number() -> None:
    weights, biases = [torch.ones(3, 2), torch.ones(1, 3)], [torch.zeros(3), torch.zeros(1)]
    assert ops.sine_mlp(points(9), weights, biases, [float("inf")]).isnan().all()
