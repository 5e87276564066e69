"""The pictures of docs/tutorial-shape.md; ``make_pictures.py`` calls them."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import neuralfields as nf
from neuralfields.geometry import Camera, Proximity, Triangles, solids
from neuralfields.render import Surface

DATA = Path(os.environ.get("NF_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
WORK = Path(__file__).parents[1] / "build" / "docs"
SIDE = 300
STEPS = 4000
MESHES = {"armadillo": "sdf", "nefertiti": "sdf", "spot": "sdf", "stanford-bunny": "sdf", "beetle-alt": "udf"}
AZIMUTHS = {"armadillo": 15.0, "nefertiti": 35.0, "spot": 210.0, "stanford-bunny": 10.0, "beetle-alt": 40.0}
BOX, DRILL = (0.5, 0.4, 0.6), 0.25
PART = solids.rotated(solids.difference(solids.box(BOX), solids.cylinder(DRILL, 1.0)), (1.0, 2.0, 0.5), 35.0)
CELLS = 40

Panel = tuple[str, Image.Image]


def fitted(name: str, form: str) -> tuple[nf.Field, nf.signals.Mesh]:
    """The field of a sample mesh by the default recipe, from build/docs if it is there, and the mesh."""
    mesh = nf.signals.Mesh.read(DATA / "meshes" / f"{name}.obj", form=form)
    path = WORK / f"shape-{name}-{form}.nf"
    if not path.exists():
        torch.manual_seed(0)
        recipe = nf.recipes.sdf(mesh)
        nf.fit(recipe.field, mesh, **replace(recipe, steps=STEPS).settings)
        nf.save(recipe.field, path)
    return nf.load(path), mesh


def shot(surface: Surface, camera: Camera | None = None, mode: str = "shaded") -> Image.Image:
    """A surface on white."""
    shown = nf.render.render_surface(surface, camera, mode=mode, background="white")  # type: ignore[arg-type]
    return Image.fromarray((shown.clip(0, 1) * 255).round().astype(np.uint8))


def gallery() -> tuple[list[Panel], list[Panel]]:
    """The five sample meshes, fitted: shaded, and their normals."""
    numbers, shaded, normals = {}, [], []
    for name, form in MESHES.items():
        field, mesh = fitted(name, form)
        surface = Surface.of(field)
        up = "z" if name == "nefertiti" else "y"
        camera = nf.render.framed(surface, AZIMUTHS[name], 10.0, up=up, size=(SIDE, SIDE))
        found = mesh.measure(field, thorough=True)
        numbers[name] = found
        told = f"IoU {found['iou']:.4f}" if "iou" in found else f"error {found['distance_error']:.1g}"
        shaded.append((f"{mesh.name.removesuffix('.obj')}, {form}: {told}", shot(surface, camera)))
        normals.append((f"{found['normal_error']:.1f} degrees off", shot(surface, camera, "normals")))
    (WORK / "shapes.json").write_text(json.dumps(numbers))
    return shaded, normals


def slices() -> list[Panel]:
    """Distances in a plane through spot, the truth's and the field's: lines every 0.05, the surface thick."""
    field, mesh = fitted("spot", "sdf")
    axis = (torch.arange(2 * SIDE) * 2 + 1) / (2 * SIDE) - 1
    y, z = torch.meshgrid(-axis, axis, indexing="ij")
    points = torch.stack([torch.zeros_like(y), y, z], -1).reshape(-1, 3)
    truth = torch.from_numpy(mesh.distances(points.double().numpy())).float()
    found = nf.evaluate(field, points)[:, 0]
    return [
        (label, lines(values.view(2 * SIDE, 2 * SIDE).numpy()))
        for label, values in (("true distance", truth), ("the field", found))
    ]


def lines(values: np.ndarray, every: float = 0.05) -> Image.Image:
    """Level lines over a tint: blue inside, sand outside."""
    inside = values[..., None] < 0
    tint = np.where(inside, (0.55, 0.68, 0.86), (0.96, 0.92, 0.85)) * (1 - 0.35 * np.abs(values[..., None]))
    slope = np.hypot(*np.gradient(values)) + 1e-9
    off = np.abs((values / every + 0.5) % 1 - 0.5) * every / slope
    tint = np.where((off < 0.7)[..., None], tint * 0.7, tint)
    tint = np.where((np.abs(values) / slope < 1.6)[..., None], 0.1, tint)
    return Image.fromarray((tint.clip(0, 1) * 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def edges() -> list[Panel]:
    """A part with sharp edges on a coarse lattice, by both methods, and the level function itself."""
    surface = Surface(PART)
    camera = nf.render.framed(surface, 25.0, 25.0, size=(SIDE, SIDE))
    panels = [("the level function", shot(surface, camera))]
    for label, method in (("marching cubes", nf.render.extract), ("dual contouring", nf.render.contour)):
        panels.append(
            (f"{label}, {CELLS} cells", shot(Surface(MeshDistance(method(surface, CELLS).triangles)), camera))
        )
    return panels


class MeshDistance:
    """The signed distance of a mesh as a function of tensors, so that meshes can be drawn; its slope is a normal."""

    def __init__(self, mesh: Triangles):
        self.proximity = Proximity(mesh)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return _Distance.apply(x, self.proximity)[0]


class _Distance(torch.autograd.Function):
    @staticmethod
    def forward(x: torch.Tensor, proximity: Proximity) -> tuple[torch.Tensor, torch.Tensor]:
        points = x.double().reshape(-1, 3).numpy()
        nearest = proximity.nearest(points)
        distance = np.where(proximity.inside(points), -nearest.distance, nearest.distance)
        normal = torch.from_numpy(proximity.mesh.normals[nearest.face]).to(x.dtype)
        return torch.from_numpy(distance).to(x.dtype).view(*x.shape[:-1], 1), normal.view(x.shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
        ctx.save_for_backward(output[1])

    @staticmethod
    def backward(ctx: Any, *slopes: torch.Tensor) -> tuple[torch.Tensor, None]:
        (normal,) = ctx.saved_tensors
        return slopes[0] * normal, None


MAKERS: dict[str, Callable[[], tuple[list[Panel], ...] | list[Panel]]] = {
    "shapes": gallery,
    "slices": slices,
    "edges": edges,
}
