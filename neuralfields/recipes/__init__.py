"""Settings that work, as functions: a signal in, everything a fit needs out.

>>> import neuralfields as nf
>>> photo = nf.signals.Image.read("photo.png")
>>> recipe = nf.recipes.image(photo)
>>> print(nf.fit(recipe.field, photo, **recipe.settings))

``METHODS`` has the coordinate networks and encodings by name, with published settings where there are any; comments in
``methods`` say what is ours, and what has no line there:

>>> recipe = nf.recipes.METHODS["siren"](photo, params=200_000)
"""

from neuralfields.recipes.images import compact, image
from neuralfields.recipes.method import Method, custom
from neuralfields.recipes.methods import METHODS
from neuralfields.recipes.points import siren_sdf
from neuralfields.recipes.presets import RECIPES, default
from neuralfields.recipes.radiance import ngp
from neuralfields.recipes.radiance_classic import mip360, nerf, nerfpp, small_nerf
from neuralfields.recipes.recipe import Recipe
from neuralfields.recipes.shapes import fine_sdf, ngp_sdf, sdf

__all__ = [
    "METHODS",
    "RECIPES",
    "Method",
    "Recipe",
    "compact",
    "custom",
    "default",
    "fine_sdf",
    "image",
    "mip360",
    "nerf",
    "nerfpp",
    "ngp",
    "ngp_sdf",
    "sdf",
    "siren_sdf",
    "small_nerf",
]
