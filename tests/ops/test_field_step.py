"""Whole training steps against their definition: losses, weights, output maps, networks, several steps in a row."""

import copy
import gc
import itertools
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

import neuralfields as nf
from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.fitting import Adam
from neuralfields.ops import GridLayout, native
from neuralfields.ops.field_step import Grid, Model, Network, Output, Samples, Task, Update
from neuralfields.ops.field_step.cpu import _kept
from neuralfields.ops.losses import LOSSES

needs_core = pytest.mark.skipif(native.reason() is not None, reason=f"the native core {native.reason()}")
STEPS = 4
OUTPUTS = {"plain": None, "affine": Output("affine", 0.5, 0.2), "sinh": Output("sinh", 0.3)}


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network(sizes: tuple[int, ...], activation: str, *, bias: bool = True) -> Network:
    pairs = list(itertools.pairwise(sizes))
    weights = [noise(b, a, seed=i) / a**0.5 for i, (a, b) in enumerate(pairs)]
    biases = [noise(b, seed=i + 9) * 0.3 for i, (_, b) in enumerate(pairs)] if bias else None
    return Network(weights, biases, activation, [3.0] * (len(sizes) - 2) if activation == "sine" else ())


def grid(dim: int, features: int, mode: str = "linear") -> Grid:
    layout = GridLayout(dim, 3, 6, 2, 30)
    return Grid(noise(layout.entries, features, seed=4), layout, mode)


def model(name: str, outputs: int = 3, output: Output | None = None) -> Model:
    """By a name as in "grid relu"."""
    makers = {
        "grid relu": lambda: Model(grid(2, 2), network((6, 16, 16, outputs), "relu"), output),
        "grid relu no bias": lambda: Model(grid(3, 3), network((9, 16, outputs), "relu", bias=False), output),
        "grid leaky": lambda: Model(grid(3, 1, "smoothstep"), network((3, 19, outputs), "leaky_relu"), output),
        "grid gelu": lambda: Model(grid(2, 4), network((12, 16, outputs), "gelu"), output),
        "grid sine": lambda: Model(grid(1, 2), network((6, 16, outputs), "sine"), output),
        "sine": lambda: Model(None, network((2, 24, 24, outputs), "sine"), output),
        "relu": lambda: Model(None, network((2, 17, outputs), "relu"), output),
        "tanh no bias": lambda: Model(None, network((3, 17, 5, outputs), "tanh", bias=False), output),
    }
    return makers[name]()


def updates(model: Model) -> list[Update]:
    """Fresh moments. The large epsilon keeps an update smooth where a gradient is almost zero."""
    made = []
    for i, p in enumerate(model.parameters):
        lazy = model.grid is not None and i == 0
        step = torch.zeros(len(p), dtype=torch.int32) if lazy else torch.tensor(0.0)
        made.append(
            Update(p, torch.zeros_like(p), torch.zeros_like(p), step, lazy, 3e-2 if lazy else 1e-2, 0.9, 0.99, 1e-2)
        )
    return made


def samples(model: Model, n: int, step: int, *, weighted: bool = False) -> Samples:
    dim = model.grid.layout.dim if model.grid else model.network.weights[0].shape[1]
    x = torch.rand(n, dim, generator=torch.Generator().manual_seed(step)) * 2.1 - 1.05
    y = noise(n, model.outputs, seed=100 + step)
    return Samples(x, y, noise(n, seed=200 + step).square() if weighted else None)


def run(backend: str, model: Model, task: Task, n: int, *, weighted: bool = False, dtype: Any = torch.float32) -> Any:
    """Terms, parameters, moments and counters after several steps from the same start."""

    def cast(t: Tensor) -> Tensor:
        return t.clone().to(dtype)

    model = copy.copy(model.with_parameters([cast(p) for p in model.parameters]))
    state, terms = updates(model), []
    with ops.backend(backend, ops.field_step):
        for step in range(STEPS):
            given = samples(model, n, step, weighted=weighted)
            given = Samples(cast(given.x), cast(given.y), None if given.weight is None else cast(given.weight))
            terms.append(ops.field_step(model, given, task, state))
    tensors = {
        f"{what} {i}": getattr(u, what) for i, u in enumerate(state) for what in ("parameter", "mean", "square", "step")
    }
    return {"terms": torch.tensor(terms, dtype=torch.float64), **tensors}


