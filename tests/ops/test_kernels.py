"""Every op's reference and kernels: one list of calls under one list of checks.

A new op is a few lines in ``CALLS``; a new kernel is none.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuralfields import ops
from neuralfields.ops import GridLayout, Kernel, Op, PlaneLayout, PosedPixels
from neuralfields.ops.field_step import Grid, Model, Network, Output, Samples, Task, Update
from neuralfields.ops.mlp import ACTIVATIONS
from neuralfields.ops.plane_encode import INTERPOLATIONS
from neuralfields.ops.radiance import RadianceModel, RaySamples
from neuralfields.testing import _outcome, _tensors, check_op


@dataclass(frozen=True)
class Call:
    """Arguments of an op, the highest derivative to look at, and for how many of the points to call it besides."""

    op: Op
    order: int
    arguments: tuple[Any, ...]
    few: tuple[int, ...] = ()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def within(*shape: int, seed: int = 0, reach: float = 0.95) -> Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1) * reach


def layers(*sizes: int) -> tuple[list[Tensor], list[Tensor]]:
    pairs = list(itertools.pairwise(sizes))
    weights = [noise(b, a, seed=i) / a**0.5 for i, (a, b) in enumerate(pairs)]
    return weights, [noise(b, seed=i + 9) * 0.3 for i, (_, b) in enumerate(pairs)]


# Kinds of grids: log2_size, base and finest of layouts in which every level is dense, every one hashed, or some.
DENSE, HASHED, MIXED = (14, 2, 7), (3, 9, 20), (6, 2, 70)
TRI = (0, 1), (0, 2), (1, 2)
CUBIC = "catmull_rom", "b_spline"
FEW = 0, 1, 15, 96, 97  # around a vector, and around the 96 points that networks take at a time


def grid(
    dim: int,
    features: int,
    kind: tuple[int, int, int] = MIXED,
    mode: str = "linear",
    *,
    reach: float = 0.95,
    n: int = 150,
) -> Call:
    layout = GridLayout(dim, 3, *kind)
    return Call(ops.grid_encode, 2, (within(n, dim, reach=reach), noise(layout.entries, features), layout, mode), FEW)


def grid_at(points: list[list[float]], order: int, kind: tuple[int, int, int] = MIXED) -> Call:
    layout = GridLayout(len(points[0]), 3, *kind)
    return Call(ops.grid_encode, order, (torch.tensor(points), noise(layout.entries, 2), layout, "linear"))


def planes(
    axes: tuple[tuple[int, ...], ...],
    *resolution: int,
    features: int = 2,
    mode: str = "linear",
    reach: float = 0.95,
    n: int = 150,
) -> Call:
    layout = PlaneLayout(len(resolution), axes, resolution)
    x = within(n, len(resolution), reach=reach)
    return Call(ops.plane_encode, 2, (x, noise(layout.entries, features), layout, mode), FEW)


def mlp(activation: str, *sizes: int, bias: bool = True, n: int = 200) -> Call:
    weights, biases = layers(*sizes)
    return Call(ops.mlp, 2, (noise(n, sizes[0]), weights, biases if bias else None, activation), FEW)


def sines(*sizes: int, omegas: tuple[float, ...], n: int = 200) -> Call:
    weights, biases = layers(*sizes)
    weights = [w / omega for w, omega in zip(weights, (1.0, *omegas), strict=False)]
    return Call(ops.sine_mlp, 2, (within(n, sizes[0]), weights, biases, list(omegas)), FEW)


def along_rays(*count: int) -> tuple[Tensor, Tensor, Tensor]:
    m = sum(count)
    return noise(m).square() * 0.1, noise(m, 3, seed=1), torch.tensor(count, dtype=torch.int64)


def moments(*shape: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    gradient = noise(*shape, seed=1)
    gradient[::3] = 0
    return noise(*shape), gradient, noise(*shape, seed=2), noise(*shape, seed=3).square()


def model(*, features: int = 2, dim: int = 2) -> Model:
    layout = GridLayout(dim, 3, *MIXED)
    table = Grid(noise(layout.entries, features), layout, "linear")
    return Model(table, Network(*layers(3 * features, 16, 3), "relu"), Output("affine", 0.5, 1.0))


def updates(parameters: list[Tensor]) -> list[Update]:
    """In the middle of a fit; the first parameter is a table."""
    counters = [
        torch.full((len(p),), 3, dtype=torch.int32) if i == 0 else torch.tensor(4.0) for i, p in enumerate(parameters)
    ]
    # A large epsilon keeps the update smooth where a gradient is almost zero.
    return [
        Update(
            p, noise(*p.shape, seed=7) * 0.1, noise(*p.shape, seed=8).square(), counter, i == 0, 1e-2, 0.9, 0.99, 1e-2
        )
        for i, (p, counter) in enumerate(zip(parameters, counters, strict=True))
    ]


def step(n: int, task: Task) -> tuple[Model, Samples, Task, list[Update]]:
    made = model()
    given = Samples(within(n, 2), noise(n, 3, seed=5), noise(n, seed=6).square())
    return made, given, task, updates(made.parameters)


def rays(n: int) -> Tensor:
    """Through the box, from outside."""
    origin = noise(n, 3)
    origin = origin / origin.norm(dim=1, keepdim=True) * 3
    direction = within(n, 3, seed=1) - origin
    return torch.cat([origin, direction / direction.norm(dim=1, keepdim=True)], 1)


def radiance() -> RadianceModel:
    layout = GridLayout(3, 3, *MIXED)
    table = Grid(noise(layout.entries, 2), layout, "linear")
    trunk, colour = Network(*layers(6, 16, 4), "relu"), Network(*layers(8, 16, 3), "relu")
    return RadianceModel(table, trunk, colour, noise(9, 9, 9) > 0, step=0.05, degree=2)


def radiance_step(n: int) -> tuple[RadianceModel, RaySamples, Task, list[Update]]:
    made = radiance()
    given = RaySamples(rays(n), noise(n, 4, seed=5).sigmoid(), noise(n, 3, seed=6).sigmoid(), noise(n).sigmoid())
    return made, given, Task("l2"), updates(made.parameters)


NAN, INF = torch.nan, torch.inf
ADAM = (1e-2, 0.9, 0.999, 1e-8)
STEPS = torch.arange(37, dtype=torch.int32)
CORNERS = [[float(a), float(b)] for a in (-1, 0, 1) for b in (-1, 0, 1)]


def photos(channels: int = 4, chosen: bool = False) -> PosedPixels:
    """Of 5 views of several sizes."""
    widths = torch.tensor([9, 20, 1, 7, 13])
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), (widths * torch.tensor([11, 3, 40, 5, 9])).cumsum(0)])
    stored = torch.arange(int(starts[-1]) * channels).mul(37).to(torch.uint8).view(-1, channels)
    planes, turns = within(5, 2, 2).double() / 10, noise(5, 3, 3).double()
    some = torch.arange(0, len(stored), 3).int() if chosen else None
    return PosedPixels(stored, some, 300, starts, widths, planes, turns, noise(5, 3, seed=1).double())


CALLS: dict[str, Call] = {
    **{f"grid {d}-D F={f}": grid(d, f) for d in (1, 2, 3, 4) for f in (1, 2, 3, 4, 8)},
    **{f"grid {d}-D dense": grid(d, 2, DENSE) for d in (1, 2, 3, 4)},
    **{f"grid {d}-D hashed": grid(d, 2, HASHED) for d in (1, 2, 3, 4)},
    **{f"grid {d}-D smoothstep": grid(d, 3, MIXED, "smoothstep") for d in (1, 2, 3, 4)},
    **{f"grid {d}-D outside the box": grid(d, 2, reach=3.0) for d in (1, 2, 3, 4)},
    "grid smoothstep dense outside": grid(2, 2, DENSE, "smoothstep", reach=2.0),
    "grid many points": grid(2, 2, n=9001),
    "grid on the border": grid_at(CORNERS, 0),
    # Of the levels with 2, 3 and 5 vertices some cells meet in each of these points: values are continuous there.
    "grid on cells' borders": grid_at(
        [[i / 16, j / 16] for i in range(-16, 17) for j in range(-16, 17, 4)], 0, (14, 3, 9)
    ),
    "grid not a number": grid_at([[NAN, 0.3], [0.2, 0.1], [0.1, NAN]], 1),
    "grid endless": grid_at([[NAN, INF], [NAN, NAN], [-INF, INF], [0.1, -INF], [3e38, 0.2]], 0),
    **{f"planes F={f}": planes(TRI, 9, 16, 5, features=f) for f in (1, 2, 3, 4, 8)},
    "planes of space and time": planes(tuple(itertools.combinations(range(4), 2)), 8, 7, 6, 3),
    "planes and lines": planes(((0, 1), (2,), (0, 2), (1,)), 9, 4, 7),
    "planes turned": planes(((2, 0), (1, 0, 2)), 9, 4, 7),
    "planes of six axes": planes(((5, 0), (1, 4, 2, 3)), 2, 3, 4, 5, 3, 2),
    "planes outside the box": planes(TRI, 9, 16, 5, reach=3.0),
    "planes smallest": planes(TRI, 2, 2, 2, features=1),
    "planes many points": planes(TRI, 64, 64, 64, n=9001),
    "planes smoothstep": planes(TRI, 9, 16, 5, features=3, mode="smoothstep"),
    **{
        f"planes {mode} {d}-D F={f}": planes((tuple(range(d)),), *(7, 5, 6)[:d], features=f, mode=mode)
        for mode, d, f in itertools.product(CUBIC, (1, 2, 3), (1, 2, 3))
    },
    **{f"planes {mode} of both kinds": planes(((2, 0), (1,), (0, 1, 2)), 5, 6, 4, mode=mode) for mode in CUBIC},
    **{f"planes {mode} outside the box": planes(((1, 0),), 9, 6, mode=mode, reach=3.0) for mode in CUBIC},
    **{f"planes {mode} smallest": planes(((0, 1), (1,)), 2, 2, features=1, mode=mode) for mode in CUBIC},
    **{f"planes {mode} many points": planes(((0, 1),), 128, 100, mode=mode, n=9001) for mode in CUBIC},
    **{
        f"planes {mode} at their ends": Call(
            ops.plane_encode, 0, (torch.tensor(CORNERS), noise(20, 2), PlaneLayout(2, ((0, 1),), (5, 4)), mode)
        )
        for mode in INTERPOLATIONS
    },
    **{
        f"planes {mode} not a number": Call(
            ops.plane_encode,
            0,
            (
                torch.tensor([[NAN, 0.5], [0.1, NAN], [INF, -INF]]),
                noise(20, 2),
                PlaneLayout(2, ((1, 0),), (5, 4)),
                mode,
            ),
        )
        for mode in INTERPOLATIONS
    },
    **{f"mlp {name}": mlp(name, 3, 17, 8, 2) for name in ACTIVATIONS},
    **{f"mlp width {w}": mlp("softplus", 32, w, w, 3) for w in (16, 31, 32, 64, 100, 128)},
    "mlp relu 64": mlp("relu", 32, 64, 64, 1),
    "mlp no bias": mlp("relu", 4, 16, 3, bias=False),
    "mlp no bias smooth": mlp("gelu", 2, 33, 33, 3, bias=False),
    "mlp one map": mlp("relu", 4, 3),
    "mlp all ones": mlp("tanh", 1, 1, 1),
    "mlp deep": mlp("silu", 2, *[24] * 7, 2),
    "mlp many points": mlp("relu", 2, 16, 3, n=4000),
    "mlp not a number": Call(
        ops.mlp, 0, (torch.tensor([[NAN, 1.0], [1.0, NAN], [1.0, 1.0]]), *layers(2, 8, 3), "relu")
    ),
    "sine_mlp": sines(2, 8, 8, 3, omegas=(5.0, 3.0)),
    "sine_mlp one layer": sines(3, 16, 1, omegas=(10.0,)),
    "sine_mlp as published": sines(2, 64, 64, 3, omegas=(30.0, 30.0)),
    "sine_mlp odd": sines(1, 33, 19, 7, 5, omegas=(20.0, 5.0, 2.0)),
    "adam": Call(ops.adam, 0, (*moments(37, 2), 3, *ADAM)),
    "adam first step": Call(ops.adam, 0, (*moments(11), 1, *ADAM)),
    "adam large": Call(ops.adam, 0, (*moments(300, 67), 1000, *ADAM)),
    "lazy_adam": Call(ops.lazy_adam, 0, (*moments(37, 2), STEPS, *ADAM)),
    **{f"lazy_adam F={f}": Call(ops.lazy_adam, 0, (*moments(37, f), STEPS, *ADAM)) for f in (1, 3, 4, 8)},
    "lazy_adam large": Call(ops.lazy_adam, 0, (*moments(9000, 2), torch.arange(9000).int() % 99, *ADAM)),
    "field_values": Call(ops.field_values, 0, (model(), within(1000, 2))),
    "field_values 3-D F=3": Call(ops.field_values, 0, (model(features=3, dim=3), within(97, 3))),
    "field_values no point": Call(ops.field_values, 0, (model(), within(0, 2))),
    "field_step": Call(ops.field_step, 0, step(1000, Task("l2"))),
    "march": Call(ops.march, 0, (rays(100), noise(9, 9, 9) > 0.5, 0.05)),
    "march cone": Call(ops.march, 0, (rays(100), noise(9, 9, 9) > 0.5, 0.05, 0.02, 2.5, False, noise(100).sigmoid())),
    "march unbounded": Call(ops.march, 0, (rays(50), noise(9, 9, 9) > 0.5, 0.05, 0.02, 0.1, True, None, 9)),
    "radiance_values": Call(ops.radiance_values, 0, (radiance(), rays(150))),
    "radiance_values no ray": Call(ops.radiance_values, 0, (radiance(), rays(0))),
    "radiance_step": Call(ops.radiance_step, 0, radiance_step(150)),
    "shuffled": Call(ops.shuffled, 0, (3, 300, ((1000, (1, 2)), (1500, (3,))))),
    "shuffled by no order": Call(ops.shuffled, 0, (5, 7, ())),
    "shuffled none": Call(ops.shuffled, 0, (0, 0, ((10, (1,)),))),
    "cell_centres": Call(ops.cell_centres, 0, (torch.arange(3, 105), (5, 3, 7))),
    "cell_centres none": Call(ops.cell_centres, 0, (torch.arange(0), (5, 3))),
    "take_values": Call(ops.take_values, 0, (torch.arange(60).to(torch.uint8).view(20, 3), torch.arange(19, -1, -1))),
    "take_values floats": Call(ops.take_values, 0, (noise(20, 2), torch.arange(0, 20, 3))),
    "take_values none": Call(ops.take_values, 0, (noise(20, 2), torch.arange(0))),
    "pixel_rays": Call(ops.pixel_rays, 0, (photos(), torch.arange(299, -1, -1))),
    "pixel_rays chosen": Call(ops.pixel_rays, 0, (photos(3, chosen=True), torch.arange(0, 90, 2))),
    "pixel_rays none": Call(ops.pixel_rays, 0, (photos(), torch.arange(0))),
    "error_sums one": Call(ops.error_sums, 0, (noise(1, seed=1), noise(1))),
    "error_sums": Call(ops.error_sums, 0, (torch.arange(37) / 8 - 2, torch.arange(37).flip(0) / 8 - 2)),
    "error_sums none": Call(ops.error_sums, 0, (noise(0, 3), noise(0, 3))),
    "composite": Call(ops.composite, 2, along_rays(3, 0, 17, 1, 0, 129)),
    "composite many rays": Call(ops.composite, 2, along_rays(*range(90))),
    "composite one long ray": Call(ops.composite, 1, along_rays(5000)),
    "composite no interval": Call(ops.composite, 2, along_rays(0, 0)),
    "composite no ray": Call(ops.composite, 2, along_rays()),
    "composite not a number": Call(
        ops.composite, 0, (torch.tensor([1.0, NAN, 1, 2, INF, 3]), noise(6, 2), torch.tensor([3, 3]))
    ),
    "lazy_adam no row": Call(ops.lazy_adam, 0, (*(torch.zeros(37, 2) for _ in range(4)), STEPS, *ADAM)),
}


def agrees(call: Call) -> None:
    check_op(call.op, *call.arguments, order=call.order, few=call.few)


def same_bits_on_any_threads(call: Call) -> None:
    for kernel in taking(call):
        order = min(call.order, kernel.order)
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            with ops.backend(kernel.backend, call.op), ops.derivatives(order):
                found.append(_outcome(call.op, call.arguments, 0) if order == 0 else slopes(call, order))
        for name, value in found[0].items():
            for other in found[1:]:
                same = torch.equal(value.nan_to_num(-77.0), other[name].nan_to_num(-77.0))
                assert same, f"{name} depends on the number of threads"


def slopes(call: Call, order: int) -> dict[str, Tensor]:
    """Values, their gradients, and those of the gradient in the points; what else there is has torch's own sums."""
    x = call.arguments[0].clone().requires_grad_()
    given = [t.clone().requires_grad_(t.is_floating_point()) for t in _tensors(call.arguments[1:])]
    left, parameters = iter(given), [t for t in given if t.requires_grad]
    rest = [
        [next(left) for _ in a]
        if isinstance(a, list) and isinstance(a[0], Tensor)
        else next(left)
        if isinstance(a, Tensor)
        else a
        for a in call.arguments[1:]
    ]
    results = list(_tensors([call.op(x, *rest)]))
    weighted = torch.stack([(y * noise(*y.shape, seed=3)).sum() for y in results]).sum()
    found = {
        **named("value", results),
        **named("gradient", torch.autograd.grad(weighted, [x, *parameters], retain_graph=True)),
    }
    if order > 1:
        (slope,) = torch.autograd.grad(weighted, x, create_graph=True)
        second = torch.autograd.grad(slope.square().sum(), [x, *parameters], materialize_grads=True, allow_unused=True)
        found |= named("second", second)
    return found


