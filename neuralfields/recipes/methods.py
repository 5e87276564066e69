"""Every method by name. A line here makes it known to nf fit --field, nf methods and nf bench methods."""

import math
from collections.abc import Callable
from typing import Any

import torch

from neuralfields.encodings import (
    CoarseToFine,
    Concat,
    CubicGrid,
    DenseGrid,
    FourierFeatures,
    GaussianPoints,
    HashGrid,
    KPlanes,
    Periodic,
    PositionalEncoding,
    RadialBasis,
    Sape,
    TensorCP,
    TriPlane,
)
from neuralfields.field import Chain, Field
from neuralfields.fitting import Decay
from neuralfields.networks import (
    MLP,
    SL2A,
    AfKan,
    Bacon,
    BsrbfKan,
    ChebyKan,
    Fan,
    Finer,
    FinerGauss,
    FinerWavelet,
    Fkan,
    FourierNet,
    GaborNet,
    Garf,
    Gauss,
    Hosc,
    HSiren,
    Kan,
    NeuRBFDecoder,
    NonPeriodic,
    Pau,
    Pins,
    RealWire,
    Sinc,
    Siren,
    SkipMLP,
    Snake,
    Spder,
    SplitWavelet,
    Wire,
    Wire2D,
    XNet,
)
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


def _filters(cls: Callable[..., Field]) -> Build:
    # The paper's 256 is for 256 samples a side.
    return lambda e, width: cls(e.in_dim, e.out_dim, width=width, input_scale=float(max(32, e.side)))


