"""Coordinate networks, one file per paper."""

from neuralfields.networks.bacon import Bacon
from neuralfields.networks.beyond_periodicity import NonPeriodic
from neuralfields.networks.hosc import Hosc
from neuralfields.networks.hsiren import HSiren
from neuralfields.networks.mfn import FourierNet, GaborNet
from neuralfields.networks.mlp import MLP
from neuralfields.networks.pins import Pins
from neuralfields.networks.sinc import Sinc
from neuralfields.networks.siren import Siren

__all__ = [
    "MLP",
    "Bacon",
    "FourierNet",
    "GaborNet",
    "HSiren",
    "Hosc",
    "NonPeriodic",
    "Pins",
    "Sinc",
    "Siren",
]