def named(what: str, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    return {f"{what} {i}": tensor for i, tensor in enumerate(tensors)}


def taking(call: Call) -> Iterator[Kernel]:
    """The kernels that take the call."""
    for kernel in call.op.kernels:
        with ops.derivatives(min(call.order, kernel.order)):
            if call.op.refusal(kernel, *call.arguments) is None:
                yield kernel


CHECKS: dict[str, Callable[[Call], None]] = {"agrees": agrees, "threads": same_bits_on_any_threads}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("call", CALLS)
def test_call(call: str, check: str) -> None:
    CHECKS[check](CALLS[call])


def test_every_op_is_called() -> None:
    assert {call.op.name for call in CALLS.values()} == {op.name for op in ops.ALL}


# Calls that nobody thought of; the same ones in every run. ------------------------------------------------------------


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    dim=st.integers(1, 4),
    levels=st.integers(1, 4),
    log2_size=st.integers(3, 10),
    base=st.integers(2, 9),
    growth=st.floats(1, 3),
    features=st.integers(1, 9),
    mode=st.sampled_from(["linear", "smoothstep"]),
    reach=st.sampled_from([0.9, 1.5]),
    few=st.integers(0, 60),
)
def test_any_grid(
    dim: int, levels: int, log2_size: int, base: int, growth: float, features: int, mode: str, reach: float, few: int
) -> None:
    layout = GridLayout(dim, levels, log2_size, base, base * growth ** (levels - 1))
    check_op(
        ops.grid_encode,
        within(60, dim, reach=reach),
        noise(layout.entries, features),
        layout,
        mode,
        order=2,
        few=(few,),
    )


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    resolution=st.lists(st.integers(2, 12), min_size=1, max_size=5),
    data=st.data(),
    features=st.integers(1, 9),
    mode=st.sampled_from(INTERPOLATIONS),
    reach=st.sampled_from([0.9, 1.5]),
    few=st.integers(0, 60),
)
def test_any_planes(
    resolution: list[int], data: st.DataObject, features: int, mode: str, reach: float, few: int
) -> None:
    most = 3 if mode in CUBIC else 4
    axes = st.lists(st.integers(0, len(resolution) - 1), min_size=1, max_size=most, unique=True)
    layout = PlaneLayout(len(resolution), data.draw(st.lists(axes, min_size=1, max_size=3)), resolution)
    x, table = within(60, len(resolution), reach=reach), noise(layout.entries, features)
    check_op(ops.plane_encode, x, table, layout, mode, order=2, few=(few,))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    activation=st.sampled_from([*ACTIVATIONS, "sine"]),
    bias=st.booleans(),
    few=st.integers(0, 130),
)
def test_any_network(sizes: list[int], activation: str, bias: bool, few: int) -> None:
    weights, biases = layers(*sizes)
    x = noise(130, sizes[0])
    if activation == "sine":
        check_op(ops.sine_mlp, x, weights, biases, [3.0] * (len(sizes) - 2), order=2, few=(few,))
    else:
        check_op(ops.mlp, x, weights, biases if bias else None, activation, order=2, few=(few,))
