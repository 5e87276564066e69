"""Every method once or more, in small. ``test_cases.py`` crosses this list with the list of checks.

A new method is one line here: its class, its arguments, and the highest derivative it promises (2 unless said).
"""

from dataclasses import dataclass
from typing import Any

import torch

from neuralfields import Chain, Field
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
    SphericalHarmonics,
    TensorCP,
    TensorVM,
    TriPlane,
)
from neuralfields.fields import Affine, Density, Hierarchical, InvertedSphere, Marched, Radiance, Sinh
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
    MultiStage,
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


@dataclass(frozen=True)
class Case:
    """A field to be made: always the same one."""

    cls: type[Field]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    order: int

    def make(self) -> Field:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.cls(*map(_made, self.args), **{name: _made(value) for name, value in self.kwargs.items()})

    def __str__(self) -> str:
        words = [_told(a) for a in self.args] + [f"{name}={_told(value)}" for name, value in self.kwargs.items()]
        return f"{self.cls.__name__}({','.join(words)})"


def _told(value: Any) -> str:
    return f"[{','.join(map(_told, value))}]" if isinstance(value, list) else str(value)


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return [_made(part) for part in value]
    return value.make() if isinstance(value, Case) else value


def case(cls: type[Field], *args: Any, order: int = 2, **kwargs: Any) -> Case:
    return Case(cls, args, kwargs, order)


_DENSE = {"levels": 3, "log2_size": 12, "base": 2, "finest": 7}
_HASHED = {"levels": 3, "log2_size": 4, "base": 2, "finest": 9}
_SMOOTH = {"width": 5, "depth": 1, "activation": "tanh"}


def radiance(coordinates: int, **kwargs: Any) -> Case:
    trunk, colour = case(MLP, coordinates, 3, **_SMOOTH), case(MLP, 6, 3, **_SMOOTH)
    return case(Radiance, trunk, colour, directions=case(SphericalHarmonics, 2), **kwargs)


