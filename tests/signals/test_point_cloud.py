"""Point clouds: the frame, batches without state, normals given and estimated, quality, and what is refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.files.meshes import write_mesh
from neuralfields.protocols import Numbered, Signal
from neuralfields.signals import PointCloud
from neuralfields.signals.point_cloud import ROUGH_STEPS


def ball(n: int = 500, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((n, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def cloud(n: int = 500) -> PointCloud:
    return PointCloud(ball(n), ball(n), name="ball")


def test_the_frame_has_one_scale() -> None:
    corners = np.array([[10.0, 5, -1], [14, 6, 1], [12, 5, 0]])
    made = PointCloud(corners, np.ones((3, 3)))
    assert isinstance(made, Signal) and isinstance(made, Numbered)
    torch.testing.assert_close(made.points[:2], torch.tensor([[-0.9, -0.225, -0.45], [0.9, 0.225, 0.45]]))
    back = made.frame.to_world(made.points)
    torch.testing.assert_close(back, torch.from_numpy(corners).float())
    torch.testing.assert_close(made.normals, torch.full((3, 3), 3**-0.5))


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_any_unit(scale: float) -> None:
    made = PointCloud(ball() * scale + 7 * scale)
    plain = cloud()
    torch.testing.assert_close(made.points, plain.points, rtol=0, atol=1e-6)
    assert float((made.normals * plain.normals).sum(-1).min()) > 0.9


def test_batches_are_half_on_the_surface() -> None:
    made = cloud()
    drawn = made.draw(41, seed=3, step=5)
    assert drawn.on_surface is not None and drawn.normal is not None and drawn.weight is not None
    assert drawn.on_surface.tolist() == [True] * 21 + [False] * 20
    assert drawn.x.dtype == torch.float32 and drawn.x.shape == (41, 3) and drawn.y.shape == (41, 1)
    assert torch.equal(drawn.y, torch.where(drawn.on_surface[:, None], 0, made.roughly(drawn.x)))
    assert drawn.weight.tolist() == drawn.on_surface.float().tolist()
    place = (drawn.x[:21, None] == made.points).all(-1).int().argmax(1)
    torch.testing.assert_close(made.points[place], drawn.x[:21], rtol=0, atol=0)
    torch.testing.assert_close(made.normals[place], drawn.normal[:21], rtol=0, atol=0)
    assert not drawn.normal[21:].any()
    assert float(drawn.x[21:].abs().max()) <= 1 and float(drawn.x[21:].abs().amax(0).min()) > 0.7


def test_batches_depend_on_seed_and_step_alone() -> None:
    one, other = cloud(), cloud()
    other.draw(10, seed=9, step=9)
    first = one.draw(30, seed=1, step=2).x
    assert torch.equal(first, other.draw(30, seed=1, step=2).x)
    for seed, step in ((1, 3), (2, 2)):
        beside = one.draw(30, seed=seed, step=step).x
        assert not torch.equal(first[15:], beside[15:]) and not torch.equal(first[:15], beside[:15])


def test_a_pass_takes_each_point_once() -> None:
    made = cloud(60)
    drawn = torch.cat([made.draw(20, seed=0, step=step).x[:10] for step in range(6)])
    assert len(drawn.unique(dim=0)) == 60


def test_more_than_there_are() -> None:
    drawn = cloud(20).draw(100, seed=0, step=0)
    assert drawn.on_surface is not None
    assert (int(drawn.on_surface.sum()), len(drawn)) == (20, 70)
    assert len(cloud(20).draw(1, seed=0, step=0)) == 1


def test_chunks_are_the_points_in_order() -> None:
    made = cloud(50)
    parts = list(made.chunks(20))
    assert [len(part) for part in parts] == [20, 20, 10]
    assert torch.equal(torch.cat([part.x for part in parts]), made.points)
    assert all(part.on_surface is not None and part.on_surface.all() for part in parts)


def test_normals_are_estimated_where_there_are_none() -> None:
    given, estimated = cloud(2000), PointCloud(ball(2000))
    assert float((given.normals * estimated.normals).sum(-1).min()) > 0.95
    assert (given.describe()["normals"], estimated.describe()["normals"]) == ("given", "estimated")
    inside = PointCloud(ball(2000), viewpoint=np.zeros(3))
    assert float((given.normals * inside.normals).sum(-1).max()) < -0.95


def test_a_rough_distance() -> None:
    made, x = cloud(3000), torch.rand(4000, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1
    truth = ball_field(made, x)
    found = made.roughly(x)
    assert found.shape == (4000, 1)
    assert float((found - truth)[truth.abs() < 0.1].abs().max()) < 0.02
    assert float(((found < 0) == (truth < 0)).float().mean()) > 0.99
    upper = ball(3000)
    upper = upper[upper[:, 2] > 0]
    half = PointCloud(upper, upper)
    below = torch.tensor([[0.0, 0.0, -0.46], [0.0, 0.0, -0.6], [0.0, 0.0, -1.0]])
    assert torch.sign(half.roughly(below))[:, 0].tolist() == [-1, 1, 1], "below the points' bounds it is outside"


def test_quality_of_known_fields() -> None:
    made = cloud()

    def shifted(x: torch.Tensor) -> torch.Tensor:
        return 3 * (x.norm(dim=-1, keepdim=True) - 0.95)

    found, wanted = made.measure(shifted), float((made.points.norm(dim=-1) - 0.95).abs().mean())
    assert found["points_to_surface"] == pytest.approx(wanted, rel=1e-4)
    assert found["normal_error"] < 1
    assert made.measure(lambda x: -shifted(x))["normal_error"] > 179
    assert made.measure(lambda x: 0 * x[:, :1])["points_to_surface"] == 2.0
    assert made.headline in found


def sheet(n: int = 40) -> PointCloud:
    """The upper half of a ball, seen from above."""
    points = ball(4 * n * n)
    return PointCloud(points[points[:, 2] > 0], viewpoint=[0, 0, 9.0])


def ball_field(made: PointCloud, x: torch.Tensor) -> torch.Tensor:
    """The distance from the ball that the points of ``sheet`` are the upper half of."""
    centre = made.frame.to_box(torch.zeros(3))
    return (x - centre).norm(dim=-1, keepdim=True) - (made.points - centre).norm(dim=-1).mean()


def test_quality_of_the_mesh() -> None:
    made = sheet()
    found = made.measure(lambda x: ball_field(made, x), thorough=True)
    assert found["points_to_mesh"] < 1e-4 and found["points_to_mesh_max"] < 1e-3
    assert (found["components"], found["components_near"]) == (1, 1)
    assert 0.02 < made.reach == found["reach"] < 0.2
    # With radius 0.9 and centre -0.45 the box cuts it 0.55 below its equator: band and disc of 3.11 pi in all.
    assert found["unsupported"] == pytest.approx((2 * 0.9 * 0.55 + 0.9**2 - 0.55**2) / 3.12, abs=0.06)


def test_parts_away_from_the_points_are_counted_apart() -> None:
    made = sheet()

    def two(x: torch.Tensor) -> torch.Tensor:
        return torch.minimum(ball_field(made, x), (x - 0.9).norm(dim=-1, keepdim=True) - 0.08)

    found = made.measure(two, thorough=True)
    assert (found["components"], found["components_near"]) == (2, 1)


def test_a_point_far_off_does_not_make_a_part_near() -> None:
    points = np.concatenate([ball(1500), [[1.8, 0, 0]]])
    made = PointCloud(points, points)
    centres, radii = made.frame.to_box(torch.tensor([[0.0, 0, 0], [1.8, 0, 0]])), made.points.new_tensor([0.643, 0.05])

    def two(x: torch.Tensor) -> torch.Tensor:
        return ((x[:, None] - centres).norm(dim=-1) - radii).amin(-1, keepdim=True)

    found = made.measure(two, thorough=True)
    assert (found["components"], found["components_near"]) == (2, 1)


def test_a_field_without_a_surface() -> None:
    found = cloud().measure(lambda x: x.square().sum(-1, keepdim=True) + 1, thorough=True)
    assert found["components"] == 0 and "points_to_mesh" not in found


def test_reading_points(tmp_path: Path) -> None:
    path = tmp_path / "scan.xyz"
    points = ball(400)
    np.savetxt(path, np.concatenate([points, [[math.nan, 0, 0]]]))
    made = PointCloud.read(path)
    assert (made.name, made.size, made.left_out, made.estimated) == ("scan.xyz", 400, 1, True)
    assert made.notes == [
        "1 points without finite coordinates or normal",
        "normals are estimated from 16 neighbours; they agree with each other",
    ]
    assert made.extent == "400 points"
    assert float((made.normals * torch.from_numpy(points)).sum(-1).min()) > 0.9
    inwards = PointCloud.read(path, viewpoint=[0, 0, 0])
    told = inwards.describe()
    assert told["viewpoint"] == [0, 0, 0] and told["left_out"] == 1
    again = PointCloud.read(path, **{name: told[name] for name in PointCloud.options})
    assert again.describe() == told and torch.equal(again.normals, inwards.normals)
    assert float((inwards.normals * torch.from_numpy(points)).sum(-1).max()) < -0.9


def test_reading_normals_and_faces(tmp_path: Path) -> None:
    corners = np.array([[-1, -1, -1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [5, 5, 5]], float)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    write_mesh(tmp_path / "given.ply", corners[:4], faces, normals=np.tile([0, 0, 1.0], (4, 1)))
    given = PointCloud.read(tmp_path / "given.ply")
    assert given.normals.tolist() == [[0, 0, 1]] * 4 and not given.estimated
    write_mesh(tmp_path / "faces.ply", corners, faces)
    made = PointCloud.read(tmp_path / "faces.ply")
    assert (made.size, made.left_out, made.estimated) == (4, 1, False), "a vertex without faces has no normal"
    torch.testing.assert_close(made.normals[0], torch.full((3,), -(3**-0.5)))


def test_scans_are_joined_in_their_own_place() -> None:
    whole = cloud(600)
    world = whole.frame.to_world(whole.points.double()).numpy()
    upper = world[:, 2] > 0
    parts = [PointCloud(world[side] * 3 + 5, whole.normals[torch.from_numpy(side)]) for side in (upper, ~upper)]
    parts.append(PointCloud(world[:50] * 3 + 5))
    made = PointCloud.joined(parts, name="both")
    order = np.concatenate([np.flatnonzero(upper), np.flatnonzero(~upper), np.arange(50)])
    torch.testing.assert_close(made.points, whole.points[order], rtol=0, atol=2e-6)
    torch.testing.assert_close(made.normals[:600], whole.normals[order[:600]])
    assert (made.name, made.estimated, PointCloud.joined(parts[:2]).estimated) == ("both", True, False)
    with pytest.raises(InputError, match="one point cloud or more can be joined, got none"):
        PointCloud.joined([])


def test_description() -> None:
    told = cloud().describe()
    assert (told["kind"], told["name"], told["shape"], told["form"]) == ("points", "ball", [500, 3], "sdf")
    assert told == cloud().describe()
    assert told["sha256"] != PointCloud(ball(seed=1), ball(seed=1)).describe()["sha256"]
    assert told["sha256"] != PointCloud(ball() * 2, ball()).describe()["sha256"]


def test_values_can_be_fitted_too() -> None:
    """Points anywhere have no weight: the regression is that of the surface, and the eikonal term shapes the rest."""
    torch.manual_seed(0)
    field = nf.networks.Siren(3, 1, width=16, depth=2, first_omega=5.0, hidden_omega=5.0)
    objective = nf.objectives.Eikonal("l1", 0.1)
    fit = nf.fit(field, cloud(), objective=objective, optimizer=nf.fitting.Adam(lr=5e-3), steps=60, batch=200)
    assert fit.metrics["points_to_surface"] < 0.05


@pytest.mark.parametrize(
    ("points", "normals", "told"),
    [
        (np.zeros((5, 2)), None, r"points are \[n, 3\], got \[5, 2\]"),
        (np.zeros((0, 3)), None, r"points are \[n, 3\], got \[0, 3\]"),
        ("points", None, r"points are an array \[n, 3\] of numbers"),
        ([[0, 0, math.nan], [1, 0, 0], [0, 1, 0]], None, "1 of 3 points are not finite: leave them out"),
        (np.ones((5, 3)), None, r"a shape has an extent, all of this is at \[1.0, 1.0, 1.0\]"),
        (ball(5), ball(4), r"normals are \[5, 3\], one for each point, got \[4, 3\]"),
        (ball(2), np.zeros((2, 3)), "2 of 2 normals have no length: give None"),
        (ball(2), [[1, 0, math.inf], [0, 0, 1]], "1 of 2 normals are not finite"),
        (ball(2), None, "2 different points on a line have no normals"),
    ],
)
def test_what_is_refused(points: Any, normals: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        PointCloud(points, normals)


def test_points_that_repeat_vouch_as_far() -> None:
    once = cloud()
    world = once.frame.to_world(once.points.double())
    again = PointCloud(world.repeat(4, 1), once.normals.repeat(4, 1))
    assert again.reach == pytest.approx(once.reach, rel=1e-3)


def test_rough_values_come_at_first_only() -> None:
    made = cloud()
    assert made.draw(40, seed=0, step=ROUGH_STEPS - 1).y.any() and not made.draw(40, seed=0, step=ROUGH_STEPS).y.any()


@pytest.mark.parametrize("name", ["siren", "hash"])
def test_other_fields_learn_points_as_surfaces(name: str) -> None:
    recipe = nf.recipes.METHODS[name](cloud(), params=20_000)
    assert isinstance(recipe.objective, nf.objectives.OrientedPoints)
    fit = nf.fit(recipe.field, cloud(), **recipe.settings | {"steps": 3, "batch": 100})
    assert fit.history.loss[-1] < fit.history.loss[0]
