"""Methods by name. A line here makes one known to nf fit --field, nf methods and nf bench methods.

Every network and encoding has one, but for parts of others (Concat, NeuRBFDecoder) and what cannot be fitted to any
signal in this way: MultiStage is fitted stage by stage, TensorVM has three coordinates, SphericalHarmonics directions.
"""

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
    return int(torch.randint(2**31, (), device="cpu"))


def _fourier(e: Extent, width: int) -> Field:
    return _read(FourierFeatures(e.in_dim, sigma=_sigma(e), seed=_seed()), e, width=width, depth=3)


def _sape(e: Extent, width: int) -> Field:
    # The paper's sigma is for 512 samples a side, and its blocks of features are a 256th.
    return _read(Sape(e.in_dim, sigma=4 * _sigma(e), seed=_seed()), e, width=width, depth=3)


def _pins(e: Extent, width: int) -> Field:
    return Pins(e.in_dim, e.out_dim, width=width, sigma=_sigma(e), progressive=True, seed=_seed())


def _octaves(e: Extent) -> PositionalEncoding:
    # The Nyquist rule of SIREN's code, which takes the shortest side, and bounds no image or sound.
    # Here it is the longest side, and at most 10 octaves, NeRF's in three dimensions.
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

# In all of them Adam has beta2 0.999 and no penalty on weights, rates fall to a tenth, and steps and batches are ours.
# Rates and scales that a comment calls ours are mostly the best of a few on small crops of photographs.
# fmt: off
_ALL = (
    # The authors' files have 0.01 for the network too, beta2 0.99, an L2 penalty of 1e-6 on it and 2^18 samples a step.
    Method("hash", HashGrid, _hash, lambda e: 1 << clamped(math.ceil(math.log2(e.samples)), 8, 22),
           "a hash grid and a small network: the default", lr=0.003, table_lr=0.01, **_GRID),
    Method("relu", MLP, _network(MLP, depth=4), 256,
           "ReLU layers on bare coordinates: the baseline that learns low frequencies only"),
    # Papers fit the next three, and FKAN, to values in [0, 1]; in [-1, 1] short fits are up to 3 dB better.
    Method("positional", PositionalEncoding, _positional, 256,
           "NeRF's sines and cosines of powers of two, then ReLU layers"),
    Method("fourier", FourierFeatures, _fourier, 256,
           "random Fourier features, sigma 10 per 512 samples a side, then ReLU layers"),
    Method("skip-mlp", SkipMLP, _skip_mlp, 256,
           "NeRF's trunk: positional encoding, eight ReLU layers, the input again after the fifth"),
    # The paper's rate for aligning images; its part of a fit is that of its examples.
    Method("barf", CoarseToFine, _barf, 256,
           "positional encoding whose octaves open during the fit, then ReLU layers", centred=False),
    Method("sape", Sape, _sape, 256,
           "Fourier features that open during the fit where the error asks for them, then ReLU layers", centred=False),
    # Sizes and rate are ours: we know the paper's abstract only.
    Method("pins", Pins, _pins, 128,
           "four small networks, each adding higher frequencies: levels of detail", centred=False),
    # The number of periods and the rate are ours.
    Method("periodic", Periodic, _periodic, 256,
           "sines and cosines of whole periods along each axis, then ReLU layers: repeats outside the box"),
    # The authors' rate is 1e-4, this one that of later comparisons.
    Method("siren", Siren, _siren, 256,
           "sine layers, the first frequency by the signal's resolution; right derivatives of any order"),
    # The rate is SIREN's.
    Method("hsiren", HSiren, _network(HSiren), 256,
           "SIREN with a hyperbolic sine in the first layer, for higher frequencies"),
    Method("finer", Finer, _network(Finer), 256, "sine layers whose frequency grows with their argument"),
    Method("finer-gauss", FinerGauss, _network(FinerGauss), 256, "FINER++ with Gaussians"),
    Method("finer-wavelet", FinerWavelet, _network(FinerWavelet), 256, "FINER++ with complex wavelets"),
    # Rate and scale are those of later comparisons.
    Method("gauss", Gauss, _network(Gauss), 256, "Gaussian layers"),
    # The paper's rate is 1e-4, for 200,000 steps; this one is ours.
    Method("garf", Garf, _network(Garf), 256,
           "Gaussian layers with a skip and a centred first layer, the trunk of GARF", centred=False, lr=0.01),
    Method("wire", Wire, _network(Wire), 256, "complex Gabor wavelets as activations", centred=False),
    Method("real-wire", RealWire, _network(RealWire), 256, "the real form of WIRE, two maps per layer", centred=False),
    Method("wire-2d", Wire2D, _network(Wire2D), 256, "WIRE with a window in two directions", centred=False),
    # Rate, scales and sizes are ours.
    Method("split-wavelet", SplitWavelet, _network(SplitWavelet), 256,
           "a slow part and a band of complex wavelets, placed where the signal has detail", centred=False),
    # The authors' rate does not fall.
    Method("spder", Spder, _network(Spder), 256, "sines damped by the square root of their argument"),
    # Rates and scales of the next five are ours.
    Method("hosc", Hosc, _network(Hosc, learnable=True), 256, "hyperbolic tangents of sines with a learned sharpness"),
    Method("sinc", Sinc, _network(Sinc, omega=10.0), 256, "sin(z) / z as the activation"),
    Method("non-periodic", NonPeriodic, _network(NonPeriodic), 256, "Laplacian bumps as the activation", lr=0.004),
    Method("snake", Snake, _network(Snake, a=5.0), 256,
           "z + sin^2(a z) / a as the activation: extrapolates periodic signals"),
    Method("fan", Fan, _network(Fan), 256, "cosines, sines and GELUs side by side in each layer", lr=0.003),
    # The rate is that of the authors' example, which classifies digits; start and scale are ours.
    Method("pau", Pau, _network(Pau), 256, "learned rational activations, which begin as Gaussians"),
    # Rate and scale are ours.
    Method("xnet", XNet, _network(XNet, bandwidth=3.0), 256, "Cauchy activations, shallow", lr=0.01),
    Method("fourier-net", FourierNet, _filters(FourierNet), 256,
           "products of sine filters of the coordinates, in place of activations"),
    Method("gabor-net", GaborNet, _filters(GaborNet), 256,
           "products of Gabor filters of the coordinates, in place of activations"),
    # The authors' Adam has AMSGrad.
    Method("bacon", Bacon, _bacon, 256,
           "products of sines with fixed frequencies: band-limited levels of detail", all_levels=True),
    Method("sl2a", SL2A, _sl2a, 256,
           "learned Chebyshev polynomials in the first layer, which modulates low-rank ReLU layers"),
    Method("fkan", Fkan, _network(Fkan), 128,
           "a learned Fourier series in the first layer, then gated layers", batch=4096),
    # Rates and sizes of the next four are ours.
    Method("kan", Kan, _network(Kan, grid=32), 32, "learned B-splines on every edge", lr=0.01),
    Method("cheby-kan", ChebyKan, _network(ChebyKan, degree=16), 32,
           "learned Chebyshev polynomials on every edge", lr=0.004),
    Method("bsrbf-kan", BsrbfKan, _network(BsrbfKan, grid=32), 32,
           "learned B-splines and radial bases on every edge", lr=0.01),
    Method("af-kan", AfKan, _af_kan, 64, "positional encoding, then pooled bumps on every input", lr=0.01),
    # The authors' Adam has beta2 0.99, and their rates fall by a cosine to a hundredth.
    Method("neurbf", RadialBasis, _neurbf, 4096,
           "radial bases placed where the signal has detail, beside a coarse hash grid", table_lr=0.005, **_GRID),
    # Rate and number of neighbours are ours.
    Method("gaussian-points", GaussianPoints, _gaussians, 4096,
           "a sum of Gaussians whose places, shapes and values are learned", centred=False),
    # The paper's planes are made by a network: sizes and rate are ours.
    Method("tri-plane", TriPlane, _tri_plane, _half,
           "features on planes along the axes, summed, then a small network", **_GRID),
    Method("k-planes", KPlanes, _k_planes, lambda e: max(4, e.side // 8),
           "features on planes of three resolutions, multiplied, then a small network", **_GRID),
    Method("tensor-cp", TensorCP, _tensor_cp, 96,
           "products of features on lines along the axes, then a linear map", **_GRID),
    # Rates of both are those of a comparison of grids with networks.
    Method("cubic-grid", CubicGrid, _cubic_grid, _half,
           "values on a grid with cubic interpolation: the baseline for all others", **_GRID),
    Method("dense-grid", DenseGrid, _dense_grid, _half,
           "values on a pyramid of grids with linear interpolation", **_GRID),
)
# fmt: on

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
