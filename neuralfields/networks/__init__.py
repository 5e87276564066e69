"""Coordinate networks, one file per paper."""

from neuralfields.networks.bacon import Bacon
from neuralfields.networks.mlp import MLP
from neuralfields.networks.pins import Pins
from neuralfields.networks.siren import Siren

__all__ = ["MLP", "Bacon", "Pins", "Siren"]
