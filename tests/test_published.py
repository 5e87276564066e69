"""Rates and defaults as the papers or their code have them; what differs from those, the docstrings say."""

import inspect
from typing import Any

import pytest

from neuralfields import Field, encodings, networks
from neuralfields.encodings import (
    CoarseToFine,
    CubicGrid,
    DenseGrid,
    FourierFeatures,
    GaussianPoints,
    HashGrid,
    KPlanes,
    PositionalEncoding,
    RadialBasis,
    Sape,
    SphericalHarmonics,
    TensorCP,
    TensorVM,
    TriPlane,
)
from neuralfields.networks import (
    MLP,
    SL2A,
    Bacon,
    ChebyKan,
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
    Pau,
    Pins,
    RealWire,
    Siren,
    SkipMLP,
    Snake,
    Spder,
    SplitWavelet,
    Wire,
    Wire2D,
)

_SIZE = {"width": 256, "depth": 4}  # of most papers: one layer and three hidden ones
_WIRE = {"omega": 20, "scale": 30, "width": 256, "depth": 3}
_FILTERS = {**_SIZE, "input_scale": 256, "weight_scale": 1}

# The class, its rate for images in thousandths, and defaults; None where no rate is published.
# fmt: off
PUBLISHED: list[tuple[type[Field], float | None, dict[str, Any]]] = [
    (MLP, None, {"width": 64, "depth": 2, "activation": "relu"}),  # behind a hash grid
    (SkipMLP, 0.5, {"width": 256, "depth": 8}),  # NeRF's rate
    (Siren, 0.5, {**_SIZE, "first_omega": 30, "hidden_omega": 30}),  # FINER's comparison; SIREN's code has 0.1
    (Finer, 0.5, {**_SIZE, "first_omega": 30, "hidden_omega": 30, "first_bias": None}),
    (FinerGauss, 1, {**_SIZE, "omega": 10, "scale": 3, "first_bias": 1}),
    (FinerWavelet, 1, {**_SIZE, "omega": 5, "wave_omega": 4, "scale": 2, "first_bias": 1}),
    (Gauss, 5, {**_SIZE, "scale": 30}),  # FINER's comparison
    (Garf, 0.1, {"width": 256, "depth": 7, "sigma": 0.1, "skip": 4}),
    (Wire, 5, _WIRE),
    (RealWire, 5, _WIRE),
    (Wire2D, 5, {"omega": 10, "scale": 10, "depth": 3}),  # tomography
    (SplitWavelet, 5, {"first_omega": 30, "first_scale": 10, "low_omega": 5, "width": 256}),  # rate and sizes are ours
    (Spder, 0.1, {"width": 256, "depth": 6, "omega": 30, "damping": "sqrt"}),
    (Hosc, None, {"beta": 8}),
    (Snake, None, {"a": 20}),
    (Pau, 2, {}),
    (FourierNet, 10, _FILTERS),
    (GaborNet, 10, {**_FILTERS, "alpha": 6, "beta": 1}),
    (Bacon, 5, {"width": 256, "depth": 5, "heads": (1, 2, 4), "rate": 256, "scale": 0.45}),
    (SL2A, 1, {"width": 256, "depth": 3, "degree": 256, "rank": 128}),
    (Fkan, 0.1, {"width": 128, "depth": 4, "frequencies": 270, "activation": "gated", "omega": 30, "uniform": False}),
    (Kan, None, {"grid": 5, "degree": 3}),
    (ChebyKan, 0.2, {}),
    (MultiStage, 1, {"width": 20, "depth": 3, "kappas": (1,)}),
    (NeuRBFDecoder, 10, {"width": 64, "depth": 2, "lowest": 10, "highest": 100}),
    (Pins, 1, {"width": 256, "depth": 2, "levels": 4, "features": 512, "sigma": 10}),  # our reading of the abstract
    (FourierFeatures, 1, {"features": 512, "sigma": 10}),
    (PositionalEncoding, 1, {"octaves": 10}),
    (CoarseToFine, 1, {"start": 0.1, "end": 0.5}),
    (Sape, 1, {"features": 512, "sigma": 40, "cells": 128, "blocks": None, "epsilon": 1e-3}),  # std 20 of [-1, 1]
    (HashGrid, 10, {"levels": 16, "features": 2, "log2_size": 19, "base": 16}),
    (SphericalHarmonics, None, {"degree": 4}),
    (TriPlane, None, {"resolution": 256, "features": 32}),
    (KPlanes, 10, {"resolution": 128, "scales": (1, 2, 4), "features": 32}),
    (TensorVM, 20, {"resolution": 300, "components": 48}),
    (TensorCP, 20, {"resolution": 500, "components": 288}),
    (RadialBasis, 5, {"features": 32, "neighbours": 4, "alpha": 0.5, "lowest": 2**-3, "highest": 2**12}),
    (CubicGrid, 100, {}),  # a comparison of grids with networks
]
# fmt: on


@pytest.mark.parametrize(("cls", "lr_scale", "defaults"), PUBLISHED, ids=[cls.__name__ for cls, *_ in PUBLISHED])
def test_rates_and_defaults(cls: type[Field], lr_scale: float | None, defaults: dict[str, Any]) -> None:
    parameters = inspect.signature(cls.__init__).parameters
    assert {name: parameters[name].default for name in defaults} == defaults
    assert lr_scale in (None, cls.lr_scale)


def test_no_other_rate_differs_from_that_of_most() -> None:
    ours = {Hosc, HSiren, TriPlane, DenseGrid, GaussianPoints}
    public = {getattr(home, name) for home in (networks, encodings) for name in home.__all__}
    assert {cls for cls in public if cls.lr_scale != 1} <= {cls for cls, scale, _ in PUBLISHED if scale} | ours
