"""Pictures that the browser draws are those that Python renders."""

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from chromium import blank
from torch import Tensor

from neuralfields import Chain, Field
from neuralfields.calculus import value_and_gradient
from neuralfields.encodings import HashGrid, SphericalHarmonics
from neuralfields.fields import Marched, Radiance
from neuralfields.geometry import Camera
from neuralfields.networks import MLP, Siren
from neuralfields.render import Surface, displayed, image_values, render_surface, render_view, sphere_trace
from neuralfields.viewer.describe import program_of
from neuralfields.viewer.packing import pack
from neuralfields.viewer.protocol import March, Shape, Shown, View
from neuralfields.volume import render

SIZE = 64, 48
SETUP = """async ([shown, arrays, data, size]) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = size;
    canvas.style.display = "block";
    document.body.style.margin = 0;
    document.body.replaceChildren(canvas);
    window.bytes = (data) => Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    window.painter?.dispose();
    window.painter = new nf.Painter(canvas, shown);
    painter.setWeights(arrays, bytes(data));
}"""
DRAW = """async ([view, texture, field]) => {
    painter.view = {...painter.view, ...view};
    await painter.settled();
    if (painter.state.problem) throw new Error(painter.state.problem);
    return Array.from(painter.read(texture, field));
}"""
PIXELS = """async (smooth) => {
    await painter.settled();
    painter.present();
    const plain = new Promise((resolve) => painter.canvas.toBlob(resolve));
    if (smooth) {
        painter.milliseconds = 1; // however slow the machine: it is worth it
        painter.paint();
    }
    const picture = await createImageBitmap(await (smooth ? painter.picture() : plain));
    const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    context.drawImage(picture, 0, 0);
    return Array.from(context.getImageData(0, 0, picture.width, picture.height).data);
}"""
MODULES = "draw/painter.ts", "draw/camera.ts", "draw/colours.ts", "draw/record.ts", "input.ts"


@pytest.fixture(scope="module")
def page(chromium: Any) -> Iterator[Any]:
    page = blank(chromium, *MODULES)
    page.set_viewport_size({"width": 320, "height": 240})
    yield page
    page.close()


@pytest.fixture(scope="module")
def each_page(each_chromium: Any) -> Iterator[Any]:
    """Pages of both software drivers."""
    page = blank(each_chromium, *MODULES)
    yield page
    page.close()


def shown(field: Field, kind: Any, **more: Any) -> dict[str, Any]:
    """What a page knows of a field, as JSON."""
    inputs, outputs = field.in_dim, field.out_dim
    standing = Shown(
        0, "field", kind, inputs, outputs, (), None, False, False, program_of(field), None, None, None, None, (), 0, ""
    )
    return json.loads(json.dumps(asdict(standing) | {k: _plain(v) for k, v in more.items()}))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def packed(field: Field) -> list[Any]:
    stored, data = pack(field, program_of(field), "float32")
    return [[asdict(array) for array in stored], base64.b64encode(data).decode()]


def open_in(page: Any, field: Field, told: dict[str, Any], size: tuple[int, int] = SIZE) -> None:
    page.evaluate(SETUP, [told, *packed(field), size])


def drawn(page: Any, texture: int = 0, field: int = 0, size: tuple[int, int] = SIZE, **view: Any) -> np.ndarray:
    """Computed values [height, width, 4] of the exact picture."""
    return np.array(page.evaluate(DRAW, [view, texture, field]), np.float32).reshape(*size[::-1], 4)


def pixels(page: Any, size: tuple[int, int] = SIZE, *, smooth: bool = False) -> np.ndarray:
    """The canvas, or the picture as it is saved, with smooth edges: [height, width, 3] in [0, 1]."""
    return np.array(page.evaluate(PIXELS, smooth), np.float64).reshape(*size[::-1], 4)[..., :3] / 255


def camera_json(camera: Camera, distance: float) -> dict[str, Any]:
    eye, back = camera.eye, camera.axes[2]
    target = eye - distance * back
    fov = float(torch.rad2deg(2 * torch.atan(torch.tensor(camera.size[1] / 2 / camera.focal[1]))))
    vectors = {"eye": eye.tolist(), "target": target.tolist(), "up": camera.axes[1].tolist()}
    return {**vectors, "fov": fov, "view": None}


# Images.


def waves(channels: int = 3) -> Field:
    torch.manual_seed(5)
    return Siren(2, channels, width=16, depth=2, first_omega=12)


