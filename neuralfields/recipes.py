"""Settings that work, as functions: a signal in, everything a fit needs out.

>>> import neuralfields as nf
>>> photo = nf.signals.Image.read("photo.png")
>>> recipe = nf.recipes.image(photo)
>>> print(nf.fit(recipe.field, photo, **recipe.settings))
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from neuralfields.encodings import FourierFeatures, HashGrid
from neuralfields.errors import InputError
from neuralfields.field import Chain, Field
from neuralfields.fields import Affine, Sinh
from neuralfields.fitting import Adam, Decay
from neuralfields.networks import MLP, Siren
from neuralfields.objectives import Regression
from neuralfields.signals import Image

_HIGH = 10.0  # values above it are learned on a scale that is exponential far from zero


@dataclass(frozen=True)
class Recipe:
    """A fresh field and the settings of its fit.

    Attributes:
        name: of the recipe.
        field: freshly initialised; seed torch before asking for a recipe to get the same one again.
        objective, optimizer, decay, batch, steps, ema: see ``neuralfields.steps``.
        dtype: in which the finished field is stored, "float32" or "float16".
    """

    name: str
    field: Field
    objective: Regression
    optimizer: Adam
    decay: Decay
    batch: int
    steps: int
    ema: float | None = None
    dtype: str = "float32"

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of ``fit`` and ``steps``."""
        names = ("objective", "optimizer", "decay", "batch", "steps", "ema")
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, Any]:
        """All but the field, as JSON values."""
        parts = {name: asdict(getattr(self, name)) for name in ("objective", "optimizer", "decay")}
        plain = {name: getattr(self, name) for name in ("name", "batch", "steps", "ema", "dtype")}
        return plain | parts

    @classmethod
    def from_json(cls, data: Mapping[str, Any], field: Field) -> "Recipe":
        """The recipe that ``to_json`` described, with this field.

        Raises:
            InputError: a value is out of range.
            KeyError, TypeError: an entry is missing or of the wrong kind.
        """
        optimizer = Adam(**{**data["optimizer"], "betas": tuple(data["optimizer"]["betas"])})
        plain = {name: data[name] for name in ("name", "batch", "steps", "ema", "dtype")}
        if plain["dtype"] not in ("float32", "float16"):
            raise InputError(f"a recipe's dtype is float32 or float16, got {plain['dtype']!r}")
        objective, decay = Regression(**data["objective"]), Decay(**data["decay"])
        return cls(field=field, objective=objective, optimizer=optimizer, decay=decay, **plain)


def image(signal: Image) -> Recipe:
    """The default for an image of any size: a hash grid with about one vertex per pixel, then a small network.

    Eight levels up to the image's resolution, one hidden layer of 64, small batches without replacement, and a higher
    rate for the table than for the network; measured on photographs (``benchmarks/``). After Mueller et al. 2022.
    """
    return _grid_recipe("image", signal, log2_size=_clamped(math.ceil(math.log2(signal.size)), 8, 22))


def compact(signal: Image) -> Recipe:
    """Few bytes, 3 to 4 bits per pixel: a grid with a vertex per hundred pixels and level, stored in half precision."""
    recipe = _grid_recipe(
        "compact", signal, log2_size=_clamped(round(math.log2(signal.size)) - 7, 5, 18), features=4, depth=2
    )
    return replace(recipe, dtype="float16", steps=2000)


def siren(signal: Image) -> Recipe:
    """A SIREN of 4 x 256 in the range [-1, 1], its first frequency fitted to the resolution.

    The paper's 30 up to 333 pixels a side, in proportion to them beyond. Rate 5e-4, the middle
    of what later papers use. Sitzmann et al. 2020.
    """
    omega = max(30.0, round(0.09 * max(signal.shape[:2])))
    return _network_recipe("siren", signal, _ranged(Siren(2, signal.out_dim, first_omega=omega), signal, centred=True))


def fourier(signal: Image) -> Recipe:
    """256 Gaussian Fourier features, sigma 10 per 512 pixels, then an MLP of 3 x 256. Tancik et al. 2020."""
    seed = int(torch.randint(2**31, ()))  # the frequencies too follow torch's seed
    encoding = FourierFeatures(2, sigma=10.0 * max(signal.shape[:2]) / 512, seed=seed)
    network = Chain(encoding, MLP(256, signal.out_dim, width=256, depth=3))
    return _network_recipe("fourier", signal, _ranged(network, signal, centred=True))


def custom(signal: Image, make: Callable[[int, int], Field]) -> Recipe:
    """Any field class, called with the number of coordinates and of channels, as it is, under networks' settings."""
    return _network_recipe("custom", signal, make(2, signal.out_dim))


def _grid_recipe(name: str, signal: Image, *, log2_size: int, features: int = 2, depth: int = 1) -> Recipe:
    side = max(signal.shape[:2])
    base = min(16, max(2, side // 4))
    grid = HashGrid(2, levels=8, features=features, log2_size=log2_size, base=base, finest=max(side, base))
    network = MLP(grid.out_dim, signal.out_dim, width=64, depth=depth, bias=False)
    return Recipe(
        name,
        _ranged(Chain(grid, network), signal),
        objective=_objective(signal),
        optimizer=Adam(lr=3e-3, table_lr=1e-2, betas=(0.9, 0.999), epsilon=1e-15),
        decay=Decay(start=0.5, final=0.1),
        batch=1 << _clamped(round(math.log2(signal.size / 32)), 10, 16),
        steps=1000,
    )


def _network_recipe(name: str, signal: Image, field: Field) -> Recipe:
    return Recipe(
        name,
        field,
        objective=_objective(signal),
        optimizer=Adam(lr=1e-3),
        decay=Decay(0.0, 0.1),
        batch=8192,
        steps=1000,
    )


def _ranged(field: Field, signal: Image, *, centred: bool = False) -> Field:
    """The field with the output map that the signal's range calls for; ``centred`` fields are made for [-1, 1]."""
    if signal.linear and float(signal.values.max()) > _HIGH:
        return Chain(field, Sinh(signal.out_dim))
    if centred and not signal.linear:
        return Chain(field, Affine(signal.out_dim, scale=0.5, offset=0.5))
    return field


def _objective(signal: Image) -> Regression:
    return Regression("relative_l2" if signal.linear else "l2")


def _clamped(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


RECIPES: dict[str, Callable[[Image], Recipe]] = {
    "image": image,
    "compact": compact,
    "siren": siren,
    "fourier": fourier,
}
FIELDS: dict[str, Callable[[Image], Recipe]] = {"hash": image, "siren": siren, "fourier": fourier}
