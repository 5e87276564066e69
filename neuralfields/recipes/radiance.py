"""Recipes for radiance fields with an occupancy grid."""

from neuralfields.encodings import HashGrid, SphericalHarmonics
from neuralfields.field import Chain
from neuralfields.fields import Marched, Radiance
from neuralfields.fitting import Adam, Decay
from neuralfields.networks import MLP
from neuralfields.objectives import Photometric
from neuralfields.recipes.recipe import Recipe, expected
from neuralfields.signals import PosedImages

_SAMPLES = 1 << 15  # of all rays of a step
_GEOMETRY = 16  # values that the trunk gives, the density among them


def ngp(signal: PosedImages) -> Recipe:
    """The default for posed photos: instant-ngp's field, of a size for a CPU, with an occupancy grid.

    A hash grid of 8 levels, a density network 16-64-16, a colour network that sees the direction, 32-64-3, all without
    biases. Where photos have alpha, what their masks carve away is empty from the beginning. After Mueller et al. 2022.
    """
    signal = expected(signal, PosedImages, "ngp")
    grid = HashGrid(3, levels=8, log2_size=18, base=16, finest=512)
    directions = SphericalHarmonics(4)
    radiance = Radiance(
        Chain(grid, MLP(grid.out_dim, _GEOMETRY, width=64, depth=1, bias=False)),
        MLP(_GEOMETRY + directions.out_dim, 3, width=64, depth=1, bias=False),
        directions=directions,
        shift=2.3,
        unbounded=not signal.bounded,
    )
    if signal.bounded:
        field = Marched(radiance, step=1 / 100, coarse=5)
    else:
        field = Marched(radiance, step=1 / 256, cone=1 / 128, near=signal.near)
    return Recipe(
        "ngp",
        field,
        objective=Photometric(samples=_SAMPLES),
        optimizer=Adam(lr=3e-2, table_lr=3e-2, betas=(0.9, 0.99), epsilon=1e-15),
        decay=Decay(0.5, 0.03),
        batch=1 << 13,
        steps=3000,
        precision="medium",
    )
