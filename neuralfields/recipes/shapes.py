"""Recipes for shapes."""

from dataclasses import replace

from neuralfields.encodings import HashGrid
from neuralfields.field import Chain, Field
from neuralfields.fitting import Adam, Decay
from neuralfields.networks import MLP
from neuralfields.recipes.recipe import Recipe, expected, objective_for
from neuralfields.signals import Shape


def sdf(signal: Shape) -> Recipe:
    """The default for a shape: a small hash grid and one hidden layer, with a rate that soon falls.

    The relative error (MAPE) cares most for what is near the surface; occupancy has the cross-entropy instead. Half of
    the samples on the surface itself instead of a quarter, twice the rates, fewer levels or a finer grid were all worse
    after 10 s; a finer coarsest level was a little better then, and far worse after half a second. Measured
    on scans and statues (``benchmarks/shapes.py``). After Mueller et al. 2022.
    """
    field = _grid(levels=8, log2_size=17, finest=256, depth=1)
    return Recipe(
        "sdf",
        field,
        objective=objective_for(expected(signal, Shape, "sdf")),
        optimizer=Adam(lr=1e-3, table_lr=3e-3, epsilon=1e-15),
        decay=Decay(0.3, 0.01),
        batch=1 << 14,
        steps=4000,
    )


def fine_sdf(signal: Shape) -> Recipe:
    """``sdf`` with a larger and finer grid, for a minute and more: what limits the default then is its grid."""
    field = _grid(levels=8, log2_size=19, finest=320, depth=1)
    return replace(sdf(expected(signal, Shape, "fine_sdf")), name="fine_sdf", field=field, steps=25_000)


def ngp_sdf(signal: Shape) -> Recipe:
    """Instant-ngp's own settings for signed distances: 16 levels to 2048, two hidden layers, 12 million numbers.

    Its configuration file has the rate 1e-4 for 20,000 steps of 2^18 samples, a third of it every 5,000 from 10,000 on
    (here: exponential from the half), and a moving average of 0.95. On a CPU that takes an hour.
    """
    field = _grid(levels=16, log2_size=19, finest=2048, depth=2)
    return replace(
        sdf(expected(signal, Shape, "ngp_sdf")),
        name="ngp_sdf",
        field=field,
        optimizer=Adam(lr=1e-4, table_lr=1e-4, betas=(0.9, 0.99), epsilon=1e-15),
        decay=Decay(0.5, 0.33**2),
        batch=1 << 18,
        steps=20_000,
        ema=0.95,
    )


def _grid(*, levels: int, log2_size: int, finest: int, depth: int) -> Field:
    grid = HashGrid(3, levels=levels, log2_size=log2_size, base=16, finest=finest)
    return Chain(grid, MLP(grid.out_dim, 1, width=64, depth=depth))