def compare(model: Model, task: Task, n: int, *, weighted: bool = False) -> None:
    exact = run("reference", model, task, n, weighted=weighted, dtype=torch.float64)
    plain = run("reference", model, task, n, weighted=weighted)
    fast = run("cpu", model, task, n, weighted=weighted)
    for name, value in fast.items():
        wanted = exact[name].double()
        scale = float(wanted.abs().max())
        own, error = (float((found.double() - wanted).abs().max()) for found in (plain[name], value))
        # Twice the reference's own error, and some roundings because a few numbers may be right by luck.
        assert error <= 2 * own + 2e-6 * scale, (
            f"{name} is off by {error:.3g}, the reference by {own:.3g} of {scale:.3g}"
        )
    assert all(torch.equal(fast[name], plain[name]) for name in fast if name.startswith("step"))
    moved = float((fast["parameter 0"] - model.parameters[0]).abs().max())
    assert moved > 1e-3


MODELS = ["grid relu", "grid relu no bias", "grid leaky", "grid gelu", "grid sine", "sine", "relu", "tanh no bias"]


@needs_core
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_losses_and_outputs(output: str, loss: str, weighted: bool) -> None:
    compare(model("grid relu", output=OUTPUTS[output]), Task(loss), 203, weighted=weighted)


@needs_core
@pytest.mark.parametrize("scale", [0.02, 40.0, 400.0])
@pytest.mark.parametrize("loss", ["bce", "clamped_l1"])
def test_losses_of_small_and_large_values(loss: str, scale: float) -> None:
    """The exponential of the cross-entropy vanishes, and the clamp holds, for most of the large ones."""
    compare(model("grid relu", output=Output("affine", scale, 0.0)), Task(loss), 203)


@needs_core
@pytest.mark.parametrize("n", [1, 95, 192, 1000])
@pytest.mark.parametrize("name", MODELS)
def test_models_and_sizes(name: str, n: int) -> None:
    compare(model(name), Task("l2"), n)


@needs_core
@pytest.mark.parametrize("output", ["plain", "affine"])
@pytest.mark.parametrize("name", ["grid relu", "grid relu no bias", "grid leaky"])
def test_eikonal(name: str, output: str) -> None:
    for loss, weighted in (("l1", False), ("l2", True)):
        compare(model(name, 1, OUTPUTS[output]), Task(loss, eikonal=0.1), 203, weighted=weighted)


@needs_core
@pytest.mark.parametrize("name", ["grid relu", "grid sine", "sine"])
def test_same_bits_on_any_threads(name: str) -> None:
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(run("cpu", model(name), Task("l2"), 5000))
    for other in found[1:]:
        assert all(torch.equal(other[name], value) for name, value in found[0].items())


@pytest.mark.parametrize("backend", ["reference", pytest.param("cpu", marks=needs_core)])
@pytest.mark.parametrize("name", ["grid relu", "sine"])
@pytest.mark.parametrize("broken", ["x", "y", "weight"])
def test_a_loss_that_is_not_finite_changes_nothing(backend: str, name: str, broken: str) -> None:
    made = model(name)
    state = updates(made)
    with ops.backend(backend, ops.field_step):
        ops.field_step(made, samples(made, 100, 0), Task("l2"), state)
        before = copy.deepcopy(state)
        given = samples(made, 100, 1, weighted=True)
        getattr(given, broken)[7] = torch.nan
        terms = ops.field_step(made, given, Task("l2"), state)
    assert np.isnan(terms[0])
    for old, new in zip(before, state, strict=True):
        for what in ("parameter", "mean", "square", "step"):
            assert torch.equal(getattr(old, what), getattr(new, what))
    with ops.backend(backend, ops.field_step):
        assert np.isfinite(ops.field_step(made, samples(made, 100, 2), Task("l2"), state)[0])


