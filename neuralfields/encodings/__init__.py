"""Encodings: fields that lift coordinates to many features, from which a small network reads the values."""

from neuralfields.encodings.coarse_to_fine import CoarseToFine
from neuralfields.encodings.concat import Concat
from neuralfields.encodings.cubic_grid import CubicGrid
from neuralfields.encodings.dense_grid import DenseGrid
from neuralfields.encodings.fourier import FourierFeatures, PositionalEncoding
from neuralfields.encodings.gaussian_points import GaussianPoints
from neuralfields.encodings.hash_grid import HashGrid
from neuralfields.encodings.k_planes import KPlanes
from neuralfields.encodings.periodic import Periodic
from neuralfields.encodings.radial_basis import RadialBasis
from neuralfields.encodings.sape import Sape
from neuralfields.encodings.spherical_harmonics import SphericalHarmonics
from neuralfields.encodings.tensorf import TensorCP, TensorVM
from neuralfields.encodings.tri_plane import TriPlane

__all__ = [
    "CoarseToFine",
    "Concat",
    "CubicGrid",
    "DenseGrid",
    "FourierFeatures",
    "GaussianPoints",
    "HashGrid",
    "KPlanes",
    "Periodic",
    "PositionalEncoding",
    "RadialBasis",
    "Sape",
    "SphericalHarmonics",
    "TensorCP",
    "TensorVM",
    "TriPlane",
]
