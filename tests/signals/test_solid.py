"""Known shapes as signals: exact values, and fields that learn them."""

import numpy as np
import pytest
import torch

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.geometry import solids
from neuralfields.protocols import Source
from neuralfields.signals import Sampling, Solid

FEW = Sampling(samples=40_000)
TORUS = solids.torus(0.5, 0.2)
PART = solids.difference(solids.box((0.5, 0.4, 0.6)), solids.cylinder(0.25, 1.0))


def test_values_are_those_of_the_function() -> None:
    signal = Solid(TORUS, sampling=FEW)
    batch = signal.draw(40_000, seed=0, step=0)
    assert (batch.y - TORUS(batch.x.double())).abs().max() < 1e-6
    assert (batch.y == 0).float().mean() == pytest.approx(0.25, abs=1e-3)
    apart = Solid(TORUS, form="udf", sampling=FEW).draw(1000, seed=0, step=0)
    assert (apart.y - TORUS(apart.x.double()).abs()).abs().max() < 1e-6
    inside = Solid(TORUS, form="occupancy", sampling=FEW).draw(1000, seed=0, step=0)
    assert torch.equal(inside.y > 0.5, TORUS(inside.x.double()) < 0)


@pytest.mark.parametrize("level", [TORUS, PART, solids.gyroid(2.0, 0.4)])
def test_points_of_the_surface_lie_on_it(level: solids.Solid) -> None:
    points = Solid(level).on_surface(2000, np.random.default_rng(0))
    x = torch.from_numpy(points)
    off = level(x)[:, 0].abs()
    within = x.abs().amax(1) < 0.99  # where a solid leaves the box, its mesh is closed by the box's sides
    assert off[within].quantile(0.99) < 1e-6


def test_the_truth_is_judged_perfect() -> None:
    found = Solid(TORUS, sampling=FEW).measure(TORUS, thorough=True)
    assert found["iou"] == 1 and found["iou_near"] == 1
    assert found["distance_error"] < 1e-6 and found["hausdorff"] < 2e-3


def test_it_is_fitted() -> None:
    signal = Solid(PART, sampling=Sampling(samples=1 << 17))
    torch.manual_seed(0)
    recipe = nf.recipes.sdf(signal)
    fit = nf.fit(recipe.field, signal, **recipe.settings | {"steps": 400, "batch": 4096})
    assert fit.metrics["iou"] > 0.98 and fit.headline == "iou"


def test_it_is_known_by_its_values() -> None:
    assert isinstance(Solid(TORUS), Source) is False  # it comes from no file
    one, other = Solid(TORUS).describe(), Solid(solids.torus(0.5, 0.21)).describe()
    assert one["sha256"] == Solid(TORUS, name="ring").describe()["sha256"] != other["sha256"]


def test_nothing_to_sample() -> None:
    with pytest.raises(InputError, match="no surface"):
        Solid(solids.sphere(0.1, (3, 3, 3))).prepare()
    with pytest.raises(InputError, match="form"):
        Solid(TORUS, form="mesh")