# fmt: off
CASES = [
    case(HashGrid, 1, **_DENSE),
    case(HashGrid, 2, **_DENSE),
    case(HashGrid, 2, **_HASHED, features=1, interpolation="smoothstep"),
    case(HashGrid, 3, **_HASHED, features=4),
    case(HashGrid, 3, **_DENSE, interpolation="smoothstep", order=3),
    case(HashGrid, 4, **_HASHED, features=2),
    case(HashGrid, 2, levels=1, base=5, finest=5, log2_size=3),
    case(CubicGrid, 1, resolution=5, features=2),
    case(CubicGrid, 2, resolution=[4, 3], features=3),
    case(CubicGrid, 2, resolution=5, features=1, interpolation="b_spline", order=3),
    case(CubicGrid, 3, resolution=2, features=2, interpolation="b_spline"),
    case(DenseGrid, 1, resolution=5, features=1),
    case(DenseGrid, 2, resolution=[3, 4], levels=2, features=3),
    case(DenseGrid, 3, resolution=3, levels=1, features=2, interpolation="smoothstep"),
    case(DenseGrid, 4, resolution=2, levels=2, features=1),
    case(TriPlane, 2, resolution=5, features=2),
    case(TriPlane, 3, resolution=[4, 3, 5], features=3),
    case(TriPlane, 5, resolution=3, features=1, interpolation="b_spline"),
    case(KPlanes, 2, resolution=4, scales=[1, 3], features=2),
    case(KPlanes, 3, resolution=[4, 3, 2], scales=[1, 2], features=3),
    case(KPlanes, 3, resolution=3, scales=[2], features=2, combine="sum", interpolation="catmull_rom"),
    case(KPlanes, 4, resolution=3, scales=[1, 2], features=1, time=True),
    case(KPlanes, 4, resolution=2, scales=[1], features=2, combine="concat", time=True),
    case(TensorVM, 3, resolution=[4, 3, 5], components=2),
    case(TensorVM, 3, resolution=4, components=3, combine="sum"),
    case(TensorCP, 1, resolution=5, components=2),
    case(TensorCP, 3, resolution=[4, 3, 5], components=2),
    case(TensorCP, 7, resolution=3, components=2, combine="sum"),
    case(FourierFeatures, 1, features=4, sigma=0.5, order=3),
    case(FourierFeatures, 3, features=6, sigma=1.0, seed=4),
    case(FourierFeatures, 2, features=2, sigma=0.0),
    case(PositionalEncoding, 1, octaves=3),
    case(PositionalEncoding, 3, octaves=2, order=3),
    case(SphericalHarmonics, order=3),
    case(SphericalHarmonics, degree=1),
    case(SphericalHarmonics, degree=8),
    case(Periodic, 1, harmonics=2, order=3),
    case(Periodic, 3, axes=[2, 0]),
    case(CoarseToFine, case(PositionalEncoding, 2, octaves=2), order=3),
    case(CoarseToFine, case(HashGrid, 2, **_DENSE), start=0.0, end=0.25, opened=2),
    case(CoarseToFine, case(FourierFeatures, 1, features=6, sigma=0.5)),
    case(Sape, 1, features=4, sigma=0.5, cells=4, order=3),
    case(Sape, 2, features=6, sigma=0.5, cells=12, blocks=3),
    case(Sape, 3, features=4, sigma=0.5, cells=2, blocks=1),
    case(Concat, case(PositionalEncoding, 2, octaves=1), case(HashGrid, 2, **_DENSE)),
    case(Concat, case(FourierFeatures, 1, features=4, sigma=0.5), order=3),
    case(RadialBasis, 1, centres=6, features=3, neighbours=2, highest=4.0, order=3),
    case(RadialBasis, 2, centres=40, features=5, highest=8.0),
    case(RadialBasis, 3, centres=9, features=2, neighbours=3, lowest=1.0, highest=2.0, alpha=0.3),
    case(RadialBasis, 2, centres=1, features=1, neighbours=1),
    case(GaussianPoints, 1, points=7, features=2, neighbours=3, order=3),
    case(GaussianPoints, 2, points=40, neighbours=5, normalised=True),
    case(GaussianPoints, 3, points=6, features=1),
    case(MLP, 2, 3, width=5, depth=2, activation="tanh", order=3),
    case(MLP, 3, 1, width=5, depth=1),
    case(MLP, 4, 2, width=4, depth=3, activation="softplus", bias=False),
    case(MLP, 1, 1, width=4, depth=1, activation="leaky_relu"),
    case(MLP, 2, 1, width=4, depth=2, activation="gelu"),
    case(MLP, 2, 1, width=4, depth=2, activation="silu"),
    case(MLP, 2, 1, width=4, depth=2, activation="sigmoid"),
    case(MLP, 2, 3, depth=0),
    case(Siren, 1, 1, width=6, depth=1, order=3),
    case(Siren, 2, 3, width=6, depth=2, first_omega=5.0, hidden_omega=3.0, order=3),
    case(Siren, 3, 1, width=6, depth=3),
    case(Siren, 4, 2, width=4, depth=1),
    case(Bacon, 2, 3, width=6, depth=3, heads=[0, 2], rate=18.0, order=3),
    case(Bacon, 1, 1, width=5, rate=20.0, scale=0.5),
    case(Bacon, 3, 2, width=4, depth=1, heads=[0], rate=2.0),
    case(FourierNet, 2, 3, width=6, depth=3, input_scale=4.0, order=3),
    case(FourierNet, 1, 1, width=5, depth=1, input_scale=8.0, weight_scale=6.0),
    case(GaborNet, 2, 3, width=6, depth=2, input_scale=4.0, weight_scale=6.0, order=3),
    case(GaborNet, 3, 1, width=5, depth=3, input_scale=3.0, alpha=3.0, beta=2.0),
    case(Hosc, 2, 3, width=6, depth=2, beta=2.0, learnable=True, first_omega=3.0, hidden_omega=2.0, order=3),
    case(Hosc, 1, 1, width=5, depth=1, first_omega=3.0),
    case(Hosc, 3, 1, width=5, depth=3, beta=1.0, first_omega=4.0, hidden_omega=3.0),
    case(Sinc, 2, 3, width=6, depth=2, omega=3.0, order=3),
    case(Sinc, 1, 1, width=5, depth=1),
    case(HSiren, 2, 3, width=6, depth=2, first_omega=3.0, hidden_omega=2.0, order=3),
    case(HSiren, 3, 1, width=5, depth=1, first_omega=5.0),
    case(NonPeriodic, 2, 3, width=6, depth=2, a=0.7),
    case(NonPeriodic, 1, 1, activation="super_gaussian", width=6, depth=2, a=0.8, b=1.5, order=3),
    case(NonPeriodic, 2, 1, activation="multi_quadratic", width=6, depth=2, a=2.0, order=3),
    case(NonPeriodic, 3, 2, activation="quadratic", width=6, depth=1, a=2.0, order=3),
    case(Fan, 2, 3, width=8, depth=2, first_omega=4.0, order=3),
    case(Fan, 1, 1, width=7, depth=1, share=0.4, first_omega=2.0, gated=True),
    case(Snake, 2, 3, width=6, depth=2, a=1.5, learnable=True, order=3),
    case(Snake, 1, 1, width=5, depth=3, a=0.3),
    case(Pau, 2, 3, width=5, depth=2, omega=1.5),
    case(Pau, 3, 1, width=4, depth=2, start="sine", omega=2.0),
    case(XNet, 2, 3, width=5, bandwidth=2.0, order=3),
    case(XNet, 1, 1, width=4, depth=1, bandwidth=1.0),
    case(Chain, case(Affine, 2), case(Bacon, 2, 1, width=5, depth=2, heads=[0, 1], rate=10.0), case(Affine, 1)),
    case(Radiance, case(MLP, 3, 3, width=5, activation="tanh"), case(MLP, 3, 3, width=4), activation="softplus"),
    case(Radiance, case(MLP, 3, 4, width=5), case(MLP, 3, 3, width=4), shift=-1.0, unbounded=True),
    case(Radiance, case(MLP, 4, 2, width=5), case(MLP, 2, 3, depth=0), activation="abs"),
    case(Marched, case(Radiance, case(MLP, 3, 3, width=5), case(MLP, 3, 3, width=4)), cells=8),
    case(Pins, 1, 1, width=4, depth=1, levels=2, features=6, sigma=0.5),
    case(Pins, 2, 3, width=4, levels=3, features=10, sigma=0.5, cumulative=True, progressive=True),
    case(Pins, 3, 1, width=5, levels=1, features=4, sigma=0.5, seed=3),
    case(SL2A, 1, 1, width=5, depth=1, degree=3, rank=2),
    case(SL2A, 2, 3, width=5, depth=2, degree=7, rank=5),
    case(SL2A, 3, 1, width=4, depth=0, degree=2, rank=1, order=3),
    case(Fkan, 1, 1, width=3, depth=1, frequencies=4),
    case(Fkan, 2, 3, width=3, depth=2, frequencies=5, omega=2.0, order=3),
    case(Fkan, 3, 1, width=4, depth=2, frequencies=98, omega=2.0, activation="tanh", uniform=True, smooth=True),
    case(Kan, 1, 1, width=3, depth=1, grid=4, degree=3),
    case(Kan, 2, 3, width=3, depth=2, grid=5, degree=4, order=3),
    case(Kan, 3, 1, depth=0, grid=3, degree=2),
    case(ChebyKan, 1, 1, width=3, depth=1, degree=3, order=3),
    case(ChebyKan, 3, 2, width=3, depth=2, degree=2),
    case(ChebyKan, 2, 4, depth=0, degree=100),
    case(BsrbfKan, 1, 1, width=3, depth=1, grid=4, degree=3),
    case(BsrbfKan, 2, 3, width=3, depth=2, grid=3, degree=4, order=3),
    case(AfKan, 1, 1, width=3, depth=1),
    case(AfKan, 2, 3, width=3, depth=1, grid=2, degree=2, combination="quad2", pool="spatial", order=3),
    case(AfKan, 3, 1, width=3, depth=1, grid=2, activation="relu", combination="cubic2", pool="linear"),
    case(AfKan, 2, 1, width=3, depth=1, grid=2, activation="softplus", combination="sum_prod"),
    case(SkipMLP, 1, 1, width=4, depth=2, skips=[1]),
    case(SkipMLP, 2, 3, width=5, depth=3, skips=[1, 2], activation="silu", order=3),
    case(SkipMLP, 3, 1, width=6, depth=3, skips=[2], activation="softplus", beta=5.0, narrow=True, geometric=0.5),
    case(Wire, 2, 3, width=6, depth=3, omega=4.0, scale=3.0, order=3),
    case(Wire, 1, 1, width=5, depth=1),
    case(Wire, 3, 2, width=4, depth=2, omega=2.0, scale=1.0),
    case(RealWire, 2, 3, width=4, depth=2, omega=4.0, scale=2.0, order=3),
    case(RealWire, 1, 1, width=3, depth=1),
    case(Wire2D, 2, 3, width=8, depth=2, omega=4.0, scale=2.0, order=3),
    case(Wire2D, 3, 1, width=4, depth=1),
    case(SplitWavelet, 2, 3, width=5, depth=2, first_omega=3.0, first_scale=1.0, order=3),
    case(SplitWavelet, 1, 1, width=4, depth=3, spread=1.0, hidden_omega=2.0, hidden_scale=1.0, low_width=3),
    case(SplitWavelet, 3, 2, width=4, depth=1, first_omega=2.0, first_scale=0.5, low_width=0),
    case(Finer, 2, 3, width=5, depth=2, first_omega=4.0, hidden_omega=3.0),
    case(Finer, 1, 1, width=4, depth=1, first_bias=5.0),
    case(Finer, 3, 2, width=4, depth=3, first_omega=2.0, hidden_omega=2.0, first_bias=0.0),
    case(FinerGauss, 2, 3, width=5, depth=2, omega=2.0, scale=1.5),
    case(FinerGauss, 3, 1, width=4, depth=1, first_bias=None),
    case(FinerWavelet, 2, 3, width=6, depth=2, omega=2.0, wave_omega=3.0),
    case(FinerWavelet, 1, 1, width=5, depth=3, first_bias=None),
    case(Gauss, 2, 3, width=5, depth=2, scale=2.0, order=3),
    case(Gauss, 3, 1, width=4, depth=1),
    case(Garf, 3, 1, width=4, depth=3, sigma=0.5, skip=0, order=3),
    case(Garf, 2, 3, width=4, depth=2, sigma=0.7),
    case(Garf, 1, 2, width=3, depth=2, skip=0),
    case(Spder, 2, 3, width=5, depth=2, omega=4.0, order=1),
    case(Spder, 1, 1, width=4, depth=3, omega=3.0, damping="arctan", order=3),
    case(Spder, 3, 2, width=4, depth=1, omega=5.0, damping="log"),
    case(MultiStage, 1, 1, width=5, depth=2, kappas=[1.0, 7.0], scales=[1.0, 0.1], order=3),
    case(MultiStage, 3, 2, width=4, depth=1, kappas=[1.0, 3.0, 5.0], scales=[2.0, 0.5, 0.1]),
    case(NeuRBFDecoder, 4, 3, width=5, lowest=0.5, highest=4.0),
    case(NeuRBFDecoder, 2, 1, width=5, depth=1, lowest=1.0, highest=2.0, order=3),
    case(Affine, 1),
    case(Affine, 3, scale=0.5, offset=-2.0),
    case(Sinh, 3, scale=0.2),
    case(Radiance, case(MLP, 3, 3, **_SMOOTH), case(MLP, 7, 3, **_SMOOTH), directions=case(SphericalHarmonics, 2),
         unbounded=True),
    case(Density, case(MLP, 3, 1, **_SMOOTH)),
    case(Density, case(MLP, 3, 1, **_SMOOTH), activation="softplus", shift=-1.0, unbounded=True),
    case(Hierarchical, radiance(3), [radiance(3)], samples=[4, 8]),
    case(Hierarchical, radiance(3), [case(Density, case(MLP, 3, 1, **_SMOOTH))] * 2, samples=[8, 4, 3], near=0.2,
         far=9.0, spacing="disparity", merged=False, opaque=True, dilation=1.0, slope=5.0),
    case(Hierarchical, radiance(3), [], samples=[5]),
    case(InvertedSphere, [radiance(3)], [radiance(4)], samples=[4]),
    case(InvertedSphere, [radiance(3)] * 2, [radiance(4)] * 2, samples=[4, 8], near=0.1, radius=0.8),
    case(Chain, case(Siren, 2, 2, width=4, depth=1)),
    case(Chain, case(HashGrid, 2, **_HASHED), case(MLP, 6, 3, width=5, depth=1, bias=False)),
    case(Chain, case(FourierFeatures, 3, features=4, sigma=0.5), case(MLP, 4, 1, width=5), case(Affine, 1, scale=2.0)),
]
# fmt: on
