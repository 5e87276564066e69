"""The pictures of docs/scenes.md and docs/tutorial-scene.md; ``make_pictures.py`` calls them."""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

import neuralfields as nf
from neuralfields.bench import pictures
from neuralfields.geometry import Camera
from neuralfields.signals import synthetic
from neuralfields.signals.scene_check import SceneCheck

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("NF_TEST_DATA") or ROOT.parent / "shared" / "data")
SIZE, SMOOTH = (900, 460), 2
INK, GREY, PALE, FAINT = "#1e1e1e", "#777777", "#9db7dd", "#d6e0f0"
RED, GREEN, BLUE = "#c8322a", "#2a9640", "#2a5ac8"

NAME, STEPS = "objects", 1500

Point = Sequence[float]


def cameras() -> Image.Image:
    """What nf check draws of fifty photos."""
    return Image.fromarray(SceneCheck.read(DATA / "scenes" / "fox").picture())


def scene() -> Image.Image:
    """What a field of the traced solids shows from new places, below the truth: colours, depths, normals."""
    with tempfile.TemporaryDirectory() as folder:
        synthetic.write(Path(folder) / NAME, NAME)
        photos = nf.signals.PosedImages.read(Path(folder) / NAME)
    torch.manual_seed(0)
    recipe = nf.recipes.ngp(photos)
    settings: Any = recipe.settings | {"steps": STEPS}
    field: Any = nf.fit(recipe.field, photos, **settings).field
    world = synthetic.world(NAME)
    errors, picture = synthetic.judge(field, world, world.cameras(8, first=0.5))
    print(errors)
    return Image.fromarray(np.rint(255 * picture).astype(np.uint8))


def recipes() -> Image.Image:
    """PSNR over seconds of the recipes for posed photos, from benchmarks/results/nerfs.json."""
    found = json.loads((ROOT / "benchmarks" / "results" / "nerfs.json").read_text())["results"]
    return pictures.courses(found["rows"], title=found["settings"]["scene"]["name"])


def conventions() -> Image.Image:
    """A camera with its axes, and its picture with pixel coordinates."""
    drawing = _Drawing(Camera.look_at((5.2, 3.2, 5.2), (0.55, 0.38, -1.3), fov=22.5, size=SIZE))
    seen, far = Camera(torch.eye(4), 7.5, (8, 6)), 3.0

    def at(x: float, y: float) -> tuple[float, ...]:
        return _at(seen, x, y, far)

    corners = [at(*corner) for corner in ((0, 0), (8, 0), (8, 6), (0, 6))]
    for corner in corners:
        drawing.line([(0, 0, 0), corner], PALE, 1)
    for x in range(1, 8):
        drawing.line([at(x, 0), at(x, 6)], FAINT, 1)
    for y in range(1, 6):
        drawing.line([at(0, y), at(8, y)], FAINT, 1)
    drawing.line([*corners, corners[0]], BLUE, 2)
    drawing.arrow(corners[0], at(2.4, 0), INK, "pixels' x", (20, -20))
    drawing.arrow(corners[0], at(0, 2.4), INK, "pixels' y", (-44, 0))
    for x, y, words, shift in (
        (0, 0, "(0, 0)", (-30, -12)),
        (0.5, 0.5, "(0.5, 0.5)", (52, 10)),
        (8, 6, "(width, height)", (64, 10)),
        (4, 3, "principal point", (66, 12)),
    ):
        drawing.dot(at(x, y), INK)
        drawing.text(at(x, y), words, INK, shift)
    drawing.dashes((0, 0, 0), at(4, 3), GREY)
    drawing.arrow((0, 0, 0), (1.0, 0, 0), RED, "x: right", (42, 4))
    drawing.arrow((0, 0, 0), (0, 1.0, 0), GREEN, "y: up", (0, -18))
    drawing.arrow((0, 0, 0), (0, 0, 1.0), BLUE, "z: behind", (-20, 20))
    drawing.dot((0, 0, 0), INK)
    return drawing.sheet.resize(SIZE, Image.Resampling.BOX)


def _at(camera: Camera, x: float, y: float, depth: float) -> tuple[float, ...]:
    """The point that is seen at pixel coordinates, so far ahead."""
    direction = camera.rays(torch.tensor([[x, y]]), dtype=torch.float64).direction[0]
    return tuple((direction / -direction[2] * depth).tolist())


class _Drawing:
    """Lines of a world, as a camera sees them."""

    def __init__(self, camera: Camera):
        self.camera = camera
        self.sheet = Image.new("RGB", (SIZE[0] * SMOOTH, SIZE[1] * SMOOTH), "white")
        self._draw = ImageDraw.Draw(self.sheet)

    def place(self, point: Point) -> tuple[float, float]:
        (x, y), *_ = self.camera.project(torch.tensor([point], dtype=torch.float64))[0].tolist()
        return x * SMOOTH, y * SMOOTH

    def line(self, points: Sequence[Point], colour: str, width: int) -> None:
        self._draw.line([self.place(point) for point in points], colour, width * SMOOTH, joint="curve")

    def dashes(self, start: Point, end: Point, colour: str, count: int = 41) -> None:
        steps = torch.linspace(0, 1, count, dtype=torch.float64)[:, None]
        points = torch.tensor(start, dtype=torch.float64) * (1 - steps) + torch.tensor(end, dtype=torch.float64) * steps
        for a, b in list(pairwise(points.tolist()))[::2]:
            self.line([a, b], colour, 1)

    def arrow(self, start: Point, end: Point, colour: str, words: str, shift: tuple[int, int]) -> None:
        self.line([start, end], colour, 3)
        (x0, y0), (x1, y1) = self.place(start), self.place(end)
        length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-9)
        dx, dy = (x1 - x0) / length * 7 * SMOOTH, (y1 - y0) / length * 7 * SMOOTH
        head = [(x1 + dx, y1 + dy), (x1 - dx - dy, y1 - dy + dx), (x1 - dx + dy, y1 - dy - dx)]
        self._draw.polygon(head, colour)
        self.text(end, words, colour, shift)

    def dot(self, point: Point, colour: str) -> None:
        x, y = self.place(point)
        reach = 4 * SMOOTH
        self._draw.ellipse([x - reach, y - reach, x + reach, y + reach], colour)

    def text(self, point: Point, words: str, colour: str, shift: tuple[int, int]) -> None:
        x, y = self.place(point)
        at = x + shift[0] * SMOOTH, y + shift[1] * SMOOTH
        self._draw.text(at, words, colour, ImageFont.load_default(15 * SMOOTH), anchor="mm")


MAKERS: dict[str, Callable[[], Image.Image]] = {
    "cameras": cameras,
    "conventions": conventions,
    "scene": scene,
    "recipes": recipes,
}
