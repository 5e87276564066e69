"""Whole radiance fields against their definition: what rays see, and training steps."""

import copy
import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.ops import GridLayout, native
from neuralfields.ops.field_step import Grid, Network, Task, Update
from neuralfields.ops.radiance import RadianceModel, RaySamples

needs_core = pytest.mark.skipif(native.reason() is not None, reason=f"the native core {native.reason()}")
BACKENDS = ["reference", pytest.param("cpu", marks=needs_core)]
BOTH = ops.radiance_step, ops.radiance_values
STEPS = 3


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def within(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def network(*sizes: int, bias: bool, activation: str = "relu", seed: int = 0) -> Network:
    weights = [noise(b, a, seed=seed + i) / a**0.5 for i, (a, b) in enumerate(itertools.pairwise(sizes))]
    biases = [noise(b, seed=seed + 50 + i) * 0.2 for i, b in enumerate(sizes[1:])] if bias else None
    return Network(weights, biases, activation, [3.0] * (len(sizes) - 2) if activation == "sine" else ())


def model(name: str = "plain") -> RadianceModel:
    layout = GridLayout(3, 4, 9, 3, 24)
    made = RadianceModel(
        Grid(noise(layout.entries, 2, seed=4), layout, "linear"),
        network(8, 24, 6, bias=False),
        network(6 + 9, 16, 3, bias=False, seed=20),
        within(12, 12, 12) < 0.4,
        step=0.04,
        degree=3,
        shift=0.5,
    )
    wide = GridLayout(3, 2, 8, 4, 9)
    changes: dict[str, dict[str, Any]] = {
        "plain": {},
        "thin": {"shift": -3.0},
        "dense": {"shift": 4.0},
        "no stop": {"stop": 0.0},
        "biases": {"trunk": network(8, 24, 6, bias=True), "colour": network(15, 16, 9, 3, bias=True, seed=20)},
        "smooth": {"trunk": network(8, 17, 6, bias=True, activation="softplus")},
        "sine": {"trunk": network(8, 17, 6, bias=True, activation="sine")},
        "one map": {"trunk": network(8, 6, bias=False), "colour": network(15, 3, bias=True)},
        "three features": {
            "grid": Grid(noise(wide.entries, 3, seed=4), wide, "smoothstep"),
            "trunk": network(6, 24, 6, bias=False),
        },
        "degree 1": {"degree": 1, "colour": network(7, 16, 3, bias=False)},
        "degree 8": {"degree": 8, "colour": network(70, 16, 3, bias=False)},
        "cone": {"cone": 0.02, "near": 2.2},
        "unbounded": {"cone": 0.05, "unbounded": True},
        "full": {"occupied": torch.ones(7, 7, 7, dtype=torch.bool)},
    }
    return replace(made, **changes[name])


NETWORKS = ["plain", "biases", "smooth", "sine", "one map", "three features", "degree 1", "degree 8"]
MODELS = [*NETWORKS, "thin", "dense", "no stop", "cone", "unbounded", "full"]


def rays(n: int, *, seed: int = 0) -> Tensor:
    origin = noise(n, 3, seed=seed)
    origin = origin / origin.norm(dim=1, keepdim=True) * 3
    direction = noise(n, 3, seed=seed + 1) * 0.7 - origin
    return torch.cat([origin, direction / direction.norm(dim=1, keepdim=True)], 1)


def samples(n: int, *, seed: int = 0) -> RaySamples:
    return RaySamples(
        rays(n, seed=10 * seed), within(n, 4, seed=seed + 1), within(n, 3, seed=seed + 2), within(n, seed=seed + 3)
    )


def updates(model: RadianceModel) -> list[Update]:
    """Fresh moments. The large epsilon keeps an update smooth where a gradient is almost zero."""
    return [
        Update(
            *(p, torch.zeros_like(p), torch.zeros_like(p)),
            torch.zeros(len(p), dtype=torch.int32) if i == 0 else torch.tensor(0.0),
            *(i == 0, 3e-2 if i == 0 else 1e-2, 0.9, 0.99, 1e-3),
        )
        for i, p in enumerate(model.parameters)
    ]


def run(
    backend: str, model: RadianceModel, loss: str, n: int, dtype: torch.dtype = torch.float32, stretch: float = 1
) -> dict[str, Tensor]:
    """Results, parameters, moments and counters after several steps from the same start, and then what rays see.

    Steps along rays are stretched in all steps but the first.
    """
    model = model.with_parameters([p.clone().to(dtype) for p in model.parameters])
    state, results = updates(model), []
    with ops.backend(backend, *BOTH), torch.no_grad():
        for step in range(STEPS):
            given = samples(n, seed=step)
            tensors = (t.to(dtype) for t in (given.x, given.y, given.background, given.jitter))  # type: ignore[union-attr]
            given = RaySamples(*tensors, stretch=stretch if step else 1)
            results.append(ops.radiance_step(model, given, Task(loss), state))
        seen = ops.radiance_values(model, rays(n, seed=7).to(dtype))
    tensors = {
        f"{what} {i}": getattr(u, what) for i, u in enumerate(state) for what in ("parameter", "mean", "square", "step")
    }
    return {"results": torch.tensor(results, dtype=torch.float64), "seen": seen, **tensors}


def compare(model: RadianceModel, loss: str, n: int, stretch: float = 1) -> None:
    exact = run("reference", model, loss, n, torch.float64, stretch)
    plain, fast = (run(backend, model, loss, n, stretch=stretch) for backend in ("reference", "cpu"))
    for name, value in fast.items():
        wanted = exact[name].double()
        scale = float(wanted.abs().max())
        own, error = (float((found.double() - wanted).abs().max()) for found in (plain[name], value))
        # Twice the reference's own error, and some roundings because a few numbers may be right by luck.
        assert error <= 2 * own + 4e-6 * scale, (
            f"{name} is off by {error:.3g}, the reference by {own:.3g} of {scale:.3g}"
        )
    assert float((fast["parameter 0"] - model.parameters[0]).abs().max()) > 1e-3


@needs_core
@pytest.mark.parametrize("n", [1, 40, 300])
@pytest.mark.parametrize("name", MODELS)
def test_models_and_sizes(name: str, n: int) -> None:
    compare(model(name), "l2", n)


@needs_core
@pytest.mark.parametrize("name", ["plain", "cone", "unbounded"])
def test_longer_steps_along_rays(name: str) -> None:
    """They give what a model with longer steps gives, and the model keeps its own."""
    made = model(name)
    compare(made, "l2", 100, 2.5)
    found = []
    for given in (made, replace(made, step=2.5 * made.step, cone=2.5 * made.cone)):
        own = given.with_parameters([p.clone() for p in given.parameters])
        rest = replace(samples(60), stretch=2.5 if given is made else 1)
        found.append((ops.radiance_step(own, rest, Task("l2"), updates(own)), own.parameters))
    assert found[0][0] == found[1][0] and all(map(torch.equal, found[0][1], found[1][1]))
    with pytest.raises(InputError, match="stretch is positive and finite, got 0"):
        replace(samples(1), stretch=0)


@needs_core
@pytest.mark.parametrize("loss", ["huber", "l1", "relative_l2"])
def test_losses(loss: str) -> None:
    compare(model(), loss, 100)


@needs_core
@pytest.mark.parametrize("name", ["plain", "unbounded"])
def test_same_bits_on_any_threads(name: str) -> None:
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(run("cpu", model(name), "l2", 700))
    for other in found[1:]:
        assert all(torch.equal(other[key], value) for key, value in found[0].items())


@needs_core
@pytest.mark.skipif(native.build_name() != "v4bf16", reason="this CPU, or this build of the core, has no bf16")
def test_in_bf16() -> None:
    """What rays see and the gradients' directions stay; on any number of threads the same."""
    layout = GridLayout(3, 8, 9, 3, 24)
    table, trunk = Grid(noise(layout.entries, 2), layout, "linear"), network(16, 32, 6, bias=False)
    made, found = replace(model(), grid=table, trunk=trunk), []
    exact = run("reference", made, "l2", 200)
    torch.set_float32_matmul_precision("medium")
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(run("cpu", made, "l2", 200))
    finally:
        torch.set_float32_matmul_precision("highest")
    assert all(torch.equal(found[1][name], value) for name, value in found[0].items())
    torch.testing.assert_close(found[0]["results"][:, 0], exact["results"][:, 0], rtol=1e-2, atol=0)
    assert 1e-5 < float((found[0]["seen"] - exact["seen"]).norm() / exact["seen"].norm()) < 1e-2
    for name in ("mean 0", "mean 1", "mean 4"):
        assert float(torch.cosine_similarity(found[0][name].flatten(), exact[name].flatten(), 0)) > 0.99


@needs_core
def test_a_ray_among_others_and_alone() -> None:
    made, given = model(), rays(1100)
    with torch.no_grad(), ops.backend("cpu", ops.radiance_values):
        every = ops.radiance_values(made, given)
        for some in (slice(0, 1), slice(500, 700), slice(3, 1000)):
            assert torch.equal(ops.radiance_values(made, given[some]), every[some])


@needs_core
def test_no_sample_is_left_out_where_there_are_many() -> None:
    """The room for samples grows from step to step."""
    made = replace(model("thin"), occupied=torch.ones(4, 4, 4, dtype=torch.bool), step=0.002)
    state = updates(made)
    with ops.backend("cpu", ops.radiance_step):
        for n in (3, 50, 400, 20):
            given = samples(n)
            _, counted = ops.radiance_step(made, given, Task("l2"), state)
            _, _, count = ops.march(given.x, made.occupied, made.step, jitter=given.jitter)
            assert counted == pytest.approx(float(count.sum()) / n, rel=0.05)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_there(backend: str) -> None:
    """The loss is that of the background, and no update happens."""
    made = replace(model(), occupied=torch.zeros(4, 4, 4, dtype=torch.bool))
    state, given = updates(made), samples(30)
    before = copy.deepcopy(state)
    with ops.backend(backend, *BOTH), torch.no_grad():
        loss, counted = ops.radiance_step(made, given, Task("l2"), state)
        assert not ops.radiance_values(made, given.x).any()
    colour, alpha = given.y[:, :3], given.y[:, 3:]
    target = alpha * colour + (1 - alpha) * given.background
    assert loss == pytest.approx(float((given.background - target).square().mean()), rel=1e-5) and counted == 0
    unchanged(before, state)


def unchanged(before: list[Update], after: list[Update]) -> None:
    for old, new in zip(before, after, strict=True):
        for what in ("parameter", "mean", "square", "step"):
            assert torch.equal(getattr(old, what), getattr(new, what))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("broken", ["x", "y", "background", "jitter"])
def test_a_loss_that_is_not_finite_changes_nothing(backend: str, broken: str) -> None:
    made = model()
    state = updates(made)
    with ops.backend(backend, ops.radiance_step):
        ops.radiance_step(made, samples(100), Task("l2"), state)
        before = copy.deepcopy(state)
        given = samples(100)
        getattr(given, broken)[7] = math.nan
        loss, _ = ops.radiance_step(made, given, Task("l2"), state)
        assert math.isnan(loss)
        unchanged(before, state)
        assert math.isfinite(ops.radiance_step(made, samples(100), Task("l2"), state)[0])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_ray_that_is_not_finite_sees_nothing_else(backend: str, bad: float) -> None:
    made, given = model(), rays(20)
    with torch.no_grad(), ops.backend(backend, ops.radiance_values):
        wanted = ops.radiance_values(made, given)
        given[3, 1], given[11, 4] = bad, bad
        found = ops.radiance_values(made, given)
    others = torch.tensor([i not in (3, 11) for i in range(20)])
    assert bool(found[~others].isnan().all())
    torch.testing.assert_close(found[others], wanted[others])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_ray_beside_the_box_sees_the_background(backend: str) -> None:
    given = samples(5)
    given.x[2, 3:] *= -1
    made = model()
    state = updates(made)
    with torch.no_grad(), ops.backend(backend, *BOTH):
        assert not ops.radiance_values(made, given.x)[2].any()
        assert math.isfinite(ops.radiance_step(made, given, Task("l2"), state)[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_densities_beyond_measure(backend: str) -> None:
    """Opaque at once; the gradients stay finite."""
    made = replace(model("full"), shift=200.0)
    state = updates(made)
    with torch.no_grad(), ops.backend(backend, *BOTH):
        seen = ops.radiance_values(made, rays(50))
        hit = seen[:, 3] > 0
        assert bool(seen.isfinite().all()) and bool((seen[hit, 3] == 1).all()) and int(hit.sum()) > 30
        loss, counted = ops.radiance_step(made, samples(50), Task("l2"), state)
    assert math.isfinite(loss) and 0 < counted <= 1
    assert all(bool(u.parameter.isfinite().all()) for u in state)


@pytest.mark.parametrize("backend", BACKENDS)
def test_learns(backend: str) -> None:
    """A white ball in front of any background."""
    made = replace(model("full"), step=0.1, shift=-1.0)
    state = [replace(update, epsilon=1e-12) for update in updates(made)]
    x = rays(400)
    closest = torch.linalg.cross(x[:, :3], x[:, 3:]).norm(dim=1)
    y = torch.cat([torch.ones(400, 3), (closest < 0.5).float()[:, None]], 1)
    losses = []
    with ops.backend(backend, ops.radiance_step):
        for step in range(40):
            given = RaySamples(x, y, within(400, 3, seed=step), within(400, seed=step + 99))
            losses.append(ops.radiance_step(made, given, Task("l2"), state)[0])
    assert losses[-1] < 0.3 * losses[0]


@needs_core
def test_refusals() -> None:
    made, given = model(), samples(5)
    state = updates(made)
    step: list[tuple[Any, str]] = [
        ((made, given, Task("l2"), state), "cpu (first choice)"),
        ((made, replace(given, y=given.y.double()), Task("l2"), state), "takes float32, not float64"),
        ((made, given, Task("l2"), [replace(u, lazy=False) for u in state]), "updates tables lazily"),
        ((made, given, Task("l2"), [state[0], *(replace(u, lr=i) for i, u in enumerate(state[1:]))]), "takes one rate"),
        ((made, given, Task("l2"), updates(model())), "updates the model's parameters in their order"),
    ]
    for arguments, text in step:
        assert text in ops.radiance_step.explain(*arguments)
    turned = replace(made, occupied=made.occupied.permute(2, 1, 0))
    with torch.no_grad():
        assert "a contiguous occupancy grid" in ops.radiance_values.explain(turned, given.x)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"degree": 9}, "degree is between 1 and 8, got 9"),
        ({"degree": 2}, r"weight 0 is \[out, 10\], got \[16, 15\]"),
        ({"stop": 1.0}, "from 0 to below 1, got 1.0"),
        ({"step": -1.0}, "step is positive and finite, got -1.0"),
        ({"trunk": network(7, 6, bias=False)}, r"weight 0 is \[out, 8\], got \[6, 7\]"),
        ({"colour": network(15, 4, bias=False)}, "has 3 outputs, got 4"),
    ],
)
def test_what_is_no_model(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(model(), **change)


def test_contract() -> None:
    made, given = model(), samples(5)
    state = updates(made)
    wrong: list[tuple[Any, str]] = [
        ((made, samples(0), Task("l2"), state), "one ray or more"),
        ((made, replace(given, y=given.y[:, :3]), Task("l2"), state), r"have targets \[5, 4\]"),
        ((made, replace(given, jitter=given.jitter[:2]), Task("l2"), state), r"jitter \[5\]"),  # type: ignore[index]
        ((made, given, Task("l7"), state), "no loss is called 'l7'"),
        ((made, given, Task("l2", 0.1), state), "no eikonal term"),
        ((made, given, Task("l2"), state[1:]), "3 updates|has 5 parameters"),
    ]
    for arguments, words in wrong:
        with pytest.raises(InputError, match=words):
            ops.radiance_step(*arguments)
    with pytest.raises(InputError, match=r"rays \[n, 6\]"):
        ops.radiance_values(made, torch.zeros(4, 3))