@pytest.fixture(scope="module")
def image(page: Any) -> Field:
    return waves()


def told_of_image(field: Field, **more: Any) -> dict[str, Any]:
    return shown(field, "image", size=SIZE, truth=True, **more)


def test_values_of_a_picture_and_of_a_deep_zoom(each_page: Any, image: Field) -> None:
    page = each_page
    open_in(page, image, told_of_image(image))
    assert np.abs(drawn(page)[..., :3] - image_values(image, SIZE)).max() < 1e-5
    x, y, zoom = 0.31, -0.62, 3e5
    crop = x - 1 / zoom, y - 1 / zoom, x + 1 / zoom, y + 1 / zoom
    deep = drawn(page, centre=[x, y], zoom=zoom)[..., :3]
    assert np.abs(deep - image_values(image, SIZE, crop=crop)).max() < 1e-5
    assert deep.std() > 0
    assert not page.evaluate("painter.state.deepest")
    drawn(page, zoom=1e9)
    assert page.evaluate("painter.state.deepest") and page.evaluate("painter.view.zoom") < 2e6


@pytest.mark.parametrize("linear", [False, True])
def test_saved_pictures_are_displayed_values(page: Any, image: Field, linear: bool) -> None:
    open_in(page, image, told_of_image(image, linear=linear))
    drawn(page, exposure=1.0 if linear else 0.0)
    values = image_values(image, SIZE) * (2.0 if linear else 1.0)
    assert np.abs(pixels(page) - displayed(values, linear=linear)).max() < 0.6 / 255


def test_split_error_and_single_channels(page: Any, image: Field) -> None:
    open_in(page, image, told_of_image(image))
    truth = np.random.default_rng(2).integers(0, 256, (*SIZE[::-1], 3), np.uint8)
    data = base64.b64encode(truth.tobytes()).decode()
    told = {"width": SIZE[0], "height": SIZE[1], "channels": 3, "dtype": "uint8"}
    page.evaluate("([told, data]) => painter.setTruth(told, bytes(data))", [told, data])
    values, half = image_values(image, SIZE).clip(0, 1), SIZE[0] // 2
    drawn(page, mode="split", split=0.5)
    found = pixels(page)
    assert np.abs(found[:, : half - 2] - values[:, : half - 2]).max() < 0.6 / 255
    assert np.abs(found[:, half + 2 :] - truth[:, half + 2 :] / 255).max() < 1e-6
    drawn(page, mode="error", map="grey", scale=1.5)
    error = np.abs(image_values(image, SIZE) - truth / 255).max(-1) / 1.5
    assert np.abs(pixels(page)[..., 0] - error.clip(0, 1)).max() < 0.6 / 255
    drawn(page, mode="error", scale=None)
    legend = page.evaluate("painter.state.legend")
    assert legend["what"] == "error" and legend["high"] in (0.5, 1.0, 2.0)
    drawn(page, mode="fit", channel=1)
    assert np.abs(pixels(page)[..., 2] - values[..., 1]).max() < 0.6 / 255
    place = page.evaluate("painter.value(10.5, 20.5)")
    assert place["truth"] == pytest.approx(truth[20, 10] / 255) and len(place["values"]) == 3
    assert place["x"] == pytest.approx([2 * 10.5 / SIZE[0] - 1, 2 * 20.5 / SIZE[1] - 1])


@pytest.mark.parametrize("size", [(16, 12), (128, 96), (130, 98)])
def test_errors_are_those_of_pixels_at_their_centres(page: Any, image: Field, size: tuple[int, int]) -> None:
    """At half the size, where the canvas's pixels are centred on borders of the image's, too."""
    open_in(page, image, told_of_image(image) | {"size": size})
    truth = np.rint(image_values(image, size).clip(0, 1) * 255).astype(np.uint8)
    told = {"width": size[0], "height": size[1], "channels": 3, "dtype": "uint8"}
    page.evaluate("([told, data]) => painter.setTruth(told, bytes(data))", [told, base64.b64encode(truth).decode()])
    found = drawn(page, mode="error", map="grey", scale=0.02)[..., :3]
    assert pixels(page)[..., 0].max() < (0.5 / 255 + 1e-5) / 0.02 + 1 / 255
    place, here = page.evaluate("painter.value(9, 21)"), place_of(9, 21, size)
    centre = [(2 * math.floor((x + 1) / 2 * n) + 1) / n - 1 for x, n in zip(here, size, strict=True)]
    assert place["x"] == pytest.approx(centre) and place["values"] == pytest.approx(found[21, 9].tolist())
    drawn(page, mode="fit")
    assert page.evaluate("painter.value(9, 21)")["x"] == pytest.approx(centre if size[0] > 16 else here)


