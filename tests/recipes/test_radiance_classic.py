"""NeRF, NeRF++ and mip-NeRF 360: they can be fitted, described and stored, at a size for seconds."""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neuralfields as nf
from neuralfields.errors import InputError
from neuralfields.fields import Density, Hierarchical, InvertedSphere, Radiance
from neuralfields.geometry import Rays
from neuralfields.objectives import Calibrated, Photometric
from neuralfields.recipes import Recipe, mip360, nerf, nerfpp, small_nerf
from neuralfields.signals import PosedImages, synthetic

SMALL = {"width": 32, "depth": 2, "samples": (12, 12), "batch": 128}
GRID = {"samples": (16, 12, 8), "batch": 128}
CASES: list[tuple[Callable[..., Recipe], str, dict[str, Any]]] = [
    (nerf, "objects", SMALL),
    (nerf, "yard", SMALL),
    (nerfpp, "objects", SMALL),
    (nerfpp, "yard", SMALL),
    (mip360, "objects", GRID),
    (mip360, "yard", GRID),
]


@lru_cache(maxsize=2)
def scene(name: str) -> PosedImages:
    """Ten small photos of a world, two of them held out."""
    world = synthetic.world(name)
    cameras = world.cameras(10, size=(20, 20))
    views = [synthetic.trace(world, camera, samples=1) for camera in cameras]
    pictures = [view.straight() if world.masked else view.colour for view in views]
    images = [np.asarray((picture * 255).round().to(torch.uint8)) for picture in pictures]
    return PosedImages(images, cameras, training=8, name=name)


@pytest.mark.parametrize(("make", "name", "size"), CASES, ids=[f"{m.__name__}-{n}" for m, n, _ in CASES])
def test_a_few_steps(make: Callable[..., Recipe], name: str, size: dict[str, Any], tmp_path: Path) -> None:
    torch.manual_seed(0)
    recipe = make(scene(name), **size)
    assert recipe.name == make.__name__
    settings = recipe.settings | {"steps": 60, "optimizer": nf.fitting.Adam(lr=5e-3, epsilon=1e-12)}
    fit = nf.fit(recipe.field, scene(name), **settings)
    assert sum(fit.history.loss[-8:]) < 0.9 * sum(fit.history.loss[:8])
    told = json.loads(json.dumps(recipe.to_json(), allow_nan=False))
    assert Recipe.from_json(told, recipe.field).to_json() == recipe.to_json()
    nf.save(fit.field, tmp_path / "field.nf")
    loaded, x = nf.load(tmp_path / "field.nf"), scene(name).draw(9, seed=0, step=0).x
    rays = Rays(x[:, :3], x[:, 3:])
    with torch.no_grad():
        assert torch.equal(loaded.render(rays).colour, fit.field.render(rays).colour)  # type: ignore[operator]


@pytest.mark.parametrize(("make", "name", "size"), CASES, ids=[f"{m.__name__}-{n}" for m, n, _ in CASES])
def test_their_gradients_reach_cameras(make: Callable[..., Recipe], name: str, size: dict[str, Any]) -> None:
    torch.manual_seed(0)
    recipe = make(scene(name), **size)
    assert isinstance(recipe.objective, Photometric)
    objective = Calibrated.of(recipe.objective, 8, poses=True, exposure=True)
    terms = objective(recipe.field, scene(name).draw(64, seed=0, step=0), 0)
    torch.stack(list(terms.values())).sum().backward()
    for _, parameter in objective.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any()


def test_small_nerf() -> None:
    recipe = small_nerf(scene("objects"))
    assert (recipe.name, recipe.batch, recipe.field.samples) == ("small_nerf", 512, (32, 64))  # type: ignore[attr-defined]
    assert recipe.parameters < 60_000 and recipe.optimizer.lr == 2 * nerf(scene("objects")).optimizer.lr


def test_published_sizes() -> None:
    """Mildenhall et al.: two networks of 0.6 million parameters, 64 and 64 + 128 samples; NeRF++ has them twice."""
    found = nerf(scene("objects"))
    assert isinstance(found.field, Hierarchical) and found.field.samples == (64, 128)
    assert found.parameters == 2 * 595_844
    assert found.optimizer.lr * nf.networks.SkipMLP.lr_scale == pytest.approx(5e-4)
    outer = nerfpp(scene("yard"))
    assert isinstance(outer.field, InvertedSphere)
    # A coordinate more is 21 values more, for the first layer and the one after the skip.
    assert outer.parameters == 4 * 595_844 + 2 * 2 * 21 * 256


def test_bounded_scenes_are_sampled_in_the_box_and_others_beyond() -> None:
    within, beyond = mip360(scene("objects")).field, mip360(scene("yard")).field
    assert isinstance(within, Hierarchical) and isinstance(beyond, Hierarchical)
    assert within.far is None and not within.opaque and beyond.far == 1000 and beyond.opaque
    for field, unbounded in ((within, False), (beyond, True)):
        radiance, proposals = field.radiance, list(field.proposals)
        assert isinstance(radiance, Radiance) and radiance.medium.unbounded is unbounded
        assert [isinstance(one, Density) and one.medium.unbounded is unbounded for one in proposals] == [True, True]


@pytest.mark.parametrize("name", ["objects", "yard"])
def test_all_cameras_are_inside_the_sphere(name: str) -> None:
    field = nerfpp(scene(name), **SMALL).field
    assert isinstance(field, InvertedSphere) and field.opaque is (name == "yard")
    eyes = torch.stack([scene(name).frame.to_box(camera.eye) for camera in scene(name).cameras])
    assert 0.9 * field.radius < float(eyes.norm(dim=-1).max()) < field.radius


def test_other_signals() -> None:
    with pytest.raises(InputError, match="the recipe nerf is for a PosedImages"):
        nerf(np.zeros((4, 4, 3), np.uint8))  # type: ignore[arg-type]
