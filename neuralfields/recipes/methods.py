"""Every method by name. A line here makes it known to nf fit --field, nf methods and nf bench methods."""

import math
from collections.abc import Callable
from typing import Any

import torch

from neuralfields.encodings import (
    DenseGrid,
    FourierFeatures,
    HashGrid,
    KPlanes,
    PositionalEncoding,
    TensorCP,
    TriPlane,
)
from neuralfields.field import Chain, Field
from neuralfields.fitting import Decay
from neuralfields.networks import MLP, Bacon, Siren
from neuralfields.recipes.method import Build, Extent, Method, clamped


def _network(cls: Callable[..., Field], **settings: Any) -> Build:
    """A network whose width is the size."""
    return lambda e, width: cls(e.in_dim, e.out_dim, width=width, **settings)


def _read(encoding: Field, e: Extent, **settings: Any) -> Field:
    """An encoding and the network that reads it."""
    return Chain(encoding, MLP(encoding.out_dim, e.out_dim, **settings))


def _siren(e: Extent, width: int) -> Field:
    # The paper's 30 up to 333 samples a side, in proportion to them beyond.
    return Siren(e.in_dim, e.out_dim, width=width, depth=4, first_omega=max(30.0, round(0.09 * e.side)))


def _bacon(e: Extent, width: int) -> Field:
    return Bacon(e.in_dim, e.out_dim, width=width, rate=max(16.0, e.side / 0.9))


def _fourier(e: Extent, width: int) -> Field:
    # Sigma 10 per 512 samples a side; random constants that have a seed of their own follow torch's.
    seed = int(torch.randint(2**31, ()))
    return _read(FourierFeatures(e.in_dim, sigma=10.0 * e.side / 512, seed=seed), e, width=width, depth=3)


def _positional(e: Extent, width: int) -> Field:
    # The Nyquist rule of the SIREN authors' code.
    octaves = clamped(math.floor(math.log2(e.side / 4)), 1, 10)
    return _read(PositionalEncoding(e.in_dim, octaves=octaves), e, width=width, depth=3)


def _hash(e: Extent, rows: int) -> Field:
    """Eight levels of a power of two of rows, or more levels for numbers in between."""
    log2_size = clamped(math.floor(math.log2(rows)), 8, 22)
    levels = 8 + clamped(math.floor(8 * (rows / 2**log2_size - 1)), 0, 7)
    return grid_field(e, levels=levels, log2_size=log2_size)


def grid_field(e: Extent, *, levels: int, log2_size: int, features: int = 2, depth: int = 1) -> Field:
    """A hash grid up to the signal's resolution, then a small network."""
    base = min(16, max(2, e.side // 4))
    finest = max(e.side, base)
    grid = HashGrid(e.in_dim, levels=levels, features=features, log2_size=log2_size, base=base, finest=finest)
    return _read(grid, e, width=64, depth=depth, bias=False)


def _tri_plane(e: Extent, resolution: int) -> Field:
    return _read(TriPlane(e.in_dim, resolution=resolution, features=8), e, width=64, depth=1, activation="softplus")


def _k_planes(e: Extent, resolution: int) -> Field:
    return _read(KPlanes(e.in_dim, resolution=resolution, features=4), e, width=64, depth=2)


def _tensor_cp(e: Extent, components: int) -> Field:
    # The paper's basis matrix: a linear map without bias.
    return _read(TensorCP(e.in_dim, resolution=e.side, components=components), e, depth=0, bias=False)


def _dense_grid(e: Extent, resolution: int) -> Field:
    """Values themselves on a grid, which coarser grids help."""
    levels = clamped(resolution.bit_length() - 4, 1, 8)
    return DenseGrid(e.in_dim, resolution=max(2, resolution >> (levels - 1)), levels=levels, features=e.out_dim)


def _half(e: Extent) -> int:
    return max(8, e.side // 2)


_GRID: dict[str, Any] = {"centred": False, "batch": None, "epsilon": 1e-15, "decay": Decay(0.5, 0.1)}

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "hash",
            HashGrid,
            _hash,
            size=lambda e: 1 << clamped(math.ceil(math.log2(e.samples)), 8, 22),
            lr=3e-3,
            table_lr=1e-2,
            **_GRID,
        ),
        Method("siren", Siren, _siren, size=256),
        Method("fourier", FourierFeatures, _fourier, size=256),
        Method("positional", PositionalEncoding, _positional, size=256),
        Method("bacon", Bacon, _bacon, size=256, all_levels=True),
        Method("tri-plane", TriPlane, _tri_plane, size=_half, **_GRID),
        Method("k-planes", KPlanes, _k_planes, size=lambda e: max(4, e.side // 8), **_GRID),
        Method("tensor-cp", TensorCP, _tensor_cp, size=96, **_GRID),
        Method("dense-grid", DenseGrid, _dense_grid, size=_half, **_GRID),
    )
}