def place_of(x: int, y: int, size: tuple[int, int]) -> tuple[float, float]:
    """Box coordinates of a canvas's pixel that shows all of an image."""
    scale = min(SIZE[0] / size[0], SIZE[1] / size[1])
    return 2 * (x + 0.5 - SIZE[0] / 2) / (size[0] * scale), 2 * (y + 0.5 - SIZE[1] / 2) / (size[1] * scale)


def test_levels_of_a_grid_are_left_out(page: Any) -> None:
    torch.manual_seed(0)
    grid = HashGrid(2, levels=4, log2_size=10, base=4, finest=32)
    field = Chain(grid, MLP(grid.out_dim, 3, width=16, depth=1))
    with torch.no_grad():
        grid.table.normal_()
    open_in(page, field, told_of_image(field))
    whole, coarse = drawn(page)[..., :3], drawn(page, hidden=3)[..., :3]
    with torch.no_grad():
        grid.table[grid.layout.table[1].start :] = 0
    assert np.abs(coarse - image_values(field, SIZE)).max() < 1e-5
    assert np.abs(drawn(page, hidden=0)[..., :3] - whole).max() == 0 < np.abs(whole - coarse).max()
    assert page.evaluate("(painter.view = {...painter.view, hidden: 99}, painter.view.hidden)") == 3


def test_slopes_are_central_differences_per_pixel(page: Any, image: Field) -> None:
    open_in(page, image, told_of_image(image))
    drawn(page, mode="gradient", map="grey", scale=0.5)
    values = image_values(image, SIZE)
    across, down = np.gradient(values, axis=1), np.gradient(values, axis=0)
    slope = np.sqrt((across**2 + down**2).sum(-1)) / 0.5
    assert np.abs(pixels(page)[..., 0] - slope.clip(0, 1)).max() < 1 / 255
    drawn(page, zoom=0.5)  # beyond the picture there is no slope to it
    inner = pixels(page)[12:36, 16:48, 0]
    assert inner[:, 0].max() < 1 and inner[0].max() < 1


def test_two_fields_beside_each_other(page: Any, image: Field) -> None:
    torch.manual_seed(6)
    other = Siren(2, 3, width=8, depth=1)
    open_in(page, image, told_of_image(image))
    page.evaluate("(told) => painter.setOther(told)", told_of_image(other))
    page.evaluate("([arrays, data]) => painter.setWeights(arrays, bytes(data), 1)", packed(other))
    second = drawn(page, field=1, mode="error", against="other", map="grey", scale=2.0)[..., :3]
    first, expected = image_values(image, SIZE), image_values(other, SIZE)
    assert np.abs(second - expected).max() < 1e-4
    assert np.abs(pixels(page)[..., 0] - (np.abs(first - expected).max(-1) / 2).clip(0, 1)).max() < 0.6 / 255


def test_transparent_pictures_lie_on_a_backdrop(page: Any) -> None:
    field = waves(4)
    open_in(page, field, shown(field, "image", size=SIZE))
    drawn(page, backdrop="black")
    values = image_values(field, SIZE).clip(0, 1)
    assert np.abs(pixels(page) - values[..., :3] * values[..., 3:]).max() < 0.6 / 255


def test_the_spectrum_of_a_wave(page: Any) -> None:
    torch.manual_seed(1)
    field = Siren(2, 1, width=4, depth=1, first_omega=1.0)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.zero_()
        first, last = (p for p in field.parameters() if p.ndim == 2)
        first[0] = torch.tensor([20 * np.pi, 8 * np.pi])  # 20 and 8 waves over the box
        last[0, 0] = 0.5
    open_in(page, field, shown(field, "image", size=SIZE))
    values = drawn(page, mode="spectrum", size=(256, 256))
    assert np.abs(values[..., :1] - image_values(field, (256, 256))).max() < 1e-4
    assert page.evaluate("painter.state.legend") == {"map": "inferno", "low": 1e-5, "high": 1, "what": "amplitude"}
    bright = pixels(page).sum(-1)
    y, x = np.unravel_index(bright.argmax(), bright.shape)
    peak = np.array([x - SIZE[0] / 2, y - SIZE[1] / 2]) * 256 / min(SIZE)
    assert min(np.abs(peak - sign * np.array([20, 8])).max() for sign in (1, -1)) < 256 / min(SIZE) + 1


