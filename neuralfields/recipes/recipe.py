"""What a recipe is, and what all of them do with a signal's range."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from neuralfields.errors import InputError
from neuralfields.field import Chain, Field
from neuralfields.fields import Affine, Sinh
from neuralfields.fitting import Adam, Decay
from neuralfields.fitting.samplers import LossWeighted, Teaching, described, sampler_of
from neuralfields.objectives import Regression
from neuralfields.protocols import Signal
from neuralfields.signals import Image

_HIGH = 10.0  # values above it are learned on a scale that is exponential far from zero


@dataclass(frozen=True)
class Recipe:
    """A fresh field and the settings of its fit.

    Attributes:
        name: of the recipe.
        field: freshly initialised; seed torch before asking for a recipe to get the same one again.
        objective, optimizer, decay, batch, steps, ema, sampler: see ``neuralfields.steps``.
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
    sampler: Teaching | LossWeighted | None = None
    dtype: str = "float32"

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of ``fit`` and ``steps``."""
        names = ("objective", "optimizer", "decay", "batch", "steps", "ema", "sampler")
        return {name: getattr(self, name) for name in names}

    @property
    def parameters(self) -> int:
        """Number of parameters of the field."""
        return sum(p.numel() for p in self.field.parameters())

    def to_json(self) -> dict[str, Any]:
        """All but the field, as JSON values."""
        parts = {name: asdict(getattr(self, name)) for name in ("objective", "optimizer", "decay")}
        plain = {name: getattr(self, name) for name in ("name", "batch", "steps", "ema", "dtype")}
        return plain | parts | {"sampler": described(self.sampler)}

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
        sampler = sampler_of(data.get("sampler"))  # runs of earlier versions have none
        return cls(field=field, objective=objective, optimizer=optimizer, decay=decay, sampler=sampler, **plain)


def ranged(field: Field, signal: Signal, *, centred: bool = False) -> Field:
    """The field with the output map that an image's range calls for; ``centred`` fields are made for [-1, 1]."""
    if not isinstance(signal, Image):
        return field
    if signal.linear and float(signal.values.max()) > _HIGH:
        return Chain(field, Sinh(signal.out_dim))
    if centred and not signal.linear:
        return Chain(field, Affine(signal.out_dim, scale=0.5, offset=0.5))
    return field


def objective_for(signal: Signal) -> Regression:
    """The squared error, relative where values have no upper end."""
    return Regression("relative_l2" if isinstance(signal, Image) and signal.linear else "l2")
