"""Meshes as signals: where the samples lie, what they say, how fields are judged."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.geometry import Triangles
from neuralfields.protocols import Source
from neuralfields.signals import Mesh, Sampling

FEW = Sampling(samples=20_000)


def ball(radius: float = 3.0, centre: tuple[float, float, float] = (0.0, 0.0, 0.0), subdivisions: int = 4) -> Triangles:
    mesh = trimesh.creation.icosphere(subdivisions, radius)
    return Triangles(mesh.vertices + np.asarray(centre), mesh.faces)


def exact(x: torch.Tensor) -> torch.Tensor:
    """The signed distance of the ball in the box, whose longest side spans [-0.9, 0.9]."""
    return x.norm(dim=-1, keepdim=True) - 0.9


@pytest.mark.parametrize("form", nf.render.FORMS)
def test_samples_tell_the_truth(form: str) -> None:
    signal = Mesh(ball(5.0, (100.0, -3.0, 7.0)), form=form, sampling=FEW)
    batch = signal.draw(20_000, seed=3, step=0)
    distance = exact(batch.x)
    truth = {"sdf": distance, "udf": distance.abs(), "occupancy": (distance < 0).float()}[form]
    sure = distance.abs() > 2e-3 if form == "occupancy" else torch.ones_like(distance, dtype=torch.bool)
    assert (batch.y - truth)[sure].abs().max() < 2e-3  # the ball is made of triangles
    assert batch.x.abs().max() <= 1
    if form != "occupancy":
        assert (batch.y == 0).float().mean() == pytest.approx(0.25, abs=1e-3)


def test_the_shares_are_kept() -> None:
    shares = Sampling(surface=0.5, near=0.3, box=0.2, spreads=(0.01,), samples=50_000)
    distance = exact(Mesh(ball(), sampling=shares).draw(50_000, seed=0, step=0).x)[:, 0]
    assert (distance.abs() < 1.5e-3).float().mean() == pytest.approx(0.5 + 0.3 * 0.119 + 0.2 * 0.004, abs=0.01)
    assert (distance.abs() > 0.05).float().mean() == pytest.approx(0.2 * 0.88, abs=0.015)


def test_curvature_draws_samples_to_where_it_bends() -> None:
    plate = trimesh.creation.box((2.0, 2.0, 0.5)).subdivide_loop(0)
    for _ in range(5):
        plate = plate.subdivide()
    mesh = Triangles(plate.vertices, plate.faces)
    near = {}
    for share in (0.0, 0.8):
        signal = Mesh(mesh, sampling=Sampling(surface=1, near=0, box=0, curvature=share, samples=10_000))
        x = signal.draw(10_000, seed=0, step=0).x.abs() / torch.tensor([0.9, 0.9, 0.225])
        near[share] = float(((x > 0.9).sum(1) >= 2).float().mean())
    assert near[0.8] > 2 * near[0.0]


def test_batches_go_through_the_pool_and_begin_where_the_seed_says() -> None:
    signal = Mesh(ball(), sampling=Sampling(samples=1000))
    seen = torch.cat([signal.draw(300, seed=1, step=step).x for step in range(10)])
    assert len(torch.unique(seen, dim=0)) == len(torch.unique(torch.cat([b.x for b in signal.chunks(64)]), dim=0))
    again, other = signal.draw(300, seed=1, step=7), signal.draw(300, seed=2, step=7)
    assert torch.equal(again.x, seen[2100:2400])
    assert not torch.equal(again.x, other.x)
    assert len(signal.draw(5000, seed=0, step=0)) == signal.size == 1000


def test_the_same_mesh_gives_the_same_pool_and_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Mesh(ball(), sampling=FEW).draw(500, seed=0, step=5) for _ in range(2))
    assert torch.equal(first.x, second.x) and torch.equal(first.y, second.y)
    monkeypatch.setattr("neuralfields.signals.shape._BLOCK", 3000)
    signal = Mesh(ball(), sampling=FEW)
    whole = signal.draw(20_000, seed=0, step=0)
    assert (whole.y - exact(whole.x)).abs().max() < 2e-3


def test_the_truth_is_judged_perfect() -> None:
    found = Mesh(ball(subdivisions=5), sampling=FEW).measure(exact, thorough=True)
    assert found["iou"] > 0.998 and found["iou_near"] > 0.94
    assert found["distance_error"] < 1e-3 and found["chamfer_l1"] < 1e-3 and found["hausdorff"] < 3e-3
    assert found["normal_error"] < 1.5
    assert found["iou_samples"] == 256**3 and found["iou_near_samples"] > 100_000


def test_what_is_wrong_is_judged_so() -> None:
    signal = Mesh(ball(subdivisions=5), sampling=FEW)
    smaller = signal.measure(lambda x: exact(x) + 0.09)
    assert smaller["iou"] == pytest.approx(0.9**3, abs=5e-3)
    assert smaller["distance_error"] == pytest.approx(0.09, abs=1e-3)
    assert signal.measure(lambda x: -exact(x))["iou"] < 0.01


def test_occupancy_and_udf_are_judged_in_their_own_way() -> None:
    inside = Mesh(ball(), form="occupancy", sampling=FEW)
    assert inside.headline == "iou"
    found = inside.measure(lambda x: -10 * exact(x))
    assert found["iou"] > 0.99 and "distance_error" not in found
    apart = Mesh(ball(), form="udf", sampling=FEW)
    assert apart.headline == "distance_error"
    found = apart.measure(lambda x: exact(x).abs(), thorough=True)
    assert found["distance_error"] < 2e-3 and "iou" not in found
    assert found["chamfer_l1"] < 3e-3 and found["hausdorff"] < 0.02 and found["normal_error"] < 8


def test_what_has_no_inside_has_no_iou() -> None:
    triangle = Triangles([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])  # type: ignore[arg-type]
    found = Mesh(triangle, sampling=FEW).measure(lambda x: x.norm(dim=-1, keepdim=True))
    assert math.isnan(found["iou"])


def test_an_exact_field_of_a_torn_mesh_is_judged_so() -> None:
    whole = ball(subdivisions=5)
    kept = np.random.default_rng(0).random(len(whole.faces)) > 0.2
    torn = Mesh(Triangles(whole.vertices, whole.faces[kept]), sampling=FEW)
    assert torn.measure(exact)["iou"] > 0.985


def test_open_surfaces_say_so_and_how_sure_the_sides_are() -> None:
    whole = ball()
    half = Triangles(whole.vertices, whole.faces[whole.vertices[whole.faces, 2].mean(1) < 1.0])
    signal = Mesh(half, sampling=FEW)
    assert "open" in signal.extent
    assert "not closed" in signal.notes[-1] and "--as udf" in signal.notes[-1]
    assert 0.001 < signal.doubt < 0.5
    assert Mesh(half, form="udf", sampling=FEW).notes == []
    closed = Mesh(whole, sampling=FEW)
    assert closed.doubt == 0 and closed.notes == [] and "closed" in closed.extent


def test_holes_hardly_move_the_field() -> None:
    whole = ball(subdivisions=5)
    kept = np.random.default_rng(0).random(len(whole.faces)) > 0.2
    signal = Mesh(Triangles(whole.vertices, whole.faces[kept]), sampling=FEW)
    batch = signal.draw(20_000, seed=0, step=0)
    wrong = (batch.y < 0) != (exact(batch.x) < 0)
    assert wrong[exact(batch.x).abs() > 3e-3].float().mean() < 0.02


def test_the_frame_brings_back_position_and_units() -> None:
    signal = Mesh(ball(5.0, (100.0, -3.0, 7.0)), sampling=FEW)
    points = torch.from_numpy(signal.on_surface(100, np.random.default_rng(0)))
    world = signal.frame.to_world(points) - torch.tensor([100.0, -3.0, 7.0], dtype=torch.float64)
    assert (world.norm(dim=1) - 5).abs().max() < 0.02


@pytest.mark.parametrize("scale", [1e9, 1e-9])
def test_huge_and_tiny_meshes(scale: float) -> None:
    signal = Mesh(ball(scale, (scale, 0.0, 0.0)), sampling=FEW)
    batch = signal.draw(5000, seed=0, step=0)
    assert (batch.y - exact(batch.x)).abs().max() < 2e-3


def test_it_is_a_signal() -> None:
    signal = Mesh(ball(), sampling=FEW)
    assert isinstance(signal, Source)
    assert {"kind", "name", "shape", "sha256", *signal.options} <= set(signal.describe())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"form": "density"}, "occupancy"),
        ({"sampling": {"surface": 0.9}}, "make 1"),
        ({"sampling": {"spreads": ()}}, "spreads"),
        ({"sampling": {"curvature": 2}}, "curvature"),
        ({"sampling": {"samples": 0}}, "from 1 on"),
        ({"distances": "cgal"}, "libigl"),
    ],
)
def test_what_is_refused(settings: dict, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Mesh(ball(), **settings)


def test_spot_is_fitted(data: Path) -> None:
    signal = Mesh.read(data / "meshes" / "spot.obj", sampling=Sampling(samples=1 << 17))
    assert "closed" in signal.extent
    torch.manual_seed(0)
    recipe = nf.recipes.sdf(signal)
    fit = nf.fit(recipe.field, signal, **recipe.settings | {"steps": 300, "batch": 4096})
    assert fit.metrics["iou"] > 0.98
    assert fit.kernels == {"field_step": "cpu"} or "mlp" in fit.kernels