def test_nothing_is_under_a_pixel_of_a_spectrum(page: Any, image: Field) -> None:
    open_in(page, image, told_of_image(image))
    act(page)
    drawn(page, mode="fit")
    assert page.evaluate("painter.value(20, 20)") is not None
    drawn(page, mode="spectrum", size=(256, 256))
    assert page.evaluate("painter.value(20, 20)") is None
    page.evaluate("painter.canvas.focus()")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    page.mouse.move(10, 10)
    page.mouse.down()
    page.mouse.move(20, 15)
    page.mouse.up()
    assert page.evaluate("[...painter.view.centre, painter.view.zoom]") == [0, 0, 1]


def test_planes_through_fields_over_space(page: Any) -> None:
    torch.manual_seed(4)
    field = Siren(3, 1, width=16, depth=2, first_omega=6)
    open_in(page, field, shown(field, "slices"), (32, 32))
    axis = (torch.arange(32) * 2 + 1) / 32 - 1
    v, u = torch.meshgrid(axis, axis, indexing="ij")
    for number in range(3):
        found = drawn(page, axis=number, at=0.25, size=(32, 32))[..., 0]
        parts = [u, v]
        parts.insert(number, torch.full_like(u, 0.25))
        with torch.no_grad():
            expected = field(torch.stack(parts, -1))[..., 0].numpy()
        assert np.abs(found - expected).max() < 1e-4


# Surfaces.


def torus(x: Tensor) -> Tensor:
    ring = torch.stack([x[:, [0, 2]].norm(dim=-1) - 0.55, x[:, 1]], -1)
    return torch.minimum(ring.norm(dim=-1) - 0.22, (x - torch.tensor([0.0, 0.35, 0.0])).norm(dim=-1) - 0.3)


@pytest.fixture(scope="module")
def ring() -> Field:
    torch.manual_seed(0)
    field = Siren(3, 1, width=32, depth=2, first_omega=6, hidden_omega=12)
    optimizer = torch.optim.Adam(field.parameters(), 3e-3)
    for _ in range(400):
        x = torch.rand(1024, 3) * 2 - 1
        optimizer.zero_grad()
        (field(x)[:, 0] - torus(x)).abs().mean().backward()
        optimizer.step()
    return field.requires_grad_(False)


METRIC = Shape(level=0.0, inside_below=True, metric=True, steepness=1.0)
LEVELS = Shape(level=-0.03, inside_below=True, metric=False, steepness=1.0)
AROUND = Camera.orbit(30, 25, 3.6, fov=34, size=SIZE)


@pytest.mark.parametrize("shape", [METRIC, LEVELS], ids=["distances", "levels"])
def test_surfaces_are_met_where_python_meets_them(each_page: Any, ring: Field, shape: Shape) -> None:
    page = each_page
    surface = Surface(ring)
    if not shape.metric:
        surface = Surface(lambda x: shape.level - ring(x), "occupancy")
    open_in(page, ring, shown(ring, "shape", shape=shape))
    found = drawn(page, camera=camera_json(AROUND, 3.6))
    hits = sphere_trace(surface, AROUND.rays(AROUND.centres(torch.arange(AROUND.pixels))))
    depth = hits.depth.reshape(SIZE[::-1]).numpy()
    hit, same = found[..., 3] > 0, np.isfinite(depth)
    assert (hit == same).mean() > 0.998 and same.mean() > 0.1
    both = hit & same
    assert np.abs(found[both, 3] - depth[both]).max() < 1e-4
    _, gradient = value_and_gradient(surface.field, hits.point[torch.from_numpy(both).reshape(-1)])
    sign = 1 if shape.metric else -1
    normals = sign * torch.nn.functional.normalize(gradient, dim=-1).detach().numpy()
    inside = (np.abs(hits.point.numpy()[both.reshape(-1)]) < 1 - 1e-5).all(-1)
    assert np.abs(found[both, :3] - normals)[inside].max() < 2e-3