def _sl2a(e: Extent, width: int) -> Field:
    return SL2A(e.in_dim, e.out_dim, width=width, rank=max(1, width // 2))


def _sigma(e: Extent) -> float:
    """10 periods per box side for 512 samples along it."""
    return 10.0 * e.side / 512


def _seed() -> int:
    """Random constants that have a seed of their own follow torch's."""
    return int(torch.randint(2**31, ()))


def _fourier(e: Extent, width: int) -> Field:
    return _read(FourierFeatures(e.in_dim, sigma=_sigma(e), seed=_seed()), e, width=width, depth=3)


def _sape(e: Extent, width: int) -> Field:
    # The paper's sigma is for 512 samples a side, and its blocks of features are a 256th.
    return _read(Sape(e.in_dim, sigma=4 * _sigma(e), seed=_seed()), e, width=width, depth=3)


def _pins(e: Extent, width: int) -> Field:
    return Pins(e.in_dim, e.out_dim, width=width, sigma=_sigma(e), progressive=True, seed=_seed())


def _octaves(e: Extent) -> PositionalEncoding:
    # The Nyquist rule of the SIREN authors' code.
    return PositionalEncoding(e.in_dim, octaves=clamped(math.floor(math.log2(e.side / 4)), 1, 10))


def _positional(e: Extent, width: int) -> Field:
    return _read(_octaves(e), e, width=width, depth=3)


def _barf(e: Extent, width: int) -> Field:
    return _read(CoarseToFine(_octaves(e)), e, width=width, depth=4)


def _skip_mlp(e: Extent, width: int) -> Field:
    encoding = _octaves(e)
    return Chain(encoding, SkipMLP(encoding.out_dim, e.out_dim, width=width))


def _periodic(e: Extent, width: int) -> Field:
    return _read(Periodic(e.in_dim, harmonics=clamped(e.side // 8, 1, 64)), e, width=width, depth=3)


def _af_kan(e: Extent, width: int) -> Field:
    encoding = _octaves(e)  # its first layer pools each coordinate to one number
    return Chain(encoding, AfKan(encoding.out_dim, e.out_dim, width=width))


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


def _cubic_grid(e: Extent, resolution: int) -> Field:
    return CubicGrid(e.in_dim, resolution=resolution, features=e.out_dim)


def _neurbf(e: Extent, centres: int) -> Field:
    grid = HashGrid(e.in_dim, levels=2, log2_size=12, base=min(16, e.side), finest=min(64, max(16, e.side)))
    parts = Concat(grid, RadialBasis(e.in_dim, centres=centres))
    return Chain(parts, NeuRBFDecoder(parts.out_dim, e.out_dim))


def _gaussians(e: Extent, points: int) -> Field:
    return GaussianPoints(e.in_dim, points=points, features=e.out_dim)


def _half(e: Extent) -> int:
    return max(8, e.side // 2)


_GRID: dict[str, Any] = {"centred": False, "batch": None, "epsilon": 1e-15, "decay": Decay(0.5, 0.1)}

# Rates given here are ours, found on a crop of a photograph: the papers have none for images (FAN, XNet, KANs, the
# non-periodic activations), or one for hundreds of thousands of steps (GARF).
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
        Method("relu", MLP, _network(MLP, depth=4), size=256),
        Method("positional", PositionalEncoding, _positional, size=256),
        Method("fourier", FourierFeatures, _fourier, size=256),
        Method("skip-mlp", SkipMLP, _skip_mlp, size=256),
        Method("barf", CoarseToFine, _barf, size=256, centred=False),
        Method("sape", Sape, _sape, size=256, centred=False),
        Method("pins", Pins, _pins, size=128, centred=False),
        Method("periodic", Periodic, _periodic, size=256),
        Method("siren", Siren, _siren, size=256),
        Method("hsiren", HSiren, _network(HSiren), size=256),
        Method("finer", Finer, _network(Finer), size=256),
        Method("finer-gauss", FinerGauss, _network(FinerGauss), size=256),
        Method("finer-wavelet", FinerWavelet, _network(FinerWavelet), size=256),
        Method("gauss", Gauss, _network(Gauss), size=256),
        Method("garf", Garf, _network(Garf), size=256, centred=False, lr=1e-2),
        Method("wire", Wire, _network(Wire), size=256, centred=False),
        Method("real-wire", RealWire, _network(RealWire), size=256, centred=False),
        Method("wire-2d", Wire2D, _network(Wire2D), size=256, centred=False),
        Method("split-wavelet", SplitWavelet, _network(SplitWavelet), size=256, centred=False),
        Method("spder", Spder, _network(Spder), size=256),
        Method("hosc", Hosc, _network(Hosc, learnable=True), size=256),
        Method("sinc", Sinc, _network(Sinc, omega=10.0), size=256),
        Method("non-periodic", NonPeriodic, _network(NonPeriodic), size=256, lr=4e-3),
        Method("snake", Snake, _network(Snake, a=5.0), size=256),
        Method("fan", Fan, _network(Fan), size=256, lr=3e-3),
        Method("pau", Pau, _network(Pau), size=256),
        Method("xnet", XNet, _network(XNet, bandwidth=3.0), size=256, lr=1e-2),
        Method("fourier-net", FourierNet, _filters(FourierNet), size=256),
        Method("gabor-net", GaborNet, _filters(GaborNet), size=256),
        Method("bacon", Bacon, _bacon, size=256, all_levels=True),
        Method("sl2a", SL2A, _sl2a, size=256),
        Method("fkan", Fkan, _network(Fkan), size=128, batch=4096),
        Method("kan", Kan, _network(Kan, grid=32), size=32, lr=1e-2),
        Method("cheby-kan", ChebyKan, _network(ChebyKan, degree=16), size=32, lr=4e-3),
        Method("bsrbf-kan", BsrbfKan, _network(BsrbfKan, grid=32), size=32, lr=1e-2),
        Method("af-kan", AfKan, _af_kan, size=64, lr=1e-2),
        Method("neurbf", RadialBasis, _neurbf, size=4096, table_lr=5e-3, **_GRID),
        Method("gaussian-points", GaussianPoints, _gaussians, size=4096, centred=False),
        Method("tri-plane", TriPlane, _tri_plane, size=_half, **_GRID),
        Method("k-planes", KPlanes, _k_planes, size=lambda e: max(4, e.side // 8), **_GRID),
        Method("tensor-cp", TensorCP, _tensor_cp, size=96, **_GRID),
        Method("cubic-grid", CubicGrid, _cubic_grid, size=_half, **_GRID),
        Method("dense-grid", DenseGrid, _dense_grid, size=_half, **_GRID),
    )
}
