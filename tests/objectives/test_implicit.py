"""Oriented points: terms by hand, derivatives, kernels, and a sphere."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import neuralfields as nf
from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.networks import MLP, Siren
from neuralfields.objectives import OrientedPoints
from neuralfields.ops import native
from neuralfields.protocols import Batch, SurfaceBatch
from neuralfields.signals import PointCloud

needs_core = pytest.mark.skipif(native.reason() is not None, reason="no native core")
TERMS = ("on_surface", "off_surface", "normals", "eikonal", "outside")
RADIUS = 0.9  # of a ball that fills the frame of its points


def sphere(n: int = 2000) -> PointCloud:
    points = torch.nn.functional.normalize(torch.randn(n, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    return PointCloud(points, points, name="sphere")


def batch(dtype: torch.dtype = torch.float32, n: int = 12) -> SurfaceBatch:
    drawn = sphere().draw(n, seed=0, step=0)
    assert drawn.normal is not None
    return replace(drawn, x=drawn.x.to(dtype), y=drawn.y.to(dtype), normal=drawn.normal.to(dtype))


def test_by_hand() -> None:
    """f = 3 x + 4 y, whose gradient has the length 5."""
    slope = torch.tensor([[3.0], [4.0], [0.0]])
    x = torch.tensor([[0.1, 0.0, 0.7], [0.0, -0.1, 0.2], [0.01, 0.0, 0.0], [0.0, 0.0, 1.0]])
    normal = torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    on = torch.tensor([True, True, False, False])
    given = SurfaceBatch(x, torch.zeros(4, 1), normal=normal, on_surface=on)
    terms = OrientedPoints(on_surface=2, off_surface=3, normals=5, eikonal=7, sharpness=10)(
        lambda x: x @ slope, given, 0
    )
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(
        {
            "on_surface": 2 * (0.3 + 0.4) / 4,
            "off_surface": 3 * (math.exp(-0.3) + 1) / 4,
            "normals": 5 * (0 + 1) / 4,
            "eikonal": 7 * 4,
        }
    )


def test_inside_beyond_the_shapes_side_is_wrong() -> None:
    x = torch.tensor([[0.95, 0.0, 0.0], [0.0, -0.91, 0.5], [0.89, -0.89, 0.0], [0.0, 0.0, 1.0]])
    given = SurfaceBatch(x, torch.zeros(4, 1), on_surface=torch.zeros(4, dtype=torch.bool))
    terms = OrientedPoints(0, 0, 0, 0, outside=2)(lambda x: -x[:, :1], given, 0)
    assert {name: float(term) for name, term in terms.items()} == pytest.approx({"outside": 2 * 0.95 / 4})


def test_the_papers_weights() -> None:
    assert OrientedPoints() == OrientedPoints(3000, 100, 100, 50, outside=0, sharpness=100)


def test_a_weight_of_zero_leaves_its_term_out() -> None:
    given = replace(batch(), normal=None)
    assert list(OrientedPoints(1, 0, 0, 0.1)(Siren(3, 1, width=4), given, 0)) == ["on_surface", "eikonal"]
    assert list(OrientedPoints(1, 0, 1, 0.1)(Siren(3, 1, width=4), batch(), 0)) == ["on_surface", "normals", "eikonal"]


def network(width: int = 8) -> Siren:
    torch.manual_seed(0)
    return Siren(3, 1, width=width, depth=2, first_omega=3.0, hidden_omega=2.0)


@pytest.mark.parametrize("term", TERMS)
def test_gradients_are_those_of_finite_differences(term: str) -> None:
    field, given = network().double(), batch(torch.float64)
    weights = dict.fromkeys(TERMS, 0.0)
    objective = OrientedPoints(**weights | {term: 3.0}, sharpness=2.0)

    def total() -> Tensor:
        (found,) = objective(field, given, 0).values()
        return found

    total().backward()
    for parameter in field.parameters():
        if parameter.grad is None:
            assert term in ("normals", "eikonal") and parameter.shape == (1,)  # a constant has no slope
            continue
        flat, index, nudge = parameter.data.view(-1), parameter.numel() // 2, 1e-6
        kept = flat[index].clone()
        values = []
        for sign in (1, -1):
            flat[index] = kept + sign * nudge
            values.append(float(total().detach()))
        flat[index] = kept
        wanted = (values[0] - values[1]) / (2 * nudge)
        assert float(parameter.grad.view(-1)[index]) == pytest.approx(wanted, rel=1e-5, abs=1e-8)


@needs_core
def test_second_derivatives_are_the_kernels() -> None:
    exact = network(32).double()
    wanted = OrientedPoints()(exact, batch(torch.float64, 200), 0)
    torch.stack(list(wanted.values())).sum().backward()
    field, given = network(32), batch(n=200)
    with ops.used() as used, ops.backend("cpu", ops.sine_mlp):
        found = OrientedPoints()(field, given, 0)
        torch.stack(list(found.values())).sum().backward()
    assert used == {"sine_mlp": "cpu"}
    for name, term in found.items():
        assert float(term.detach()) == pytest.approx(float(wanted[name].detach()), rel=1e-5)
    for one, other in zip(field.parameters(), exact.parameters(), strict=True):
        assert one.grad is not None and other.grad is not None
        torch.testing.assert_close(one.grad.double(), other.grad, rtol=1e-4, atol=1e-4 * float(other.grad.abs().max()))


def test_a_gradient_of_zero_gives_zero_and_not_nan() -> None:
    weight = torch.zeros(3, 1, requires_grad=True)
    terms = OrientedPoints()(lambda x: x @ weight, batch(), 0)
    torch.stack([terms["normals"], terms["eikonal"]]).sum().backward()
    assert weight.grad is not None and bool(weight.grad.isfinite().all())


def test_a_sphere_is_learnt() -> None:
    torch.manual_seed(0)
    field = Siren(3, 1, width=32, depth=3, first_omega=5.0, hidden_omega=5.0)
    optimizer, decay = nf.fitting.Adam(lr=4e-3), nf.fitting.Decay(0, 0.1)
    fit = nf.fit(field, sphere(), objective=OrientedPoints(), optimizer=optimizer, decay=decay, steps=150, batch=1000)
    x = torch.rand(50_000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    radius = x.norm(dim=-1)
    with torch.no_grad():
        found, wanted = field(x)[:, 0] < 0, radius < RADIUS
    assert float((found & wanted).sum() / (found | wanted).sum()) > 0.97
    assert fit.metrics["points_to_surface"] < 0.005 and fit.metrics["normal_error"] < 3
    slopes = nf.calculus.gradient(field, x[(radius - RADIUS).abs() < 0.02]).detach().norm(dim=-1)
    assert float((slopes - 1).abs().median()) < 0.1


def test_batches_that_do_not_tell_the_surface() -> None:
    x, y = torch.zeros(4, 3), torch.zeros(4, 1)
    for given in (Batch(x, y), SurfaceBatch(x, y)):
        with pytest.raises(InputError, match="is told by such as PointCloud, not by this"):
            OrientedPoints()(MLP(3, 1), given, 0)
    with pytest.raises(InputError, match="the samples have no normals: estimate them"):
        OrientedPoints()(MLP(3, 1), SurfaceBatch(x, y, on_surface=torch.ones(4, dtype=torch.bool)), 0)
    with pytest.raises(InputError, match="this has 2"):
        OrientedPoints()(MLP(3, 2), batch(), 0)


@pytest.mark.parametrize("wrong", [{"on_surface": -1.0}, {"normals": math.nan}, {"sharpness": math.inf}], ids=str)
def test_weights_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="weights and sharpness are finite and from 0 on"):
        OrientedPoints(**wrong)


def test_one_weight_at_least() -> None:
    with pytest.raises(InputError, match="one weight at least is above 0"):
        OrientedPoints(0, 0, 0, 0)


def test_the_first_steps_fit_the_values() -> None:
    given = batch()
    for step, names in ((0, {"start"}), (2, {"start"}), (3, {"on_surface", "off_surface", "normals", "eikonal"})):
        terms = OrientedPoints(start=3)(lambda x: x[:, :1], given, step)
        assert set(terms) == names
    wanted = (given.x[:, :1] - given.y).square().mean()
    assert float(OrientedPoints(start=1)(lambda x: x[:, :1], given, 0)["start"]) == pytest.approx(float(wanted))
