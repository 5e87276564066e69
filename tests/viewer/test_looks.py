"""Pictures drawn by the server look as those that the page draws itself of the same view."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from chromium import blank
from PIL import Image as Picture
from test_items import image
from tiny_scenes import write

import neuralfields as nf
from neuralfields.networks import Siren
from neuralfields.viewer import frames, looks, messages
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import Look

SIZE = 64, 48
SETUP = """async ([shown, arrays, data, truth, size]) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = size;
    document.body.replaceChildren(canvas);
    const bytes = (data) => Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    window.painter?.dispose();
    window.painter = new nf.Painter(canvas, shown);
    window.shown = shown;
    painter.setWeights(arrays, bytes(data));
    if (truth) painter.setTruth(truth[0], bytes(truth[1]));
}"""
DRAW = """async ([view, [width, height]]) => {
    painter.view = {...painter.view, ...view};
    await painter.settled();
    if (painter.state.problem) throw new Error(painter.state.problem);
    painter.present();
    const picture = await createImageBitmap(await new Promise((resolve) => painter.canvas.toBlob(resolve)));
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(picture, 0, 0);
    const {data} = context.getImageData(0, 0, width, height);
    return [Array.from(data), nf.drawOf(painter.view, shown, width, height), painter.state.legend];
}"""


@pytest.fixture(scope="module")
def page(chromium: Any) -> Iterator[Any]:
    page = blank(chromium, "draw/painter.ts", "frames.ts")
    yield page
    page.close()


def waves(inputs: int, channels: int) -> nf.Field:
    torch.manual_seed(5)
    return Siren(inputs, channels, width=16, depth=2, first_omega=4)


def flat(channels: int = 3, *, linear: bool = False) -> Item:
    smooth = np.mgrid[:12, :16].sum(0)[..., None] / 26 * np.linspace(0.4, 1, channels)
    signal = image(smooth.astype(np.float32), "a.exr" if linear else "a.png")
    return Item(waves(2, channels), signal, name="flat")


def shape() -> Item:
    field = waves(3, 1)
    optimizer = torch.optim.Adam(field.parameters(), 3e-3)
    for _ in range(200):
        x = torch.rand(512, 3) * 2 - 1
        optimizer.zero_grad()
        (field(x) - x.norm(dim=-1, keepdim=True) + 0.6).abs().mean().backward()
        optimizer.step()
    return Item(field.requires_grad_(False), name="ball")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: Any) -> Item:
    signal = nf.signals.PosedImages.read(write(tmp_path_factory.mktemp("ball"), 4, 1))
    recipe = nf.recipes.ngp(signal)
    fit = nf.fit(recipe.field, signal, **recipe.settings | {"steps": 30})
    assert isinstance(fit.field, nf.Field)
    return Item(fit.field, signal, name="ball")


def both(page: Any, item: Item, **view: Any) -> tuple[np.ndarray, np.ndarray, Any, Any]:
    """The page's and the server's picture [height, width, 3] in [0, 1] of a view, and their legends."""
    snapshot = item.snapshot("float16")
    truth = None
    if item.shown.truth and item.shown.kind == "image":
        told, data = item.truth()
        truth = [asdict(told), base64.b64encode(data).decode()]
    shown = json.loads(json.dumps(asdict(item.shown)))
    arrays = [asdict(array) for array in snapshot.arrays]
    page.evaluate(SETUP, [shown, arrays, base64.b64encode(snapshot.data).decode(), truth, SIZE])
    data, asked, legend = page.evaluate(DRAW, [view, SIZE])
    ours, ends = frames.draw(item, messages.request(json.dumps(asked)), 1)  # type: ignore[arg-type]
    served = np.asarray(Picture.open(io.BytesIO(ours)).convert("RGB")) / 255
    return np.array(data).reshape(*SIZE[::-1], 4)[..., :3] / 255, served, legend, ends


FLAT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({}, {"mode": "truth"}),
    ({}, {"exposure": 1.5}),
    ({}, {"channel": 2, "exposure": -1}),
    ({}, {"mode": "error", "map": "viridis"}),
    ({}, {"mode": "error", "channel": 1, "scale": 0.7}),
    ({}, {"mode": "gradient", "map": "cividis"}),
    ({}, {"zoom": 0.6, "centre": [0.5, 0.3]}),
    ({"channels": 4}, {"backdrop": "checker"}),
    ({"channels": 2}, {"backdrop": "studio"}),
    ({"channels": 1}, {"mode": "gradient", "zoom": 3, "scale": 0.05}),
    ({"linear": True}, {"exposure": 1}),
]


@pytest.mark.parametrize(("made", "view"), FLAT)
def test_images(page: Any, made: dict[str, Any], view: dict[str, Any]) -> None:
    alike(*both(page, flat(**made), **view))


@pytest.mark.parametrize("view", [{"axis": 0, "at": 0.3, "zoom": 2}, {"axis": 1, "at": -0.5, "mode": "gradient"}])
@pytest.mark.parametrize("channels", [1, 3])
def test_slices(page: Any, channels: int, view: dict[str, Any]) -> None:
    field = waves(3, channels)
    if channels == 1:
        with torch.no_grad():
            field.layers[-1].bias += 9  # no zero, or it would be a shape
    item = Item(field, name="volume")
    assert item.shown.kind == "slices"
    alike(*both(page, item, **view))


def test_more_channels_than_colours(page: Any) -> None:
    alike(*both(page, Item(waves(2, 6), name="six"), channel=4, zoom=2))


@pytest.mark.parametrize("mode", ["colour", "normal", "depth"])
def test_shapes(page: Any, mode: str) -> None:
    ours, served, *_ = both(page, shape(), mode=mode, map="viridis")
    alike(ours, served, None, None)


@pytest.mark.parametrize("mode", ["colour", "depth", "normal", "opacity"])
def test_scenes(page: Any, scene: Item, mode: str) -> None:
    alike(*both(page, scene, mode=mode, backdrop="studio"))


def alike(ours: np.ndarray, served: np.ndarray, legend: Any, ends: Any) -> None:
    assert np.abs(ours - served).mean() < 0.02 and np.quantile(np.abs(ours - served), 0.98) < 0.12
    assert ours.std() > 0.01
    if legend is not None:
        assert ends == pytest.approx((legend["low"], legend["high"]), rel=0.02, abs=1e-3)
    else:
        assert ends is None


def test_maps_go_from_end_to_end():
    for name, stops in looks.COLOUR_MAPS.items():
        ends = [np.array(list(bytes.fromhex(stop))) / 255 for stop in (stops.split()[0], stops.split()[-1])]
        assert looks.mapped(np.array([-1.0, 2.0]), name) == pytest.approx(np.array(ends))
    assert looks.mapped(np.array([[0.5]]), "grey") == pytest.approx(np.full((1, 1, 3), 0.5))


@pytest.mark.parametrize(
    ("value", "scale"), [(0.3, 0.5), (1.0, 1.0), (7.0, 10.0), (0.0, 1.0), (float("nan"), 1.0), (2e-7, 2e-7)]
)
def test_scales_are_round(value, scale):
    assert looks.rounded(value) == pytest.approx(scale)
    assert looks.scale_of(np.full((2, 2), value), Look(scale=3.0)) == 3.0
