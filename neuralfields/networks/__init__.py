"""Coordinate networks, one file per paper."""

from neuralfields.networks.mlp import MLP
from neuralfields.networks.siren import Siren

__all__ = ["MLP", "Siren"]
