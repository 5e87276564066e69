"""Recipes for point clouds."""

from neuralfields.fitting import Adam, Decay
from neuralfields.networks import Siren
from neuralfields.recipes.recipe import Recipe, expected, objective_for
from neuralfields.signals import PointCloud


def siren_sdf(signal: PointCloud) -> Recipe:
    """A signed distance from points with normals alone, by SIREN's network and loss (Sitzmann et al. 2020, 4.2).

    256 x 4 sine layers with omega 30 and 1400 points on and 1400 off the surface per step, as in the paper. Ours: the
    rate, twice the paper's, which falls to a twentieth; fewer steps; and the first of them, which fit a rough distance
    from the points' planes, without which bubbles remain where there are no points.
    """
    signal = expected(signal, PointCloud, "siren_sdf")
    return Recipe(
        "siren_sdf",
        Siren(signal.in_dim, signal.out_dim, width=256, depth=4, first_omega=30.0, hidden_omega=30.0),
        objective=objective_for(signal),
        optimizer=Adam(lr=2e-4 / Siren.lr_scale),
        decay=Decay(0.0, 0.05),
        batch=2800,
        steps=2000,
    )