@needs_core
def test_refusals() -> None:
    made, single, bare = model("grid relu"), model("grid relu", 1), model("relu", 1)
    state, given = updates(made), samples(made, 10, 0)
    steps: list[tuple[Any, str]] = [
        ((made, given, Task("l2"), state), "cpu (first choice)"),
        ((bare, samples(bare, 9, 0), Task("l2", 0.1), updates(bare)), "has the eikonal term for a grid"),
        ((made, given, Task("l2"), updates(model("grid relu"))), "updates the model's parameters in their order"),
        ((made, replace(given, weight=torch.ones(10).double()), Task("l2"), state), "takes float32, not float64"),
        ((made, replace(given, y=given.y.double()), Task("l2"), state), "takes float32, not float64"),
        ((made, given, Task("l2"), [state[0], *(replace(u, lr=i) for i, u in enumerate(state[1:]))]), "takes one rate"),
        ((made, given, Task("l2"), [replace(u, lazy=False) for u in state]), "updates tables lazily"),
        (
            (replace(single, output=Output("sinh", 1.0)), samples(single, 9, 0), Task("l2", 0.1), updates(single)),
            "has the eikonal term for activations that are piecewise linear",
        ),
    ]
    for arguments, text in steps:
        assert text in ops.field_step.explain(*arguments)


def test_calls_that_break_the_contract() -> None:
    made = model("grid relu")
    state, given = updates(made), samples(made, 10, 0)
    for arguments, text in (
        ((made, replace(given, x=given.x[:, :1]), Task("l2"), state), r"takes coordinates \[n, 2\], got \[10, 1\]"),
        ((made, replace(given, y=given.y[:, :1]), Task("l2"), state), r"shape \[10, 3\] for targets \[10, 1\]"),
        ((made, replace(given, weight=torch.ones(9)), Task("l2"), state), r"weights are \[10\]"),
        ((made, given, Task("l3"), state), "no loss is called 'l3'"),
        ((made, given, Task("l2", 0.1), state), "a field with 1 output, this has 3"),
        ((made, given, Task("l2"), state[1:]), "7 parameters, got 6 updates"),
    ):
        for call in (ops.field_step, ops.field_step.attempt):
            with pytest.raises(InputError, match=text):
                call(*arguments)
    with pytest.raises(InputError, match=r"weight 0 is \[out, 6\], got \[16, 5\]"):
        replace(made, network=network((5, 16, 3), "relu"))
    with pytest.raises(InputError, match="the grid's table"):
        replace(made, grid=replace(grid(2, 2), table=torch.zeros(3, 2)))


@needs_core
def test_what_was_prepared_goes_with_the_model() -> None:
    made = model("grid relu")
    before = len(_kept)
    ops.field_step(made, samples(made, 10, 0), Task("l2"), updates(made))
    assert len(_kept) == before + 1
    weight = weakref.ref(made.network.weights[0])
    del made
    gc.collect()
    assert weight() is None
    assert len(_kept) == before


@needs_core
@pytest.mark.parametrize("kind", ["grid", "siren"])
def test_a_fit_is_the_same_with_and_without(kind: str) -> None:
    y, x = np.mgrid[:12, :16]
    values = np.stack([np.sin(x / 3) * np.cos(y / 4), x / 16, y / 12], -1) / 2 + 0.4
    image = nf.signals.Image.from_array((values.clip(0, 1) * 255).astype(np.uint8), name="waves")
    found = []
    for backend in ("cpu", "reference"):
        torch.manual_seed(0)
        if kind == "grid":
            encoding = nf.encodings.HashGrid(2, levels=4, features=2, log2_size=8, base=4, finest=12)
            field: nf.Field = nf.Chain(encoding, nf.networks.MLP(8, 3, width=16, depth=1))
        else:
            field = nf.networks.Siren(2, 3, width=16, depth=2, first_omega=5.0, hidden_omega=5.0)
        optimizer = Adam(lr=1e-3, table_lr=1e-2, epsilon=1e-4)
        with ops.backend(backend, ops.field_step):
            course = list(nf.steps(field, image, steps=20, batch=50, optimizer=optimizer))
        assert ("field_step" in course[-1].state.kernels) == (backend == "cpu")
        found.append(([step.loss for step in course], list(field.parameters())))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-4)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_values_are_not_computed_unseen() -> None:
    """Whatever traces or wraps tensors gets operators it can see, not memory filled behind its back."""
    torch.manual_seed(0)
    grid = nf.encodings.HashGrid(2, levels=2, log2_size=5, base=4, finest=8)
    field, x = nf.Chain(grid, nf.networks.MLP(4, 1, width=8, depth=1)), torch.rand(5, 2)
    with torch.no_grad():
        expected = field(x)
        torch.testing.assert_close(make_fx(field)(x)(x), expected)
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            assert field(mode.from_tensor(x)).shape == expected.shape
