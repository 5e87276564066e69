"""The page's shader against the Python field with the same stored numbers, in float64, on both software drivers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import CASES
from chromium import blank
from known_meshes import sphere
from shaders import TOLERANCE, covered, disturbed, error, image, lively
from tiny_scenes import write

import neuralfields as nf
from neuralfields.viewer.describe import program_of


@pytest.fixture(scope="module")
def page(each_chromium: Any) -> Any:
    return blank(each_chromium, "field/evaluate")


COVERED = covered(CASES)


@pytest.mark.parametrize("case", COVERED, ids=str)
def test_the_shader_gives_the_fields_values(case: Any, page: Any):
    field = lively(case.make())
    assert error(page, field, "int8") <= TOLERANCE
    assert error(page, disturbed(field), "int8") <= TOLERANCE


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
