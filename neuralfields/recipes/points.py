"""Recipes for point clouds."""

import torch

from neuralfields.field import Field
from neuralfields.fitting import Adam, Decay, fit
from neuralfields.networks import Siren
from neuralfields.objectives import OrientedPoints
from neuralfields.recipes.recipe import Recipe, expected
from neuralfields.signals import PointCloud, Samples

_ANYWHERE, _NEAR, _SPREAD = 40_000, 24_000, 0.05  # places of the start, and how far those near points are from them


def siren_sdf(signal: PointCloud) -> Recipe:
    """A signed distance from points with normals alone, by SIREN's network and loss (Sitzmann et al. 2020, 4.2).

    256 x 4 sine layers with omega 30 and 1400 points on and 1400 off the surface per step, as in the paper. Ours: the
    rate, twice the paper's, which falls to a twentieth; fewer steps; and the start, a rough distance from the points'
    planes, fitted in a few seconds. Without it bubbles remain where there are no points, made of what the network was
    by chance.
    """
    signal = expected(signal, PointCloud, "siren_sdf")
    field = Siren(signal.in_dim, signal.out_dim, width=256, depth=4, first_omega=30.0, hidden_omega=30.0)
    return Recipe(
        "siren_sdf",
        _begun(field, signal),
        objective=OrientedPoints(),
        optimizer=Adam(lr=2e-4 / Siren.lr_scale),
        decay=Decay(0.0, 0.05),
        batch=2800,
        steps=4000,
    )


def _begun(field: Field, cloud: PointCloud) -> Field:
    """The field, fitted to the rough distance of the points."""
    random = torch.Generator().manual_seed(0)
    anywhere = torch.rand(_ANYWHERE, 3, generator=random) * 2 - 1
    near = cloud.points[torch.randint(cloud.size, (_NEAR,), generator=random)]
    near = near + _SPREAD * torch.randn(_NEAR, 3, generator=random)
    x = torch.cat([anywhere, near.clamp(-1, 1)])
    samples = Samples(x, cloud.roughly(x), bounds=([-1.0] * 3, [1.0] * 3))
    fit(field, samples, optimizer=Adam(lr=1e-3), decay=Decay(0.0, 0.1), steps=150, batch=1000)
    return field
