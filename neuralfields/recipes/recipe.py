"""What a recipe is, and what all of them do with a signal's range."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from neuralfields.errors import InputError
from neuralfields.field import Chain, Field
from neuralfields.fields import Affine, Sinh
from neuralfields.fitting import SAMPLERS, Adam, Decay, LossWeighted, Teaching
from neuralfields.objectives import Calibrated, Eikonal, MultiScale, OrientedPoints, Photometric, Regression
from neuralfields.protocols import Signal
from neuralfields.signals import Image, PointCloud, PosedImages, Shape, as_signal
from neuralfields.signals.point_cloud import ROUGH_STEPS

S = TypeVar("S", bound=Signal)
OBJECTIVES = {
    "regression": Regression,
    "eikonal": Eikonal,
    "multi_scale": MultiScale,
    "oriented_points": OrientedPoints,
    "photometric": Photometric,
    "calibrated": Calibrated,
}
SHAPE_LOSSES = {"sdf": "mape", "udf": "mape", "occupancy": "bce"}
_HIGH = 10.0  # values above it are learned on a scale that is exponential far from zero


@dataclass(frozen=True)
class Recipe:
    """A fresh field and the settings of its fit.

    Attributes:
        name: of the recipe.
        field: freshly initialised; seed torch before asking for a recipe to get the same one again.
        objective, optimizer, decay, batch, steps, ema, sampler: see ``neuralfields.steps``.
        dtype: in which the finished field is stored, "float32" or "float16".
        precision: of matrix products in ``nf fit``, see ``torch.set_float32_matmul_precision``; not among ``settings``.
    """

    name: str
    field: Field
    objective: Regression | Eikonal | MultiScale | OrientedPoints | Photometric
    optimizer: Adam
    decay: Decay
    batch: int
    steps: int
    ema: float | None = None
    sampler: Teaching | LossWeighted | None = None
    dtype: str = "float32"
    precision: str = "highest"

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
        plain = {name: getattr(self, name) for name in ("name", "batch", "steps", "ema", "dtype", "precision")}
        parts = {name: asdict(getattr(self, name)) for name in ("optimizer", "decay")}
        chosen = {"objective": _described(self.objective, OBJECTIVES), "sampler": _described(self.sampler, SAMPLERS)}
        return plain | parts | chosen

    @classmethod
    def from_json(cls, data: Mapping[str, Any], field: Field) -> "Recipe":
        """The recipe that ``to_json`` described, with this field.

        Raises:
            InputError: a value is out of range.
            KeyError, TypeError: an entry is missing or of the wrong kind.
        """
        optimizer = Adam(**{**data["optimizer"], "betas": tuple(data["optimizer"]["betas"])})
        plain = {name: data[name] for name in ("name", "batch", "steps", "ema", "dtype")}
        plain["precision"] = data.get("precision", "highest")  # runs of earlier versions have none
        if plain["dtype"] not in ("float32", "float16"):
            raise InputError(f"a recipe's dtype is float32 or float16, got {plain['dtype']!r}")
        # Runs of earlier versions have no sampler, and no name of the objective.
        chosen = {
            "objective": _made({"name": "regression"} | data["objective"], OBJECTIVES),
            "sampler": _made(data.get("sampler"), SAMPLERS),
        }
        return cls(field=field, optimizer=optimizer, decay=Decay(**data["decay"]), **chosen, **plain)


def _described(thing: Any, known: Mapping[str, type]) -> dict[str, Any] | None:
    """One of a few dataclasses as its name and its values; None stays None."""
    if thing is None:
        return None
    return {"name": next(name for name, cls in known.items() if cls is type(thing)), **asdict(thing)}


def _made(data: Mapping[str, Any] | None, known: Mapping[str, type]) -> Any:
    """What ``_described`` described."""
    return known[data["name"]](**{key: value for key, value in data.items() if key != "name"}) if data else None


def ranged(field: Field, signal: Signal, *, centred: bool = False) -> Field:
    """The field with the output map that an image's range calls for; ``centred`` fields are made for [-1, 1]."""
    if not isinstance(signal, Image):
        return field
    if signal.linear and float(signal.values.max()) > _HIGH:
        return Chain(field, Sinh(signal.out_dim))
    if centred and not signal.linear:
        return Chain(field, Affine(signal.out_dim, scale=0.5, offset=0.5))
    return field


def objective_for(signal: Signal) -> Regression | OrientedPoints | Photometric:
    """What is minimised where a recipe has nothing better.

    For photos ``Photometric``, for points ``OrientedPoints``; of shapes what ``SHAPE_LOSSES`` says; else the squared
    error, relative where values have no upper end.
    """
    if isinstance(signal, PosedImages):
        return Photometric()
    if isinstance(signal, PointCloud):
        return OrientedPoints(start=ROUGH_STEPS)
    if isinstance(signal, Shape):
        return Regression(SHAPE_LOSSES[signal.form])
    return Regression("relative_l2" if isinstance(signal, Image) and signal.linear else "l2")


def expected(signal: Any, cls: type[S], recipe: str) -> S:
    """A signal, an array or a path as the kind of signal that a recipe is for.

    Raises:
        InputError: it is of another kind.
    """
    signal = as_signal(signal)
    if not isinstance(signal, cls):
        raise InputError(f"the recipe {recipe} is for a {cls.__name__}, {signal.kind} is another kind of signal")
    return signal
