"""Recipes for radiance fields without an occupancy grid, as they were before instant-ngp or beside it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from neuralfields.encodings import HashGrid, PositionalEncoding, SphericalHarmonics
from neuralfields.field import Chain, Field
from neuralfields.fields import Density, Hierarchical, InvertedSphere, Radiance
from neuralfields.fitting import Adam, Decay
from neuralfields.networks import MLP, SkipMLP
from neuralfields.objectives import Photometric
from neuralfields.recipes.recipe import Recipe, expected
from neuralfields.signals import PosedImages

_FAR = 1000.0  # box units: where scenes without bounds end
_MARGIN = 1.05  # of NeRF++'s sphere around the cameras
_SHIFT = -1.0  # fits begin in thin fog: at 0 all is learned in front of the cameras, at -3 far behind what is there
_GEOMETRY = 16  # values that a small trunk gives, the density among them


def nerf(
    signal: PosedImages, *, width: int = 256, depth: int = 8, samples: Sequence[int] = (64, 128), batch: int = 1024
) -> Recipe:
    """NeRF's two networks, its encoding, samples and rates (Mildenhall et al. 2020); 1024 rays instead of 4096.

    Without bounds, positions are contracted as in mip-NeRF 360 and the first samples are as even as that makes them,
    which is ours; the paper has another projection, for cameras that all look forward. It trains for 200,000 steps,
    days on a CPU: ``small_nerf`` learns a small scene in minutes.
    """
    signal = expected(signal, PosedImages, "nerf")
    unbounded = not signal.bounded
    passes = [_network(3, width, depth, "relu", unbounded=unbounded) for _ in samples]
    field = Hierarchical(passes[-1], passes[:-1], samples=samples, **_reach(signal))
    return Recipe("nerf", field, Photometric(), Adam(lr=5e-4 / SkipMLP.lr_scale), Decay(0.0, 0.1), batch, 200_000)


def small_nerf(signal: PosedImages) -> Recipe:
    """``nerf`` for minutes on a CPU: networks 64 wide and 4 deep, 32 and 64 samples, 512 rays, twice the rate."""
    recipe = nerf(signal, width=64, depth=4, samples=(32, 64), batch=512)
    return replace(recipe, name="small_nerf", optimizer=Adam(lr=2e-3), decay=Decay(0.2, 0.1), steps=5000)


def nerfpp(
    signal: PosedImages, *, width: int = 256, depth: int = 8, samples: Sequence[int] = (64, 128), batch: int = 1024
) -> Recipe:
    """NeRF++ (Zhang et al. 2020): NeRF's networks inside a sphere around all cameras, and others outside of it.

    The paper trains for 500,000 steps, days on a CPU; sizes as for ``nerf``. Of scenes with masks, all of them inside,
    the outer networks only learn that there is nothing.
    """
    signal = expected(signal, PosedImages, "nerfpp")
    inside, outside = ([_network(n, width, depth, "abs") for _ in samples] for n in (3, 4))
    eyes = [signal.frame.to_box(camera.eye) for camera in signal.cameras]
    radius = _MARGIN * max(float(eye.norm()) for eye in eyes)
    reach: dict[str, Any] = {"near": min(0.5, signal.near / radius), "radius": radius, "opaque": not signal.bounded}
    field = InvertedSphere(inside, outside, samples=samples, **reach)
    return Recipe("nerfpp", field, Photometric(), Adam(lr=5e-4 / SkipMLP.lr_scale), Decay(0.0, 0.1), batch, 500_000)


def mip360(signal: PosedImages, *, samples: Sequence[int] = (64, 64, 32), batch: int = 1024) -> Recipe:
    """Mip-NeRF 360's contraction, proposals and losses (Barron et al. 2022) over hash grids, of a size for a CPU.

    As there: two passes of proposals that bound the last one's weights, annealed and dilated, and the distortion loss.
    Ours: hash grids and small networks in place of a network of 1024 x 8, points in place of cones (so nothing is
    antialiased), a field for each of the two proposals, the squared error, and first samples even in distance near the
    eye.
    """
    signal = expected(signal, PosedImages, "mip360")
    unbounded = not signal.bounded
    grid, directions = HashGrid(3, levels=8, log2_size=19, base=16, finest=2048), SphericalHarmonics(4)
    radiance = Radiance(
        Chain(grid, MLP(grid.out_dim, _GEOMETRY, width=64, depth=1, bias=False)),
        MLP(_GEOMETRY + directions.out_dim, 3, width=64, depth=1, bias=False),
        directions=directions,
        shift=_SHIFT,
        unbounded=unbounded,
    )
    proposals = [_proposal(finest, unbounded=unbounded) for finest in (128, 256)[: len(samples) - 1]]
    field = Hierarchical(radiance, proposals, samples=samples, merged=False, **_reach(signal))
    return Recipe(
        "mip360",
        field,
        objective=Photometric(distortion=0.01),
        optimizer=Adam(lr=1e-2, table_lr=1e-2, betas=(0.9, 0.99), epsilon=1e-15),
        decay=Decay(0.0, 0.05),
        batch=batch,
        steps=5000,
    )


def _network(coordinates: int, width: int, depth: int, activation: str, *, unbounded: bool = False) -> Radiance:
    """NeRF's network: the trunk sees its input again after the fifth layer, a layer of half the width the direction."""
    place, direction = PositionalEncoding(coordinates, octaves=10), PositionalEncoding(3, octaves=4)
    skips = [5] if depth > 5 else []
    trunk = Chain(place, SkipMLP(place.out_dim, 1 + width, width=width, depth=depth, skips=skips))
    colour = SkipMLP(width + direction.out_dim, 3, width=width // 2, depth=1, skips=[])
    return Radiance(trunk, colour, directions=direction, activation=activation, unbounded=unbounded)


def _proposal(finest: int, *, unbounded: bool) -> Field:
    grid = HashGrid(3, levels=5, log2_size=17, base=16, finest=finest)
    trunk = Chain(grid, MLP(grid.out_dim, 1, width=16, depth=1, bias=False))
    return Density(trunk, shift=_SHIFT, unbounded=unbounded)


def _reach(signal: PosedImages) -> dict[str, Any]:
    """Where rays are sampled: in the box, or to a far distance."""
    if signal.bounded:
        return {}
    return {"near": signal.near, "far": _FAR, "spacing": "contracted", "opaque": True}
