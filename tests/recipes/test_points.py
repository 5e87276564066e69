"""The recipe for points: it can be fitted, described and stored, and follows torch's seed."""

import json
import math
from pathlib import Path

import pytest
import torch

import neuralfields as nf
from neuralfields.recipes import Recipe, siren_sdf


@pytest.fixture
def cloud() -> nf.signals.PointCloud:
    points = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
    return nf.signals.PointCloud(torch.nn.functional.normalize(points, dim=-1))


def test_a_few_steps(cloud: nf.signals.PointCloud, tmp_path: Path) -> None:
    torch.manual_seed(0)
    recipe = siren_sdf(cloud)
    assert recipe.name == "siren_sdf"
    fit = nf.fit(recipe.field, cloud, **recipe.settings | {"steps": 4, "batch": 200})
    assert len(fit.history.loss) == 4 and all(map(math.isfinite, fit.history.loss))
    told = json.loads(json.dumps(recipe.to_json(), allow_nan=False))
    assert Recipe.from_json(told, recipe.field) == recipe
    nf.save(recipe.field, tmp_path / "field.nf")
    x = cloud.draw(20, seed=0, step=0).x
    torch.testing.assert_close(nf.load(tmp_path / "field.nf")(x), recipe.field(x), rtol=0, atol=0)


def test_the_seed_of_torch_gives_the_same_field(cloud: nf.signals.PointCloud) -> None:
    fields = []
    for seed in (3, 3):
        torch.manual_seed(seed)
        fields.append(torch.cat([p.flatten() for p in siren_sdf(cloud).field.parameters()]))
    assert torch.equal(*fields)


def test_it_starts_roughly_right(cloud: nf.signals.PointCloud) -> None:
    """So that nothing of the network's chance is left where there are no points."""
    torch.manual_seed(0)
    recipe = siren_sdf(cloud)
    nf.fit(recipe.field, cloud, **recipe.settings | {"steps": recipe.objective.start, "batch": 600})
    x = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    centre = cloud.frame.to_box(torch.zeros(3))
    inside = (x - centre).norm(dim=-1) < (cloud.points - centre).norm(dim=-1).mean()
    found = nf.evaluate(recipe.field, x)[:, 0] < 0
    assert float((found == inside).float().mean()) > 0.95