def test_surfaces_are_lit_as_in_python(page: Any, ring: Field) -> None:
    open_in(page, ring, shown(ring, "shape", shape=METRIC))
    drawn(page, camera=camera_json(AROUND, 3.6), backdrop="black")
    for mode, name in (("colour", "shaded"), ("normal", "normals")):
        drawn(page, mode=mode)
        expected = render_surface(Surface(ring), AROUND, mode=name, background="black", samples=1)  # type: ignore[arg-type]
        off = np.abs(pixels(page) - expected)
        assert np.quantile(off, 0.998) < 1.5 / 255
    expected = render_surface(Surface(ring), AROUND, background="black", samples=16)
    drawn(page, mode="colour")
    rough, smooth = (np.abs(part - expected).mean() for part in (pixels(page), pixels(page, smooth=True)))
    assert smooth < 0.6 * rough


def test_two_shapes_beside_each_other(page: Any, ring: Field) -> None:
    open_in(page, ring, shown(ring, "shape", shape=METRIC))
    page.evaluate("(told) => painter.setOther(told)", shown(ring, "shape", shape=METRIC))
    page.evaluate("([arrays, data]) => painter.setWeights(arrays, bytes(data), 1)", packed(ring))
    drawn(page, camera=camera_json(AROUND, 3.6), mode="split", split=0.5)
    found, half = pixels(page), SIZE[0] // 2
    drawn(page, mode="colour")
    alone = pixels(page)
    beside = np.abs(np.arange(SIZE[0]) + 0.5 - half) > 2
    assert (found[:, half - 1] == 1).all() and np.array_equal(found[:, beside], alone[:, beside])


def test_a_clipping_plane_cuts_a_surface(page: Any, ring: Field) -> None:
    open_in(page, ring, shown(ring, "shape", shape=METRIC))
    clip = {"axis": 2, "at": 0.1, "flipped": True}
    view = {"camera": camera_json(AROUND, 3.6), "clip": clip}
    first, second = drawn(page, **view), drawn(page, texture=1, **view)
    rays = AROUND.rays(AROUND.centres(torch.arange(AROUND.pixels)))
    points = rays.origin.numpy() + first[..., 3].reshape(-1, 1) * rays.direction.numpy()
    hit = first[..., 3].reshape(-1) > 0
    assert points[hit, 2].max() < 0.1 + 1e-5
    cut = (second[..., 1].reshape(-1) == 2) & hit
    assert cut.sum() > 30 and np.abs(points[cut, 2] - 0.1).max() < 1e-5
    assert np.allclose(first.reshape(-1, 4)[cut, :3], [0, 0, 1])
    on_plane = (0.1 - rays.origin[:, 2]) / rays.direction[:, 2]
    there = rays.at(on_plane)
    seen = (there.abs() < 0.99).all(-1).numpy()
    with torch.no_grad():
        values = ring(there)[:, 0].numpy()
    assert (second[..., 3].reshape(-1)[seen] == 1).all()
    assert np.abs(second[..., 2].reshape(-1)[seen] - values[seen]).max() < 1e-4


# Radiance fields.


def scene(unbounded: bool) -> Marched:
    """A ball in front of others, fitted to known densities and colours, in an occupancy grid with holes."""
    torch.manual_seed(3)
    grid, directions = HashGrid(3, levels=4, log2_size=12, base=8, finest=32), SphericalHarmonics(3)
    trunk = Chain(grid, MLP(grid.out_dim, 8, width=16, depth=1))
    colour = MLP(8 + directions.out_dim, 3, width=16, depth=1)
    radiance = Radiance(trunk, colour, directions=directions, unbounded=unbounded)
    optimizer = torch.optim.Adam(radiance.parameters(), 1e-2)
    middle = torch.tensor([0.1, 0.0, -0.1])
    for _ in range(150):
        x = torch.rand(2048, 3) * 2 - 1
        raw = (25 * (0.4 - (x - middle).norm(dim=-1))).clamp(-4, 4)
        toward = torch.nn.functional.normalize(torch.randn(2048, 3), dim=-1)
        seen = torch.cat([trunk(x), directions(toward)], -1)
        wanted = 0.5 + 0.4 * torch.sin(4 * x) + 0.1 * toward
        optimizer.zero_grad()
        loss = (trunk(x)[:, 0] - raw).square().mean() + 20 * (colour(seen).sigmoid() - wanted).square().mean()
        loss.backward()
        optimizer.step()
    steps = {"step": 1 / 48, "cone": 1 / 24, "near": 0.6} if unbounded else {"step": 1 / 64}
    field = Marched(radiance.requires_grad_(False), cells=32, **steps)
    axis = (torch.arange(32) * 2 + 1) / 32 - 1
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    full = (torch.stack([x, y, z], -1) - middle).norm(dim=-1) < 0.6
    field.carve(full & field.occupied & ~((x.abs() < 0.15) & (y > 0.1)))
    return field


