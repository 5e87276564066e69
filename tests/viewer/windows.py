"""Chromium's windows on the viewer's page, what people do in them, and small fits to be looked at."""

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pages
import PIL.Image
import torch
from test_items import image

import neuralfields as nf
from neuralfields.viewer.items import Item

PATIENCE = 60.0
SMALL = {"width": 420, "height": 320}


class Window:
    """A page in a window of its own, which must not say anything on the console."""

    def __init__(self, browser: Any, address: str, *, size: dict[str, int] = SMALL, **options: Any):
        self.context = browser.new_context(**{"viewport": size, "device_scale_factor": 0.5, **options})
        self.page, self.requests, self.errors = self.context.new_page(), [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.goto(address)

    def __enter__(self) -> "Window":
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()

    def text(self, selector: str) -> str:
        """The text of the first such element, or nothing."""
        return self.page.evaluate("s => document.querySelector(s)?.textContent ?? ''", selector)

    def until(self, true: Callable[[], Any], what: str) -> Any:
        """The page's policy forbids the evaluation that Playwright waits by."""
        end = time.monotonic() + PATIENCE
        while not (found := true()):
            assert time.monotonic() < end, f"{what}: {self.text('#app')[:500]} {self.errors}"
            self.page.wait_for_timeout(50)
        return found

    def exact(self) -> None:
        self.until(lambda: self.text(".status").startswith("exact"), "no exact picture")

    def view(self) -> dict[str, Any]:
        """What the address says of the view, once it has said the same for longer than the page waits to write it."""
        told, since = None, time.monotonic()
        while time.monotonic() - since < 0.6:
            self.page.wait_for_timeout(50)
            now = self.page.evaluate("location.hash")
            if now != told:
                told, since = now, time.monotonic()
        return json.loads(unquote(str(told).removeprefix("#view=") or "null") or "{}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def mode(self) -> str:
        return self.page.evaluate("document.querySelector('.toolbar input:checked')?.value")

    def choose(self, mode: str) -> None:
        script = "m => (document.querySelector(`.toolbar input[value=${m}]`)?.click(), true)"
        there = "m => document.querySelector(`.toolbar input[value=${m}]`) !== null"
        self.until(lambda: self.page.evaluate(there, mode) and self.page.evaluate(script, mode), f"no {mode}")

    def labelled(self, label: str) -> Any:
        """A control of the side panel."""
        return self.page.locator(".panel").get_by_label(label, exact=True)

    def panel(self) -> None:
        if not self.text(".panel"):
            self.press("p")

    def values(self) -> np.ndarray:
        """The inspector's values, in all digits."""
        script = "[...document.querySelectorAll('.values td[data-value]')].map(cell => Number(cell.dataset.value))"
        return np.array(self.page.evaluate(script))

    def place(self) -> np.ndarray:
        script = "JSON.parse(document.querySelector('.values')?.dataset.place ?? '[]')"
        return np.array(self.page.evaluate(script))

    def picture(self) -> np.ndarray:
        """The middle of the picture, where nothing lies over it: [height, width, 3] uint8."""
        box = self.until(self.page.locator("canvas").bounding_box, "no canvas")  # none while another takes its place
        clip = {"x": box["x"] + box["width"] / 4, "y": box["y"] + box["height"] / 4}
        shot = self.page.screenshot(clip=clip | {"width": box["width"] / 2, "height": box["height"] / 2})
        return np.asarray(PIL.Image.open(io.BytesIO(shot)).convert("RGB"))

    def colours(self) -> int:
        """How many colours the middle of the picture has."""
        return len(np.unique(self.picture().reshape(-1, 3), axis=0))

    def shoot(self, name: str) -> None:
        """Keep a picture to be looked at, where NF_SCREENSHOTS says."""
        if folder := os.environ.get("NF_SCREENSHOTS"):
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


def ball(x: torch.Tensor) -> torch.Tensor:
    return x.norm(dim=-1, keepdim=True) - 0.6


def picture_item(seed: int = 0, **options: Any) -> Item:
    field, signal = pages.small_field(seed), image(pages.picture(48, 64))
    nf.fit(field, signal, steps=40, batch=256)
    return Item(field, signal, **{"name": "photo", **options})


def points_item() -> Item:
    """A picture's field that no page computes."""
    torch.manual_seed(0)
    field, signal = nf.encodings.GaussianPoints(2, points=64), image(pages.picture(48, 64))
    nf.fit(field, signal, steps=40, batch=256)
    return Item(field, signal, name="points")


def shape_item(**options: Any) -> Item:
    torch.manual_seed(0)
    field = nf.networks.Siren(3, 1, width=16, depth=1)
    solid = nf.signals.Solid(ball)
    nf.fit(field, solid, steps=200, batch=512)
    return Item(field, solid, **{"name": "ball", **options})


def slices_item() -> Item:
    torch.manual_seed(0)
    return Item(nf.networks.Siren(3, 3, width=16, depth=1), name="volume")


def scene_item(folder: Path, *, steps: int = 600) -> Item:
    """Three things before eight cameras, and one held out, in photos of 24 by 24 pixels."""
    nf.signals.synthetic.write(folder, views=8, held_out=1, size=24, samples=1)
    scene = nf.signals.PosedImages.read(folder)
    torch.manual_seed(0)
    grid = nf.encodings.HashGrid(3, levels=4, log2_size=12, base=8, finest=48)
    directions = nf.encodings.SphericalHarmonics(2)
    trunk = nf.Chain(grid, nf.networks.MLP(grid.out_dim, 8, width=16, depth=1))
    colour = nf.networks.MLP(8 + directions.out_dim, 3, width=16, depth=1)
    field = nf.fields.Marched(
        nf.fields.Radiance(trunk, colour, directions=directions, shift=2.3), cells=32, step=1 / 24
    )
    nf.fit(field, scene, steps=steps, batch=512)
    return Item(field, scene, name="objects")
