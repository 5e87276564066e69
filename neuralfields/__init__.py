"""Neural fields: turn a signal into a continuous neural field, and look at it.

>>> import neuralfields as nf
>>> image = nf.signals.Image.read("astronaut.png")
>>> field = nf.networks.Siren(image.in_dim, image.out_dim, width=256, depth=4)
>>> fit = nf.fit(field, image, steps=2000)
>>> nf.save(fit.field, "astronaut.nf")
>>> nf.view(fit.field, image)
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Nothing is imported before it is used (PEP 562): ``nf --help`` must not load torch.
_HOMES = {
    "Batch": "neuralfields.protocols",
    "Chain": "neuralfields.field",
    "Field": "neuralfields.field",
    "Fit": "neuralfields.fitting",
    "Frame": "neuralfields.geometry",
    "NeuralFieldsError": "neuralfields.errors",
    "evaluate": "neuralfields.field",
    "fit": "neuralfields.fitting",
    "load": "neuralfields.storage",
    "save": "neuralfields.storage",
    "steps": "neuralfields.fitting",
    "view": "neuralfields.viewer",
}
_MODULES = (
    "calculus", "encodings", "errors", "fields", "fitting", "geometry", "metrics", "networks", "objectives", "ops",
    "protocols", "recipes", "render", "signals", "storage", "testing", "volume",
)  # fmt: skip

__all__ = sorted([*_HOMES, *_MODULES, "__version__"])  # pyright: ignore[reportUnsupportedDunderAll]

if TYPE_CHECKING:
    from neuralfields import calculus, encodings, errors, fields, fitting, geometry, metrics, networks, objectives, ops
    from neuralfields import protocols, recipes, render, signals, storage, testing, volume
    from neuralfields.errors import NeuralFieldsError
    from neuralfields.field import Chain, Field, evaluate
    from neuralfields.fitting import Fit, fit, steps
    from neuralfields.geometry import Frame
    from neuralfields.protocols import Batch
    from neuralfields.storage import load, save
    from neuralfields.viewer import view


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"neuralfields.{name}")
    raise AttributeError(f"module 'neuralfields' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