@pytest.fixture(scope="module", params=[False, True], ids=["bounded", "unbounded"])
def marched(request: pytest.FixtureRequest) -> Marched:
    return scene(request.param)


def told_of_scene(field: Marched, **more: Any) -> dict[str, Any]:
    unbounded = field.radiance.medium.unbounded
    march = March(field.cells, field.step, field.cone, field.near, field.stop, unbounded)
    return shown(field, "radiance", march=march, **more)


STANDING = Camera.orbit(40, 20, 2.6, fov=44, size=SIZE)


def test_scenes_are_seen_as_in_python(each_page: Any, marched: Marched) -> None:
    page = each_page
    open_in(page, marched, told_of_scene(marched))
    view = {"camera": camera_json(STANDING, 2.6), "mode": "normal"}
    light, around = drawn(page, **view), drawn(page, texture=1, **view)
    expected = render_view(marched, STANDING, normals=True)
    assert expected.normals is not None and float(expected.opacity.max()) > 0.9
    assert np.abs(light[..., :3] - expected.colour.numpy()).max() < 1e-4
    assert np.abs(light[..., 3] - expected.opacity.numpy()).max() < 1e-4
    seen = expected.opacity.numpy() > 0.05
    assert np.abs(around[..., 3] - expected.depth.numpy())[seen].max() < 2e-4
    clear = np.abs(expected.opacity.numpy() - 0.5) > 1e-3
    assert np.abs(around[..., :3] - expected.normals.numpy())[clear].max() < 1e-4
    drawn(page, mode="colour", backdrop="white")
    assert np.abs(pixels(page) - expected.picture("colour", "white")).max() < 1 / 255


def test_a_crop_box_leaves_out_what_is_beyond_it(page: Any, marched: Marched) -> None:
    open_in(page, marched, told_of_scene(marched))
    view = {"camera": camera_json(STANDING, 2.6), "crop": [-0.2, -1, -1, 1, 0.1, 1]}
    found = drawn(page, **view)
    rays = STANDING.rays(STANDING.centres(torch.arange(STANDING.pixels)))
    intervals = marched.intervals(rays)
    points = intervals.points(rays)
    inside = (points[:, 0] > -0.2) & (points[:, 1] < 0.1) & (points.abs() < 1).all(-1)
    values = marched.radiance(intervals.samples(rays))[inside]
    kept = intervals.kept(inside)
    seen = render(kept, values[:, 0], values[:, 1:])
    opacity = seen.opacity.reshape(SIZE[::-1]).numpy()
    # Rays end where what lies before the crop box is dense already: only the browser goes on.
    whole = marched.render(rays).opacity.reshape(SIZE[::-1]).numpy()
    same = whole < 0.95
    assert np.abs(found[..., 3] - opacity)[same].max() < 2e-3
    assert opacity.max() > 0.5


def test_a_view_is_seen_through_its_own_lens(page: Any) -> None:
    field = scene(False)
    camera = Camera(STANDING.pose, (70.0, 66.0), (80, 40), centre=(35.0, 22.0))
    pose = tuple(camera.pose.reshape(-1).tolist())
    view = View("photo", pose, camera.focal, camera.centre, camera.size, False)
    open_in(page, field, told_of_scene(field, views=(view,)), (80, 60))
    found = drawn(page, size=(80, 60))[10:50]
    expected = render_view(field, camera)
    assert np.abs(found[..., :3] - expected.colour.numpy()).max() < 1e-3
    photo = expected.over([1.0, 1.0, 1.0]).numpy().clip(0, 1)
    texels = np.concatenate([np.rint(photo * 255), np.full((40, 80, 1), 255)], -1).astype(np.uint8)
    data = base64.b64encode(texels.tobytes()).decode()
    image = "new ImageData(new Uint8ClampedArray(bytes(data)), 80, 40)"
    page.evaluate(f"(data) => painter.setPhotos(new Map([[0, {image}]]))", data)
    drawn(page, mode="error", scale=0.5, map="grey", size=(80, 60))
    assert pixels(page, (80, 60))[10:50].max() < 0.02
    page.evaluate("painter.setPhotos(new Map())")
    assert pixels(page, (80, 60))[10:50].max() > 0.5  # no photo, no error: the colours themselves
    page.evaluate(f"(data) => painter.setPhotos(new Map([[0, {image}]]))", data)
    assert pixels(page, (80, 60))[10:50].max() < 0.02
    page.evaluate("painter.view = {...painter.view, camera: nf.orbited(painter.view.camera, 0.3, 0)}")
    assert page.evaluate("painter.view.camera.view") is None


