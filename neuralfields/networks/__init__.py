"""Coordinate networks, one file per paper."""

from neuralfields.networks.bacon import Bacon
from neuralfields.networks.beyond_periodicity import NonPeriodic
from neuralfields.networks.fan import Fan
from neuralfields.networks.hosc import Hosc
from neuralfields.networks.hsiren import HSiren
from neuralfields.networks.mfn import FourierNet, GaborNet
from neuralfields.networks.mlp import MLP
from neuralfields.networks.pau import Pau
from neuralfields.networks.pins import Pins
from neuralfields.networks.sinc import Sinc
from neuralfields.networks.siren import Siren
from neuralfields.networks.snake import Snake
from neuralfields.networks.xnet import XNet

__all__ = [
    "MLP",
    "Bacon",
    "Fan",
    "FourierNet",
    "GaborNet",
    "HSiren",
    "Hosc",
    "NonPeriodic",
    "Pau",
    "Pins",
    "Sinc",
    "Siren",
    "Snake",
    "XNet",
]
