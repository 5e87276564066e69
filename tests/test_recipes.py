"""Every recipe on every shape of image: it can be fitted, stored, described and rebuilt."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neuralfields as nf
from neuralfields import encodings, networks, recipes
from neuralfields.encodings import Concat, SphericalHarmonics, TensorVM
from neuralfields.errors import InputError
from neuralfields.field import from_spec
from neuralfields.fields import Affine
from neuralfields.fitting import LossWeighted, Teaching
from neuralfields.networks import MLP, MultiStage, NeuRBFDecoder
from neuralfields.objectives import Eikonal, MultiScale, OrientedPoints, Regression
from neuralfields.recipes import METHODS, RECIPES, Recipe, methods
from neuralfields.signals import Image

PRESETS = {name: RECIPES[name] for name in ("image", "compact")}
MAKERS = PRESETS | METHODS
SHAPES = [(2, 1), (1, 2), (1, 40), (40, 1), (7, 5), (64, 48)]


def image(height: int, width: int, kind: str = "rgb") -> Image:
    channels = {"grey": 1, "grey+alpha": 2, "rgb": 3, "rgba": 4, "hdr": 3}[kind]
    values = np.random.default_rng(0).random((height, width, channels)).astype(np.float32)
    return Image.from_array(values * 20 if kind == "hdr" else (values * 255).astype(np.uint8))


def check(recipe: Recipe, signal: Image, folder: Path) -> None:
    assert (recipe.field.in_dim, recipe.field.out_dim) == (2, signal.out_dim)
    fit = nf.fit(recipe.field, signal, **{**recipe.settings, "steps": 12})
    assert all(np.isfinite(fit.history.loss))
    assert min(fit.history.loss[1:]) < fit.history.loss[0]
    described = json.loads(json.dumps(recipe.to_json(), allow_nan=False))
    again = Recipe.from_json(described, recipe.field)
    assert again == recipe
    assert again.settings == recipe.settings
    assert from_spec(recipe.field.spec).spec == recipe.field.spec
    nf.save(recipe.field, folder / "field.nf", dtype=recipe.dtype)  # type: ignore[arg-type]
    loaded = nf.load(folder / "field.nf")
    x = next(signal.chunks(50)).x
    tolerance = 1e-2 * float(signal.to_float(signal.values).max()) if recipe.dtype == "float16" else 0
    torch.testing.assert_close(loaded(x), recipe.field(x), rtol=0, atol=tolerance)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", PRESETS)
def test_recipes_on_all_shapes(name: str, shape: tuple[int, int], tmp_path: Path) -> None:
    signal = image(*shape)
    torch.manual_seed(0)
    check(RECIPES[name](signal), signal, tmp_path)


@pytest.mark.parametrize("kind", ["grey", "grey+alpha", "rgba", "hdr"])
@pytest.mark.parametrize("name", PRESETS)
def test_recipes_on_all_kinds(name: str, kind: str, tmp_path: Path) -> None:
    signal = image(16, 20, kind)
    torch.manual_seed(0)
    check(RECIPES[name](signal), signal, tmp_path)


@pytest.mark.parametrize(("shape", "kind"), [((20, 30), "grey"), ((30, 20), "rgb"), ((6, 8), "hdr")], ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_methods_on_images(name: str, shape: tuple[int, int], kind: str, tmp_path: Path) -> None:
    signal = image(*shape, kind)
    torch.manual_seed(0)
    check(METHODS[name](signal), signal, tmp_path)


@pytest.mark.parametrize("name", MAKERS)
def test_names(name: str) -> None:
    assert MAKERS[name](image(8, 8)).name == name


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_as_many_parameters_as_asked_for(name: str) -> None:
    signal = image(96, 64)
    for params in (20_000, 60_000):
        found = METHODS[name](signal, params).parameters
        assert 0.7 * params <= found <= 1.3 * params, f"{name} has {found} parameters"


@pytest.mark.parametrize("name", METHODS)
def test_methods_explain_themselves(name: str) -> None:
    method = METHODS[name]
    assert method.name == name
    assert 10 < len(method.summary) <= 150
    assert re.search(r"\b(19|20)\d\d\b", method.paper), f"{name} tells no paper with its year"


def test_every_network_and_encoding_is_a_method_or_named_as_none() -> None:
    """Parts of other methods, and what is not for any signal or not fitted in this way."""
    named = {Concat, NeuRBFDecoder, MultiStage, TensorVM, SphericalHarmonics}
    public = {getattr(home, name) for home in (networks, encodings) for name in home.__all__}
    assert {method.about for method in METHODS.values()} == public - named
    assert all(cls.__name__ in str(methods.__doc__) for cls in named)


def test_counting_does_not_change_the_field() -> None:
    fields = []
    for params in (None, METHODS["siren"](image(8, 8)).parameters):
        torch.manual_seed(0)
        fields.append(METHODS["siren"](image(8, 8), params).field.state_dict())
    assert all(torch.equal(fields[0][key], fields[1][key]) for key in fields[0])


def test_too_few_and_too_many_parameters_are_refused() -> None:
    with pytest.raises(InputError, match=r"siren cannot have about 3 parameters for this signal, but from [0-9]+ on"):
        METHODS["siren"](image(8, 8), 3)
    with pytest.raises(InputError, match=r"hash cannot have about 5000000 parameters .*, but at most [0-9]{4,5}$"):
        METHODS["hash"](image(8, 8), 5_000_000)


def test_signals_a_method_is_not_for_are_refused_with_the_reason() -> None:
    line = torch.linspace(-1, 1, 50)[:, None]
    with pytest.raises(InputError, match="in_dim is between 2 and 16, got 1"):
        METHODS["tri-plane"]((line, line), 2000)


def test_arrays_and_paths_are_signals_too(tmp_path: Path) -> None:
    signal = image(8, 8)
    np.save(tmp_path / "a.npy", signal.values)
    for thing in (signal.values, tmp_path / "a.npy"):
        assert METHODS["siren"](thing, 2000).field.spec == METHODS["siren"](signal, 2000).field.spec


@pytest.mark.parametrize("name", MAKERS)
def test_linear_images_are_compared_relatively(name: str) -> None:
    assert MAKERS[name](image(8, 8, "hdr")).objective.loss == "relative_l2"
    assert MAKERS[name](image(8, 8)).objective.loss == "l2"


@pytest.mark.parametrize("sampler", [None, Teaching(start=0.3, pool=7), LossWeighted(cells=3)])
@pytest.mark.parametrize(
    "objective", [Regression("l1"), Eikonal(weight=0.2), MultiScale("huber"), OrientedPoints(normals=7)]
)
def test_samplers_and_objectives_survive_json(sampler: Any, objective: Any) -> None:
    recipe = replace(RECIPES["image"](image(8, 8)), sampler=sampler, objective=objective)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json())), recipe.field) == recipe


def test_runs_of_earlier_versions_are_understood() -> None:
    recipe = RECIPES["image"](image(8, 8))
    data = {key: value for key, value in recipe.to_json().items() if key != "sampler"} | {"objective": {"loss": "l2"}}
    assert Recipe.from_json(data, recipe.field) == recipe


def output_maps(name: str, kind: str) -> list[tuple[float, float]]:
    field = MAKERS[name](image(8, 8, kind)).field
    return [(part.scale, part.offset) for part in field.modules() if isinstance(part, Affine)]


@pytest.mark.parametrize("name", ["siren", "fourier"])
def test_networks_work_around_zero_unless_the_range_is_open(name: str) -> None:
    assert output_maps(name, "rgb") == [(0.5, 0.5)]
    assert output_maps(name, "hdr") == []


@pytest.mark.parametrize("name", ["barf", "sape", "wire", "garf"])
def test_networks_made_for_values_from_0_to_1_give_them_as_they_are(name: str) -> None:
    assert output_maps(name, "rgb") == []


@pytest.mark.parametrize("name", MAKERS)
def test_the_seed_of_torch_gives_the_same_field(name: str) -> None:
    fields = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        fields.append(MAKERS[name](image(16, 16)).field.state_dict())
    first, second, third = fields
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], third[key]) for key in first)


@pytest.mark.parametrize("name", ["image", "compact"])
def test_larger_images_get_more_parameters_but_boundedly(name: str) -> None:
    sizes = []
    for shape in ((8, 8), (64, 64), (512, 512), (1024, 4096)):
        signal = Image.from_array(np.zeros(shape, dtype=np.uint8))
        sizes.append(MAKERS[name](signal).parameters)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] < 2.5 * 8 * 1024 * 4096


def test_compact_is_smaller_than_the_picture() -> None:
    recipe = recipes.compact(Image.from_array(np.zeros((512, 768, 3), dtype=np.uint8)))
    assert recipe.dtype == "float16"
    assert 16 * recipe.parameters / (512 * 768) < 5


def test_ones_own_field() -> None:
    signal = image(8, 8, "grey")
    recipe = recipes.custom(signal, lambda n, m: MLP(n, m, width=4))
    assert recipe.field.out_dim == 1
    assert isinstance(recipe.field, MLP), "one's own field is fitted as it is, without an output map"
    nf.fit(recipe.field, signal, **{**recipe.settings, "steps": 1})


def test_high_dynamic_range_is_learned_on_an_exponential_scale() -> None:
    low, high = (Image.from_array(np.full((8, 8, 3), top, np.float32)) for top in (2.0, 400.0))
    assert [part["class"] for part in recipes.image(high).field.spec["arguments"]["parts"]][
        1
    ] == "neuralfields.fields:Sinh"
    assert "Sinh" not in str(recipes.image(low).field.spec)