def test_cameras_lie_over_smooth_pictures_as_over_others(page: Any) -> None:
    """Lines behind things are as faint, however many pictures are mixed."""
    field = scene(False)
    poses = [Camera.look_at((3 * math.cos(a), 0.4, 3 * math.sin(a))).pose.reshape(-1).tolist() for a in range(6)]
    views = tuple(View("", tuple(pose), (60.0, 60.0), (32.0, 24.0), SIZE, False) for pose in poses)
    open_in(page, field, told_of_scene(field, views=views))
    away = {"eye": [4, 2, 3], "target": [0, 0, 0], "up": [0, 1, 0], "fov": 60, "view": None}
    found = []
    for cameras in (False, True):
        drawn(page, camera=away, cameras=cameras)
        found.append([pixels(page, smooth=smooth) for smooth in (False, True)])
    plain, smoothed = (found[1][k] - found[0][k] for k in (0, 1))
    assert np.abs(plain).max() > 0.2
    assert np.abs(plain - smoothed).mean() < 0.1 * np.abs(plain).mean()


# How it is drawn.


def test_the_page_does_not_wait_for_compilers(page: Any, image: Field) -> None:
    """It says that a shader is being compiled."""
    open_in(page, image, told_of_image(image))
    states = page.evaluate(
        """async () => {
            const states = [];
            const end = painter.onState(({compiling, exact}) => states.push({compiling, exact}));
            await painter.settled();
            await new Promise(requestAnimationFrame);
            end();
            return states;
        }"""
    )
    compiling = [k for k, state in enumerate(states) if state["compiling"]]
    assert compiling and not any(states[k]["exact"] for k in compiling)
    assert states[-1] == {"compiling": False, "exact": True}


def test_motion_is_drawn_coarsely_and_ends_exact(page: Any, ring: Field) -> None:
    open_in(page, ring, shown(ring, "shape", shape=METRIC), (192, 144))
    states = page.evaluate(
        """async (camera) => {
            await painter.settled();
            const states = [];
            const end = painter.onState(({exact, factor, share}) => states.push({exact, factor, share}));
            painter.pace.perPixel = 0.01;
            painter.view = {...painter.view, camera};
            await painter.settled();
            await new Promise(requestAnimationFrame);
            end();
            return states;
        }""",
        camera_json(AROUND, 3.6),
    )
    coarse = [state for state in states if state["factor"] > 1]
    assert coarse and not any(state["exact"] for state in coarse)
    assert states[-1] == {"exact": True, "factor": 1, "share": 1}
    last = max(k for k, state in enumerate(states) if state["factor"] > 1)
    shares = [state["share"] for state in states[last:]]
    assert all(a <= b for a, b in pairwise(shares))


def test_new_weights_are_drawn_in_place(page: Any, image: Field) -> None:
    open_in(page, image, told_of_image(image))
    drawn(page)
    torch.manual_seed(8)
    other = Siren(2, 3, width=16, depth=2, first_omega=12)
    page.evaluate("([arrays, data]) => painter.setWeights(arrays, bytes(data))", packed(other))
    assert np.abs(drawn(page)[..., :3] - image_values(other, SIZE)).max() < 1e-4


def test_a_lost_context_comes_back(page: Any, image: Field) -> None:
    open_in(page, image, told_of_image(image))
    drawn(page)
    problem = page.evaluate(
        """async () => {
            const lose = painter.canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
            const event = (name) => new Promise((resolve) => painter.canvas.addEventListener(name, resolve));
            const [lost, restored] = [event("webglcontextlost"), event("webglcontextrestored")];
            lose.loseContext();
            await lost;
            const { problem } = painter.state;
            await new Promise((resolve) => setTimeout(resolve, 50));
            lose.restoreContext();
            await restored;
            return problem;
        }"""
    )
    assert "taken away" in problem
    assert np.abs(drawn(page)[..., :3] - image_values(image, SIZE)).max() < 1e-4


