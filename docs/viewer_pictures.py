"""The pictures of docs/viewer.md: the page in Chromium, as people see it; ``make_pictures.py`` calls them."""

import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import torch
from PIL import Image
from skimage import data

import neuralfields as nf
from neuralfields.signals import synthetic
from neuralfields.viewer.course import Course
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import Point
from neuralfields.viewer.server import Server
from neuralfields.viewer.session import Session

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "docs"
DATA = Path(os.environ.get("NF_TEST_DATA") or ROOT.parent / "shared" / "data")
CHROMIUM = os.environ.get("NF_CHROMIUM") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
WIDE, NARROW = (700, 430), (360, 600)
SECONDS = {"image": 8.0, "siren": 8.0, "spot": 15.0, "objects": 30.0}
PATIENCE = 600.0  # seconds until a picture is exact, on a machine without a graphics card
AT = {"target": [0, 0, 0], "up": [0, 1, 0], "fov": 30}

Fitted = tuple[Item, list[Point]]


def photo(number: int = 0, name: str = "image") -> Fitted:
    """The demo's photo, by the default recipe or by a method."""
    image = nf.signals.Image.from_array(data.astronaut(), name="astronaut")
    recipe = nf.recipes.image(image) if name == "image" else nf.recipes.METHODS[name](image, params=50_000)
    field, course = _fitted(name, recipe, image)
    return Item(field, image, name="astronaut" if name == "image" else name, id=number), course


def shape() -> Fitted:
    """A cow, as a signed distance."""
    mesh = nf.signals.Mesh.read(DATA / "meshes" / "spot.obj", form="sdf")
    field, course = _fitted("spot", nf.recipes.sdf(mesh), mesh)
    return Item(field, mesh, name="spot"), course


def scene() -> Fitted:
    """The traced solids of docs/scenes.md."""
    with tempfile.TemporaryDirectory() as folder:
        synthetic.write(Path(folder) / "objects", "objects")
        photos = nf.signals.PosedImages.read(Path(folder) / "objects")
    field, course = _fitted("objects", nf.recipes.ngp(photos), photos)
    return Item(field, photos, name="objects"), course


def _fitted(name: str, recipe: Any, signal: Any) -> tuple[nf.Field, list[Point]]:
    """The field, from build/docs if it is there, and how its fit went."""
    path, told = WORK / f"viewer-{name}.nf", WORK / f"viewer-{name}.course"
    if not (path.exists() and told.exists()):
        torch.manual_seed(0)
        settings = recipe.settings | {"steps": None, "seconds": SECONDS[name]}
        course = [_point(step) for step in nf.steps(recipe.field, signal, **settings)]
        recipe.field.frame = signal.frame
        WORK.mkdir(parents=True, exist_ok=True)
        nf.save(recipe.field, path)
        told.write_text(json.dumps([asdict(point) for point in course[:: max(1, len(course) // 600)]]))
    return nf.load(path), [Point(**point) for point in json.loads(told.read_text())]


def _point(step: Any) -> Point:
    rate, left = step.samples / step.seconds, step.seconds * (1 / step.fraction - 1)
    learning = step.state.optimizer.param_groups[0]["lr"]
    return Point(step.step, step.seconds, step.loss, step.psnr, rate, learning, left, step.fraction)


def _shot(
    fitted: Sequence[Fitted],
    view: dict[str, Any],
    *,
    size: tuple[int, int] = WIDE,
    scheme: str = "light",
    at: tuple[float, float] | None = None,
    keys: Sequence[str] = (),
) -> Image.Image:
    """The page showing these fields so, the pointer at shares of the window, keys pressed."""
    from playwright.sync_api import sync_playwright

    session = Session([item for item, _ in fitted], title=fitted[0][0].shown.name)
    session.fits = {item.shown.id: Course(points) for item, points in fitted}
    with Server(session, port=0) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(f"{server.url}&view={quote(json.dumps({**view, 'by': 'here'}))}")
        _exact(page)
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(300)
        if at is not None:
            page.mouse.move(at[0] * size[0], at[1] * size[1])
        page.wait_for_timeout(500)
        _exact(page)
        shot = page.screenshot()
        browser.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def _exact(page: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not page.evaluate("document.querySelector('.status')?.textContent ?? ''").startswith("exact"):
        assert time.monotonic() < end, "no exact picture in time"
        page.wait_for_timeout(200)


def viewer_image() -> Image.Image:
    """A photo's field, split against the photo, the inspector at a place."""
    view = {"mode": "split", "split": 0.46, "zoom": 2.2, "centre": [-0.1, -0.45]}
    return _shot([photo()], view, at=(0.4, 0.5))


def viewer_error() -> Image.Image:
    """Two fits of a photo beside each other, as errors; dark."""
    return _shot([photo(), photo(1, "siren")], {"mode": "error", "other": 1}, scheme="dark", at=(0.36, 0.4))


def viewer_shape() -> Image.Image:
    """A shape cut open."""
    camera = {**AT, "eye": [2.4, 1.1, 2.8]}
    return _shot([shape()], {"clip": {"axis": 0, "at": 0.05, "flipped": True}, "camera": camera})


def viewer_scene() -> Image.Image:
    """A scene with the cameras of its photos; dark."""
    return _shot([scene()], {"cameras": True}, scheme="dark")


def viewer_narrow() -> Image.Image:
    """On a telephone, without and with the panel."""
    sheet = Image.new("RGB", (2 * NARROW[0] + 16, NARROW[1]), "white")
    sheet.paste(_shot([photo()], {}, size=NARROW, scheme="dark"), (0, 0))
    sheet.paste(_shot([photo()], {"mode": "gradient"}, size=NARROW, keys=["i", "p"]), (NARROW[0] + 16, 0))
    return sheet


MAKERS: dict[str, Callable[[], Image.Image]] = {
    "viewer-image": viewer_image,
    "viewer-error": viewer_error,
    "viewer-shape": viewer_shape,
    "viewer-scene": viewer_scene,
    "viewer-narrow": viewer_narrow,
}
