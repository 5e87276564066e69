"""The page's shader against the Python field with the same stored numbers, in float64, on both software drivers."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cases import CASES
from chromium import blank
from known_meshes import sphere
from tiny_scenes import write

import neuralfields as nf
from neuralfields import Field
from neuralfields.recipes import METHODS
from neuralfields.viewer.describe import NotCovered, program_of
from neuralfields.viewer.packing import Bits, pack, quantised

TOLERANCE = 1e-4
_EVALUATE = """([program, arrays, bytes, points]) => {
    window.gl ??= document.createElement("canvas").getContext("webgl2");
    const data = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    return Array.from(nf.evaluate(window.gl, program, arrays, data, Float32Array.from(points)), (value) =>
        Number.isFinite(value) ? value : String(value));
}"""


@pytest.fixture(scope="module")
def page(each_chromium: Any) -> Any:
    return blank(each_chromium, "field/evaluate")


def covered(fields: Sequence[Any]) -> list[Any]:
    found = []
    for case in fields:
        try:
            program_of(case.make())
        except NotCovered:
            continue
        found.append(case)
    return found


COVERED = covered(CASES)


@torch.no_grad()
def lively(field: Field) -> Field:
    """With tables as large as fitted ones, and half of the cells of an occupancy grid empty."""
    generator = torch.Generator().manual_seed(3)
    for module in field.modules():
        for name in getattr(module, "tables", ()):
            table = getattr(module, name)
            table.copy_(torch.randn(table.shape, generator=generator) * 0.5)
        if isinstance(module, nf.fields.Marched):
            module.occupied.copy_(torch.rand(module.occupied.shape, generator=generator) < 0.5)
    return field


def points_for(field: Field, count: int = 500) -> torch.Tensor:
    """Inside the box, on its border and beyond; directions of length one."""
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(count, field.in_dim, generator=generator) * 2.4 - 1.2
    x[0], x[1], x[2] = -1, 1, 0
    if isinstance(field, nf.fields.Radiance | nf.fields.Marched):
        x[:, -3:] = torch.nn.functional.normalize(x[:, -3:], dim=-1)
    return x


def drawn(page: Any, field: Field, x: torch.Tensor, bits: Bits) -> np.ndarray:
    program = program_of(field)
    stored, data = pack(field, program, bits)
    told = [asdict(program), [asdict(array) for array in stored], base64.b64encode(data).decode(), x.flatten().tolist()]
    return np.array(page.evaluate(_EVALUATE, told), dtype=float).reshape(len(x), -1)


def error(page: Any, field: Field, bits: Bits, count: int = 500) -> float:
    """The largest difference; relative to the values of a channel where these are larger than 1."""
    x = points_for(field, count)
    with torch.no_grad():
        expected = quantised(field, program_of(field), bits)(x.double()).numpy()
    size = np.maximum(np.abs(expected), 1)
    return float((np.abs(drawn(page, field, x, bits) - expected) / size).max())


@pytest.mark.parametrize("case", COVERED, ids=str)
def test_the_shader_gives_the_fields_values(case: Any, page: Any):
    assert error(page, lively(case.make()), "int8") <= TOLERANCE


def image(channels: int, *, hdr: bool = False) -> nf.signals.Image:
    values = np.random.default_rng(0).random((48, 64, channels)).astype(np.float32)
    return nf.signals.Image.from_array(values * 20 if hdr else (values * 255).astype(np.uint8))


def mesh(form: str) -> nf.signals.Mesh:
    return nf.signals.Mesh(sphere(2), form=form)


def cloud() -> nf.signals.PointCloud:
    points = sphere(3).vertices
    return nf.signals.PointCloud(points, points)


def scene(folder: Path, alpha: bool) -> nf.signals.PosedImages:
    return nf.signals.PosedImages.read(write(folder / f"scene-{alpha}", 4, 1, alpha=alpha))


SIGNALS: dict[str, Callable[[Path], Any]] = {
    "image": lambda _: image(3),
    "grey": lambda _: image(1),
    "alpha": lambda _: image(4),
    "hdr": lambda _: image(3, hdr=True),
    "sdf": lambda _: mesh("sdf"),
    "udf": lambda _: mesh("udf"),
    "occupancy": lambda _: mesh("occupancy"),
    "points": lambda _: cloud(),
    "masked scene": lambda folder: scene(folder, True),
    "scene": lambda folder: scene(folder, False),
}


def recipes_for(signal: Any) -> list[nf.recipes.Recipe]:
    torch.manual_seed(0)
    found = [nf.recipes.default(signal)]
    return [*found, nf.recipes.compact(signal)] if signal.kind == "image" else found


@pytest.mark.parametrize("name", SIGNALS)
def test_every_default_recipe_is_covered(name: str, tmp_path: Path):
    for recipe in recipes_for(SIGNALS[name](tmp_path)):
        program = program_of(recipe.field)
        assert (program.nodes[0].size, program.nodes[-1].size) == (recipe.field.in_dim, recipe.field.out_dim)


@pytest.mark.parametrize("name", SIGNALS)
def test_fields_of_default_recipes(name: str, page: Any, tmp_path: Path):
    for recipe in recipes_for(SIGNALS[name](tmp_path)):
        for bits in ("int8", "float16"):
            assert error(page, lively(recipe.field), bits) <= TOLERANCE, bits


def test_the_finest_grid(page: Any):
    grid = nf.encodings.HashGrid(3, levels=16, log2_size=14, base=16, finest=2048)
    torch.manual_seed(0)
    field = nf.Chain(grid, nf.networks.MLP(grid.out_dim, 1, width=64, depth=2))
    assert error(page, lively(field), "float16", count=2000) <= TOLERANCE


@dataclass(frozen=True)
class MethodCase:
    """The field that a method takes for an image by default."""

    name: str

    def make(self) -> Field:
        torch.manual_seed(0)
        return METHODS[self.name](image(3)).field


FULL = [name for name in METHODS if covered([MethodCase(name)])]


@pytest.mark.parametrize("name", FULL)
def test_methods_at_their_full_size(name: str, page: Any):
    assert error(page, lively(MethodCase(name).make()), "float32", count=256) <= TOLERANCE
