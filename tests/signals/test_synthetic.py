"""The ray tracer against closed forms, against sphere tracing, and what it writes."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ball_scene import BallScene
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.files.images import read_image
from neuralfields.files.posed import read_scene
from neuralfields.geometry import Camera, Frame, Rays, solids
from neuralfields.render import Surface, sphere_trace
from neuralfields.signals import synthetic
from neuralfields.signals.synthetic.convex import Ball, Box, Shell
from neuralfields.signals.synthetic.worlds import checker, plain

RED = plain((0.8, 0.1, 0.1))
FRAME = Frame.of_box((-2, -2, -2), (2, 2, 2))
CAMERA = Camera.look_at((0.3, -3.0, 0.8), up=(0, 0, 1), fov=40, size=(48, 48))


def one(*things: synthetic.Thing, masked: bool = True) -> synthetic.World:
    return synthetic.World(things, masked, 3.0, (0, 0, 0), (0, 60), 40)


def centre_rays(camera: Camera = CAMERA) -> Rays:
    return camera.rays(camera.centres(torch.arange(camera.pixels)), dtype=torch.float64)


def test_a_ball_against_the_closed_form() -> None:
    middle, radius = torch.tensor([0.1, 0.2, -0.1], dtype=torch.float64), 0.6
    view = synthetic.trace(one(synthetic.Thing(Ball((0.1, 0.2, -0.1), radius), RED)), CAMERA)
    rays = centre_rays()
    away = rays.origin - middle
    b = (away * rays.direction).sum(-1)
    root = b.square() - away.square().sum(-1) + radius**2
    hit, depth = root > 0, -b - root.clamp(min=0).sqrt()
    found = view.depth.reshape(-1)
    assert (found > 0).tolist() == hit.tolist() and 300 < int(hit.sum()) < 1500
    torch.testing.assert_close(found[hit], depth[hit], rtol=0, atol=1e-12)
    assert view.normals is not None
    normals = view.normals.reshape(-1, 3)
    torch.testing.assert_close(normals[hit], (rays.at(depth)[hit] - middle) / radius, rtol=0, atol=1e-12)
    assert (normals[~hit] == 0).all()


@pytest.mark.parametrize(
    ("thing", "level"),
    [
        (
            synthetic.Thing(Box((0.1, -0.2, 0.05), (0.5, 0.3, 0.2), 30), RED),
            solids.moved(solids.rotated(solids.box((0.5, 0.3, 0.2)), (0, 0, 1), 30), (0.1, -0.2, 0.05)),
        ),
        (
            synthetic.Thing(
                Box((0, 0, 0), (0.6, 0.6, 0.4)), RED, without=(Ball((0, -0.5, 0.3), 0.4), Ball((0.2, -0.1, 0.4), 0.35))
            ),
            solids.difference(
                solids.box((0.6, 0.6, 0.4)), solids.sphere(0.4, (0, -0.5, 0.3)), solids.sphere(0.35, (0.2, -0.1, 0.4))
            ),
        ),
    ],
    ids=["turned box", "box with two bites"],
)
def test_solids_against_sphere_tracing(thing: synthetic.Thing, level: solids.Solid) -> None:
    view = synthetic.trace(one(thing), CAMERA, samples=1)
    surface = Surface(lambda x: level(x.double()))
    hits = sphere_trace(surface, centre_rays(), step=1.0, least=1e-4)
    found = view.depth.reshape(-1)
    both = hits.hit & (found > 0)
    assert int(both.sum()) > 300 and (hits.hit == (found > 0)).float().mean() > 0.995  # edges may go either way
    error = (found - hits.depth)[both].abs()
    assert error.quantile(0.99) < 1e-5
    points = hits.point[both].requires_grad_()
    (slope,) = torch.autograd.grad(level(points).sum(), points)
    assert view.normals is not None
    agree = (slope * view.normals.reshape(-1, 3)[both]).sum(-1)
    assert agree.quantile(0.02) > 1 - 1e-6  # but for points on edges


def test_normals_have_length_one_and_face_the_camera() -> None:
    for name in synthetic.NAMES:
        world = synthetic.world(name)
        for camera in world.cameras(3, size=(40, 40)):
            view = synthetic.trace(world, camera, samples=1)
            there = view.depth > 0
            assert view.normals is not None
            facing = (view.normals.reshape(-1, 3) * centre_rays(camera).direction).sum(-1).reshape(40, 40)
            torch.testing.assert_close(view.normals.norm(dim=-1), there.double())
            assert (facing[there] <= 1e-9).all()


def test_a_known_point_is_seen_where_it_should_be() -> None:
    """A small ball at a place of the world covers the pixel that the pinhole formula gives, at its distance."""
    place = (0.35, -0.2, 0.25)
    camera = Camera(
        torch.tensor([[1.0, 0, 0, 0], [0, 0, -1, -3], [0, 1, 0, 0]], dtype=torch.float64), 60.0, (48, 40)
    )  # at y = -3, along +y, z up
    view = synthetic.trace(one(synthetic.Thing(Ball(place, 0.03), RED)), camera, samples=8)
    rows, columns = torch.meshgrid(torch.arange(40) + 0.5, torch.arange(48) + 0.5, indexing="ij")
    total = view.opacity.sum()
    x, y = (float((view.opacity * axis).sum() / total) for axis in (columns, rows))
    assert x == pytest.approx(24 + 60 * 0.35 / 2.8, abs=0.05) and y == pytest.approx(20 - 60 * 0.25 / 2.8, abs=0.05)
    assert float(view.depth.max()) == pytest.approx(math.dist(place, (0, -3, 0)) - 0.03, abs=2e-3)


def test_edges_are_smooth_and_colours_straight() -> None:
    view = synthetic.trace(one(synthetic.Thing(Ball((0, 0, 0), 0.7), RED, lit=False)), CAMERA, samples=4)
    radius = CAMERA.focal[1] * math.tan(math.asin(0.7 / float(CAMERA.eye.norm())))
    assert float(view.opacity.sum()) == pytest.approx(math.pi * radius**2, rel=0.01)
    edge = (view.opacity > 0) & (view.opacity < 1)
    assert 60 < int(edge.sum()) < 300
    pixels = view.straight()
    expected = torch.tensor([0.8, 0.1, 0.1], dtype=torch.float64).expand(int(edge.sum()), 3)
    torch.testing.assert_close(pixels[edge][:, :3], expected, rtol=0, atol=1e-12)
    assert (pixels[view.opacity == 0] == 0).all()
    over = view.over((1.0, 1.0, 1.0))
    torch.testing.assert_close(over[edge][:, 1], 1 - 0.9 * view.opacity[edge])


def test_shadows_highlights_and_checkers() -> None:
    floor = synthetic.Thing(Box((0, 0, -0.6), (2, 2, 0.1)), plain((0.5, 0.5, 0.5)))
    ball = synthetic.Thing(Ball((0, 0, 0.3), 0.3), plain((0.1, 0.1, 0.1)), gloss=0.8)
    above = Camera.look_at((0.0, -0.01, 6.0), up=(0, 1, 0), fov=40, size=(60, 60))
    alone, both = (synthetic.trace(one(*things), above, samples=1) for things in ((floor,), (floor, ball)))
    darker = both.colour.sum(-1) < alone.colour.sum(-1) - 0.3
    shadow = darker & (both.normals[..., 2] > 0.999) & (both.depth > 6.4)  # type: ignore[index]
    # The sun is at (0.42, -0.53, 0.74): the shadow of the ball's middle falls 0.8 lower, opposite of it.
    rows, columns = shadow.nonzero(as_tuple=True)
    scale = 6.5 * 2 * math.tan(math.radians(20)) / 60
    assert float((columns.double().mean() + 0.5 - 30) * scale) == pytest.approx(-0.42 / 0.74 * 0.8, abs=0.06)
    assert float((30 - rows.double().mean() - 0.5) * scale) == pytest.approx(0.53 / 0.74 * 0.8, abs=0.06)
    # The highlight moves with the camera, on the surface of the ball.
    places = []
    for eye in ((3.0, -3.0, 3.0), (-3.0, -3.0, 3.0)):
        camera = Camera.look_at(eye, (0, 0, 0.3), up=(0, 0, 1), fov=14, size=(60, 60))
        seen = synthetic.trace(one(ball), camera, samples=1)
        assert float(seen.colour.max()) > 0.75
        brightest = seen.colour.sum(-1).argmax()
        places.append(seen.normals.reshape(-1, 3)[brightest])  # type: ignore[union-attr]
    assert float(places[0] @ places[1]) < 0.9

    paint = checker((1, 0, 0), (0, 1, 0), 0.5, (0, 0, 0))
    points = torch.tensor([[0.1, 0.1, 0.1], [0.6, 0.1, 0.1], [0.6, 0.6, 0.1], [-0.1, 0.1, 0.1]], dtype=torch.float64)
    assert paint(points)[:, 0].tolist() == [1, 0, 1, 0]


def test_the_yard_has_no_gaps_and_far_boards() -> None:
    world = synthetic.world("yard")
    view = synthetic.trace(world, world.cameras(3)[0], samples=1)
    assert (view.opacity == 1).all() and not world.masked
    assert float(view.depth.max()) > 36 and bool(((view.depth > 5) & (view.depth < 16)).any())
    shell = Shell(40.0)
    enter, leave = shell.span(Rays(torch.zeros(1, 3).double(), torch.tensor([[0.0, 0, 1]]).double()))
    assert float(enter) == 40 and float(leave) == math.inf


def test_the_objects_are_in_every_picture() -> None:
    world = synthetic.world("objects")
    for camera in world.cameras(12, size=(50, 50)):
        opacity = synthetic.trace(world, camera, samples=1).opacity
        border = torch.cat([opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1]])
        assert 0.15 < float(opacity.mean()) < 0.8 and not border.any()


def test_a_scene_on_disk(tmp_path: Path) -> None:
    folder = synthetic.write(tmp_path / "scene", views=3, held_out=2, size=24)
    again = synthetic.write(tmp_path / "again", views=3, held_out=2, size=24)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))
    assert len(names) == 3 + 3 * (3 + 2 + 2)
    for name in names:
        assert (folder / name).read_bytes() == (again / name).read_bytes(), name
    described = json.loads((folder / "transforms_test.json").read_bytes())
    assert [frame["file_path"] for frame in described["frames"]] == ["./test/r_000", "./test/r_001"]
    pose = torch.tensor(described["frames"][1]["transform_matrix"], dtype=torch.float64)
    camera = Camera(pose, 12 / math.tan(described["camera_angle_x"] / 2), (24, 24))
    view = synthetic.trace(synthetic.world("objects"), camera)
    photo = read_image(folder / "test" / "r_001.png").values
    np.testing.assert_array_equal(photo, (view.straight().numpy() * 255).round().astype(np.uint8))
    for kind, truth in (("depth", view.depth[..., None]), ("normal", view.normals)):
        held = read_image(folder / "test" / f"r_001_{kind}.exr").values
        np.testing.assert_array_equal(held, truth.float().numpy())  # type: ignore[union-attr]
    found = read_scene(folder)
    assert len(found.photos) == 7 and found.splits == ("train", "val", "test") and not found.left_out
    assert all(photo.depth and photo.normal for photo in found.photos)
    read = Camera.of(next(photo for photo in found.photos if photo.path == folder / "test" / "r_001.png"))
    torch.testing.assert_close(read.pose, camera.pose, rtol=0, atol=1e-12)
    assert read.focal == pytest.approx(camera.focal)
    poses = [
        tuple(np.array(frame["transform_matrix"])[:3, 3].round(3))
        for split in ("train", "val", "test")
        for frame in json.loads((folder / f"transforms_{split}.json").read_bytes())["frames"]
    ]
    assert len(set(poses)) == 7


def test_a_scene_without_masks_has_three_channels(tmp_path: Path) -> None:
    folder = synthetic.write(tmp_path / "yard", "yard", views=1, held_out=1, size=16, samples=1)
    assert read_image(folder / "train" / "r_000.png").values.shape == (16, 16, 3)


def test_a_field_is_judged() -> None:
    """A ball of almost this size, in a box of twice its units; red only to who looks along +x."""
    field, ball = BallScene(), synthetic.Thing(Ball((0, 0, 0), 1.0), plain((0.5, 0.25, 0.0)), lit=False)
    world = synthetic.World((ball,), True, 5.0, (0, 0, 0), (0, 60), 40)
    cameras = world.cameras(5, size=(40, 30))
    errors, picture = synthetic.judge(field, world, cameras, frame=FRAME)
    assert picture.shape == (6 * 30, 4 * 40, 3) and 0 <= picture.min() <= picture.max() <= 1
    assert errors["depth_error"] < 0.1 and errors["normal_error"] < 5 and errors["missing"] == 0
    assert 10 < errors["psnr"] < 30
    larger = synthetic.Thing(Ball((0, 0, 0), 1.2), ball.paint, lit=False)
    worse, _ = synthetic.judge(field, replace(world, things=(larger,)), cameras, frame=FRAME)
    assert worse["depth_error"] > 0.2 and worse["missing"] > 0.15


def test_what_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="something in it"):
        synthetic.write(tmp_path / "full")
    with pytest.raises(InputError, match="objects, yard, got 'lego'"):
        synthetic.write(tmp_path / "new", "lego")
    with pytest.raises(InputError, match="views is between 1 and 10000, got 0"):
        synthetic.write(tmp_path / "new", views=0)
    with pytest.raises(InputError, match="cannot write a scene"):
        synthetic.write(tmp_path / "full" / "mine.txt" / "below")
    assert not (tmp_path / "new").exists()


def test_rays_that_begin_on_a_surface_do_not_meet_it_again() -> None:
    """Of a hollow's wall too, which begins inside of the solid."""
    thing = synthetic.Thing(Box((0, 0, 0), (1, 1, 1)), RED, without=(Ball((0, 0, 1), 0.5),))
    wall = torch.tensor([[0.0, 0.0, 0.5], [0.3, 0.0, 0.6]], dtype=torch.float64)

    def met(direction: Tensor) -> list[bool]:
        rays = Rays(wall, torch.nn.functional.normalize(direction, dim=-1).double().expand(2, 3))
        return thing.meet(rays)[0].isfinite().tolist()

    assert met(torch.tensor([0.0, 0.0, 1.0])) == [False, False]
    assert met(torch.tensor([-1.0, 0.0, 0.2])) == [True, True]  # the other side of the hollow


def test_what_was_written_is_recognised(tmp_path: Path) -> None:
    folder = synthetic.write(tmp_path / "world", views=3, held_out=2, size=12, samples=1)
    assert synthetic.written(folder) and not synthetic.written(folder, "yard")
    other = tmp_path / "other"
    other.mkdir()
    assert not synthetic.written(other) and not synthetic.written(tmp_path / "none")
    file = folder / "transforms_val.json"
    tree = json.loads(file.read_text())
    tree["frames"][1]["transform_matrix"][0][3] += 0.01
    file.write_text(json.dumps(tree))
    assert not synthetic.written(folder)
    again = synthetic.write(tmp_path / "again", views=3, held_out=2, size=12, samples=1)
    (again / "train/r_002.png").unlink()
    assert not synthetic.written(again)
