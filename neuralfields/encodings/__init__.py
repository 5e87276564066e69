"""Encodings: fields that lift coordinates to many features, from which a small network reads the values."""

from neuralfields.encodings.bicubic_grid import CubicGrid
from neuralfields.encodings.coarse_to_fine import CoarseToFine
from neuralfields.encodings.dense_grid import DenseGrid
from neuralfields.encodings.fourier import FourierFeatures, PositionalEncoding
from neuralfields.encodings.hash_grid import HashGrid
from neuralfields.encodings.k_planes import KPlanes
from neuralfields.encodings.periodic import Periodic
from neuralfields.encodings.sape import Sape
from neuralfields.encodings.spherical_harmonics import SphericalHarmonics
from neuralfields.encodings.tensorf import TensorCP, TensorVM
from neuralfields.encodings.tri_plane import TriPlane

__all__ = [
    "CoarseToFine",
    "CubicGrid",
    "DenseGrid",
    "FourierFeatures",
    "HashGrid",
    "KPlanes",
    "Periodic",
    "PositionalEncoding",
    "Sape",
    "SphericalHarmonics",
    "TensorCP",
    "TensorVM",
    "TriPlane",
]
