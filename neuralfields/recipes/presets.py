"""Presets by name, for nf fit --recipe, and which one a signal gets where none is named."""

from collections.abc import Callable
from typing import Any

from neuralfields.errors import InputError
from neuralfields.recipes.images import compact, image
from neuralfields.recipes.points import siren_sdf
from neuralfields.recipes.radiance import ngp
from neuralfields.recipes.radiance_classic import mip360, nerf, nerfpp, small_nerf
from neuralfields.recipes.recipe import Recipe
from neuralfields.recipes.shapes import fine_sdf, ngp_sdf, sdf
from neuralfields.signals import as_signal

RECIPES: dict[str, Callable[[Any], Recipe]] = {
    "image": image,
    "compact": compact,
    "sdf": sdf,
    "fine_sdf": fine_sdf,
    "ngp_sdf": ngp_sdf,
    "siren_sdf": siren_sdf,
    "ngp": ngp,
    "mip360": mip360,
    "nerf": nerf,
    "small_nerf": small_nerf,
    "nerfpp": nerfpp,
}
_DEFAULTS = {"image": image, "mesh": sdf, "points": siren_sdf, "scene": ngp}


def default(signal: Any) -> Recipe:
    """The recipe for a signal, an array or a path.

    Raises:
        InputError: there is none for its kind.
    """
    signal = as_signal(signal)
    if signal.kind not in _DEFAULTS:
        raise InputError(f"no recipe is made for {signal.kind}: take a field of nf.recipes.METHODS or of your own")
    return _DEFAULTS[signal.kind](signal)
