"""The C++ core at the edges: numbers far out, samples of no weight, no samples, bounds of its memory."""

import copy
import ctypes
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.ops import GridLayout, native
from neuralfields.ops.field_step import Grid, Model, Network, Output, Samples, Task, Update, cpu
from neuralfields.ops.field_step.cpu import _described, _Training
from neuralfields.ops.mlp import ACTIVATIONS
from neuralfields.ops.native.calling import invoke

needs_core = pytest.mark.skipif(native.reason() is not None, reason=f"the native core {native.reason()}")
BACKENDS = ["reference", pytest.param("cpu", marks=needs_core)]
FAR = [-math.inf, -1e30, -1e19, -1e4, -100.0, -88.0, -30.0, -1.0, 0.5, 30.0, 88.0, 100.0, 1e4, 1e19, 1e30, math.nan]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def model(name: str) -> Model:
    if name == "sine":
        return Model(None, Network([noise(16, 2), noise(1, 16)], [noise(16), noise(1)], "sine", [3.0]), None)
    layout = GridLayout(2, 3, 6, 2, 30)
    network = Network([noise(16, 6), noise(1, 16)], [noise(16), noise(1)], "relu")
    return Model(Grid(noise(layout.entries, 2, seed=4), layout, "linear"), network, None)


def updates(model: Model) -> list[Update]:
    made = []
    for i, p in enumerate(model.parameters):
        lazy = model.grid is not None and i == 0
        step = torch.zeros(len(p), dtype=torch.int32) if lazy else torch.tensor(0.0)
        made.append(Update(p, torch.zeros_like(p), torch.zeros_like(p), step, lazy, 1e-2, 0.9, 0.99, 1e-8))
    return made


def samples(n: int) -> Samples:
    return Samples(noise(n, 2, seed=1).tanh(), noise(n, 1, seed=2), torch.ones(n))


def state_of(updates: list[Update]) -> list[Any]:
    return [copy.deepcopy(getattr(u, what)) for u in updates for what in ("parameter", "mean", "square", "step")]


def step_that_changes_nothing(backend: str, name: str, task: Task, given: Samples) -> tuple[float, float]:
    made = model(name)
    state = updates(made)
    with ops.backend(backend, ops.field_step):
        ops.field_step(made, samples(100), task, state)
        before = state_of(state)
        terms = ops.field_step(made, given, task, state)
        assert all(map(torch.equal, before, state_of(state)))
        assert all(map(math.isfinite, ops.field_step(made, samples(100), task, state)))
    return terms


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("name", "eikonal"), [("grid", 0.0), ("grid", 0.1), ("sine", 0.0)])
@pytest.mark.parametrize("broken", ["x", "y"])
def test_a_broken_sample_of_no_weight_breaks_the_loss(backend: str, name: str, eikonal: float, broken: str) -> None:
    given = samples(100)
    assert given.weight is not None
    given.weight[97] = 0
    getattr(given, broken)[97] = math.nan
    assert math.isnan(step_that_changes_nothing(backend, name, Task("l1", eikonal), given)[0])


@needs_core
@pytest.mark.parametrize(("name", "eikonal"), [("grid", 0.0), ("grid", 0.1), ("sine", 0.0)])
def test_no_samples(name: str, eikonal: float) -> None:
    # The op refuses them; the core itself changes nothing either.
    made = model(name)
    state = updates(made)
    cpu.field_step(made, samples(100), Task("l2", eikonal), state)
    before = state_of(state)
    assert all(map(math.isnan, cpu.field_step(made, samples(0), Task("l2", eikonal), state)))
    assert all(map(torch.equal, before, state_of(state)))


@needs_core
def test_sinh_up_to_the_largest_number() -> None:
    ends = torch.tensor([0.0, 1e-3, 0.3, 0.6, 5.0, 39.9, 40.1, 87.5, 88.5, 89.4, 89.5, 95.0, 1e30, math.inf])
    o = torch.cat([-ends, ends, torch.tensor([math.nan])])[:, None]
    made = Model(None, Network([torch.ones(1, 1)], None, "relu"), Output("sinh", 1.0))
    with torch.no_grad(), ops.backend("cpu", ops.field_values):
        found = ops.field_values(made, o)
    torch.testing.assert_close(found, o.double().sinh().float(), rtol=1e-6, atol=0, equal_nan=True)


@needs_core
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "relu"])
def test_activations_far_out(activation: str) -> None:
    weights = [torch.ones(1, 1), torch.ones(1, 1)]

    def derivatives(z: Tensor, *, core: bool) -> list[Tensor]:
        z = z[:, None].requires_grad_()
        with ops.derivatives(2):
            value = ops.mlp(z, weights, None, activation) if core else ACTIVATIONS[activation](z)
            (slope,) = torch.autograd.grad(value.sum(), z, create_graph=True)
            bend = torch.autograd.grad(slope.sum(), z)[0] if slope.requires_grad else torch.zeros_like(z)
        return [value.detach(), slope.detach(), bend.detach()]

    z = torch.tensor(FAR)
    with ops.backend("cpu", ops.mlp):
        found = derivatives(z, core=True)
    for order, (one, exact) in enumerate(zip(found, derivatives(z.double(), core=False), strict=True)):
        known = z.isfinite() if order else torch.ones_like(z, dtype=torch.bool)
        torch.testing.assert_close(one[known], exact[known].float(), rtol=2e-6, atol=1e-10, equal_nan=True)


def floats_of_a_step(made: Model, points: int, threads: int) -> int:
    return invoke("nf_step_memory", _described(made), _Training(), points, threads, result=ctypes.c_int64)


@needs_core
def test_memory_for_no_more_threads_than_levels() -> None:
    made = model("grid")
    one, three, many = (floats_of_a_step(made, 1000, threads) for threads in (1, 3, 200))
    assert one < three == many


@needs_core
def test_memory_of_gradients_is_bounded() -> None:
    wide = [torch.empty(1024, 1024) for _ in range(16)]  # never read
    size = 16 * 1024 * 1024
    for maps, most in ((4, 16 * size / 4), (16, 4 * size)):
        made = Model(None, Network(wide[:maps], None, "relu"), None)
        assert floats_of_a_step(made, 1 << 20, 1) <= 1.01 * most
    assert floats_of_a_step(made, 1 << 20, 1) == floats_of_a_step(made, 1 << 20, 64)


@needs_core
def test_error_sums_of_many_parts() -> None:
    n = (1 << 22) + 12345
    prediction, target = noise(n), noise(n, seed=1)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with ops.backend("cpu", ops.error_sums):
            found.append(ops.error_sums(prediction, target))
    with ops.backend("reference", ops.error_sums):
        torch.testing.assert_close(found[0], ops.error_sums(prediction, target), rtol=1e-9, atol=0)
    assert torch.equal(*found)


@needs_core
def test_loops_after_one_another_and_at_once() -> None:
    # A loop that ends gives the pool back: the next one finds it.
    times = (ctypes.c_int64 * 64)()
    for _ in range(200):
        native.library().nf_visit(ctypes.c_int32(3), ctypes.c_int64(64), times)
    assert list(times) == [200] * 64
