"""Encodings: fields that lift coordinates to many features, from which a small network reads the values."""

from neuralfields.encodings.fourier import FourierFeatures, PositionalEncoding
from neuralfields.encodings.hash_grid import HashGrid

__all__ = ["FourierFeatures", "HashGrid", "PositionalEncoding"]
