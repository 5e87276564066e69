"""The eikonal term: by hand, its gradient, the same from every kernel, and a sphere."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import neuralfields as nf
from neuralfields import Chain, Field, ops
from neuralfields.encodings import HashGrid
from neuralfields.errors import InputError
from neuralfields.field import model_of
from neuralfields.fields import Affine
from neuralfields.fitting import Adam, Step
from neuralfields.fitting.loop import start
from neuralfields.geometry import Frame
from neuralfields.networks import MLP, Siren
from neuralfields.objectives import LOSSES, Eikonal
from neuralfields.ops import native
from neuralfields.ops.field_step import Samples
from neuralfields.ops.field_step.reference import field_step
from neuralfields.protocols import Batch

needs_core = pytest.mark.skipif(native.reason() is not None, reason="no native core")
OPTIMIZER = Adam(lr=1e-3, table_lr=1e-2, epsilon=1e-8)
RADIUS = 0.6


class Sphere:
    """Its signed distance at random points, the same ones for the same step."""

    kind, headline, in_dim, out_dim, size = "points", "l1", 3, 1, 1 << 20
    frame = Frame.of_box([-1.0] * 3, [1.0] * 3)

    def __init__(self, dtype: torch.dtype = torch.float32):
        self.dtype = dtype

    def draw(self, n: int, *, seed: int, step: int) -> Batch:
        x = torch.rand(n, 3, generator=torch.Generator().manual_seed(seed + step)).to(self.dtype) * 2 - 1
        return Batch(x, x.norm(dim=-1, keepdim=True) - RADIUS)

    def chunks(self, n: int) -> Iterator[Batch]:
        yield self.draw(n, seed=99, step=0)

    def measure(self, field: Any, *, thorough: bool = False) -> dict[str, float]:
        batch = self.draw(4096, seed=99, step=0)
        with torch.no_grad():
            return {"l1": float((field(batch.x) - batch.y).abs().mean())}

    def describe(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": "sphere", "shape": [self.size, 3], "sha256": ""}


def shape(*, output: bool = False, **options: Any) -> Field:
    torch.manual_seed(0)
    grid = HashGrid(3, levels=4, log2_size=12, base=4, finest=24)
    torch.nn.init.uniform_(grid.table, -0.3, 0.3)
    network = MLP(grid.out_dim, 1, width=32, **{"depth": 2, "bias": False, **options})
    return Chain(grid, network, Affine(1, scale=0.5, offset=0.1)) if output else Chain(grid, network)


def test_by_hand() -> None:
    slope = torch.tensor([[3.0], [4.0]])
    batch = Batch(torch.tensor([[0.1, 0.2], [-0.3, 0.4]]), torch.zeros(2, 1), torch.tensor([1.0, 0.0]))
    terms = Eikonal(weight=0.5)(lambda x: x @ slope, batch, 0)
    assert {name: float(term) for name, term in terms.items()} == pytest.approx({"l2": 1.1**2, "eikonal": 0.5 * 16})


@pytest.mark.parametrize("loss", LOSSES)
def test_it_adds_to_the_regression(loss: str) -> None:
    batch = Sphere().draw(50, seed=0, step=0)
    field = shape()
    terms = Eikonal(loss, 0.3)(field, batch, 0)
    assert list(terms) == [loss, "eikonal"]
    data = nf.objectives.Regression(loss)(field, batch, 0)[loss]
    assert float(terms[loss].detach()) == pytest.approx(float(data.detach()))
    x = batch.x.requires_grad_()
    (slopes,) = torch.autograd.grad(field(x).sum(), x)
    wanted = 0.3 * (slopes.norm(dim=-1) - 1).square().mean().detach()
    assert float(terms["eikonal"].detach()) == pytest.approx(float(wanted), rel=1e-4)


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    field = Siren(3, 1, width=8, depth=2, first_omega=3.0, hidden_omega=2.0).double()
    batch = Sphere(torch.float64).draw(20, seed=1, step=0)

    def total() -> Tensor:
        return torch.stack(list(Eikonal(weight=0.7)(field, batch, 0).values())).sum()

    total().backward()
    for parameter in field.parameters():
        assert parameter.grad is not None
        flat, index, nudge = parameter.data.view(-1), parameter.numel() // 2, 1e-6
        kept = flat[index].clone()
        values = []
        for sign in (1, -1):
            flat[index] = kept + sign * nudge
            values.append(float(total().detach()))
        flat[index] = kept
        assert float(parameter.grad.view(-1)[index]) == pytest.approx((values[0] - values[1]) / (2 * nudge), rel=1e-5)


@pytest.mark.parametrize("backend", [None, "reference"])
def test_a_gradient_of_zero_gives_zero_and_not_nan(backend: str | None) -> None:
    """A table of zeros makes a field that is constant."""
    for objective in (Eikonal(weight=1.0), plain(Eikonal(weight=1.0))):
        field = shape()
        torch.nn.init.zeros_(field.parts[0].table)  # type: ignore[union-attr]
        with ops.wherever(backend):
            steps = list(nf.steps(field, Sphere(), objective=objective, optimizer=OPTIMIZER, steps=3, batch=64))
        assert steps[0].terms["eikonal"] == 1.0
        assert all(bool(p.isfinite().all()) for p in field.parameters())
    x = torch.rand(5, 3)
    weight = torch.zeros(3, 1, requires_grad=True)
    Eikonal()(lambda x: x @ weight, Batch(x, torch.zeros(5, 1)), 0)["eikonal"].backward()
    assert weight.grad is not None and not weight.grad.any()


def plain(objective: Eikonal) -> Any:
    """The same without a task: always through autograd."""
    return objective.__call__


def course(field: Field, objective: Any, backend: str | None, batch: int = 500) -> list[Step]:
    settings = {"objective": objective, "optimizer": OPTIMIZER, "steps": 6, "batch": batch}
    with ops.wherever(backend):
        return list(nf.steps(field, Sphere(next(field.parameters()).dtype), **settings))


@needs_core
@pytest.mark.parametrize(
    "options", [{}, {"output": True, "bias": True}, {"activation": "leaky_relu", "depth": 1}], ids=str
)
@pytest.mark.parametrize("loss", ["l2", "l1"])
def test_every_way_of_computing_it_gives_the_same_course(loss: str, options: dict[str, Any]) -> None:
    objective = Eikonal(loss, 0.1)
    exact = course(shape(**options).double(), plain(objective), "reference")
    ways = {
        "fused": course(shape(**options), objective, "cpu"),
        "modular": course(shape(**options), plain(objective), None),
        "reference": course(shape(**options), plain(objective), "reference"),
    }
    assert ways["fused"][0].state.kernels == {"field_step": "cpu"}
    assert "field_step" not in ways["modular"][0].state.kernels
    for name, found in ways.items():
        for step, wanted in zip(found, exact, strict=True):
            assert step.terms == pytest.approx(dict(wanted.terms), rel=2e-4), f"{name}, step {step.step}"


def test_the_reference_step_is_the_modular_step() -> None:
    """In float64, where rounding hides nothing."""
    objective = Eikonal("huber", 0.2)
    field, batch = shape().double(), Sphere(torch.float64).draw(200, seed=0, step=0)
    other = shape().double()
    state, model = start(other, optimizer=OPTIMIZER), model_of(other)
    assert model is not None
    updates = state.optimizer.updates(model.parameters)  # type: ignore[attr-defined]
    terms = field_step(model, Samples(batch.x, batch.y), objective.task(), updates)
    state = start(field, objective=objective, optimizer=OPTIMIZER)
    with ops.wherever("reference"):
        wanted = objective(field, batch, 0)
        sum(wanted.values()).backward()  # type: ignore[union-attr]
        state.optimizer.step()
    assert terms == pytest.approx([float(term.detach()) for term in wanted.values()])
    for left, right in zip(field.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(left, right)


def test_a_sphere_is_learnt() -> None:
    torch.manual_seed(0)
    grid = HashGrid(3, levels=4, log2_size=12, base=4, finest=16)
    field = Chain(grid, MLP(grid.out_dim, 1, width=32, depth=1))
    before = roughness(field)
    fit = nf.fit(field, Sphere(), objective=Eikonal(), optimizer=Adam(lr=3e-3, table_lr=1e-2), steps=300, batch=2048)
    assert fit.metrics["l1"] < 0.01
    assert roughness(field) < min(0.05, before / 5)
    on = torch.nn.functional.normalize(torch.randn(500, 3, generator=torch.Generator().manual_seed(4)), dim=-1) * RADIUS
    with torch.no_grad():
        assert float(field(on).abs().max()) < 0.04
        assert float(field(torch.zeros(1, 3))) < -0.4 and float(field(torch.full((1, 3), 0.9))) > 0.7


def roughness(field: Field) -> float:
    """Mean of (|grad f| - 1)^2 away from the centre, where a distance has no gradient."""
    x = Sphere().draw(2000, seed=5, step=0).x
    slopes = nf.calculus.gradient(field, x[x.norm(dim=-1) > 0.2]).detach()
    return float((slopes.norm(dim=-1) - 1).square().mean())


def test_more_than_one_output() -> None:
    batch = Batch(torch.zeros(4, 2), torch.zeros(4, 3))
    with pytest.raises(InputError, match="for a field with 1 output, the signal has 3"):
        Eikonal()(MLP(2, 3), batch, 0)
    with pytest.raises(InputError, match="this has 3"):
        Eikonal()(MLP(2, 3), Batch(torch.zeros(4, 2), torch.zeros(4, 1)), 0)


def test_values_out_of_range() -> None:
    for weight in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(InputError, match=f"the eikonal term's weight is positive and finite, got {weight}"):
            Eikonal(weight=weight)
    with pytest.raises(InputError, match="no loss is called 'l3'"):
        Eikonal("l3")


def test_psnr_is_told_for_l2_only() -> None:
    assert Eikonal().psnr({"l2": 0.01, "eikonal": 3.0}) == pytest.approx(20)
    assert Eikonal("l1").psnr({"l1": 0.01, "eikonal": 3.0}) is None
