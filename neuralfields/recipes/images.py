"""Recipes for images: presets that choose everything."""

import math
from dataclasses import replace

from neuralfields.recipes.method import Extent, clamped
from neuralfields.recipes.methods import METHODS, grid_field
from neuralfields.recipes.recipe import Recipe, expected, ranged
from neuralfields.signals import Image


def image(signal: Image) -> Recipe:
    """The default for an image of any size: a hash grid with about one vertex per pixel, then a small network.

    Eight levels up to the image's resolution, one hidden layer of 64, small batches without replacement, and a higher
    rate for the table than for the network; measured on photographs (``benchmarks/``). After Mueller et al. 2022.
    """
    return replace(METHODS["hash"](expected(signal, Image, "image")), name="image")


def compact(signal: Image) -> Recipe:
    """Few bytes, 3 to 4 bits per pixel: a grid with a vertex per hundred pixels and level, stored in half precision."""
    signal = expected(signal, Image, "compact")
    log2_size = clamped(round(math.log2(signal.size)) - 7, 5, 18)
    field = grid_field(Extent.of(signal), levels=8, log2_size=log2_size, features=4, depth=2)
    return replace(image(signal), name="compact", field=ranged(field, signal), dtype="float16", steps=2000)