FILM = """async () => {
    const shares = [], keys = nf.turntable(painter.view.camera, 4);
    const film = {seconds: 0.5, rate: 8, loop: true, onProgress: (share) => shares.push(share)};
    const blob = await nf.record(painter, keys, film);
    const video = Object.assign(document.createElement("video"), {muted: true, src: URL.createObjectURL(blob)});
    const context = new OffscreenCanvas(64, 48).getContext("2d", {willReadFrequently: true}), pictures = [];
    const look = () => {
        context.drawImage(video, 0, 0);
        pictures.push(Array.from(context.getImageData(0, 0, 64, 48).data));
        video.requestVideoFrameCallback(look);
    };
    await new Promise((resolve, reject) => {
        Object.assign(video, {onended: resolve, onerror: () => reject(video.error)}).requestVideoFrameCallback(look);
        void video.play();
    });
    return {type: blob.type, shares, pictures};
}"""


def test_films_have_all_their_pictures(page: Any, ring: Field) -> None:
    """They are what the painter shows, and not all the same."""
    open_in(page, ring, shown(ring, "shape", shape=METRIC))
    drawn(page, clip={"axis": 0, "at": 0.2, "flipped": False})  # else it is the same from all sides
    film = page.evaluate(FILM)
    assert film["type"].startswith("video/") and film["shares"] == [0.25, 0.5, 0.75, 1]
    found = np.array(film["pictures"]).reshape(-1, *SIZE[::-1], 4)[..., :3] / 255
    drawn(page)
    assert np.abs(found[0] - pixels(page)).mean() < 0.03
    assert len(found) > 1 and all(np.abs(one - other).mean() > 0.01 for one, other in pairwise(found))


# Pointers and keys.


def act(page: Any) -> None:
    page.evaluate(
        "() => { window.input?.dispose(); painter.canvas.tabIndex = 0; window.input = new nf.Input(painter); }"
    )


def test_pointers_and_keys_on_a_picture(page: Any, image: Field) -> None:
    open_in(page, image, told_of_image(image))
    act(page)
    page.mouse.move(32, 24)
    page.mouse.down()
    page.mouse.move(42, 24, steps=2)
    page.mouse.up()
    assert page.evaluate("painter.view.centre") == pytest.approx([-20 / 64, 0])
    page.keyboard.press("ArrowRight")
    assert page.evaluate("painter.view.centre[0]") == pytest.approx(-20 / 64 + 2 * 4.8 / 64)
    page.keyboard.press("0")
    page.mouse.move(16, 12)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(100)
    zoom, centre = page.evaluate("[painter.view.zoom, painter.view.centre]")
    assert zoom == pytest.approx(np.exp(0.45), rel=1e-3)
    assert centre == pytest.approx([-0.5 + 0.5 / zoom] * 2)
    page.keyboard.press("+")
    assert page.evaluate("painter.view.zoom") == pytest.approx(zoom * 1.25)
    page.evaluate("painter.view = {...painter.view, mode: 'split', split: 0.5}")
    page.mouse.move(32, 24)
    page.mouse.down()
    page.mouse.move(16, 24)
    page.mouse.up()
    assert page.evaluate("painter.view.split") == pytest.approx(0.25)
    page.keyboard.press(".")
    assert page.evaluate("painter.view.split") == pytest.approx(0.27)


def test_pointers_and_keys_around_a_shape(page: Any, ring: Field) -> None:
    open_in(page, ring, shown(ring, "shape", shape=METRIC))
    act(page)
    page.evaluate("painter.settled()")
    before = page.evaluate("painter.view.camera")
    page.mouse.move(32, 24)
    page.mouse.down()
    page.mouse.move(40, 20)
    page.mouse.up()
    turned = page.evaluate("painter.view.camera")
    assert turned["eye"] != before["eye"] and turned["target"] == before["target"]
    assert np.linalg.norm(turned["eye"]) == pytest.approx(np.linalg.norm(before["eye"]))
    page.keyboard.press("-")
    assert np.linalg.norm(page.evaluate("painter.view.camera.eye")) == pytest.approx(4.4 * 1.25)
    page.keyboard.press("Shift+ArrowUp")
    assert np.linalg.norm(page.evaluate("painter.view.camera.target")) > 0.05
    page.emulate_media(reduced_motion="reduce")
    page.keyboard.press("0")
    assert page.evaluate("painter.view.camera") == before
    page.evaluate("painter.settled()")
    page.keyboard.press("c")
    assert np.linalg.norm(page.evaluate("painter.view.camera.target")) > 0.05
