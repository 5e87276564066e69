"""Coordinate networks, one file per paper."""

from neuralfields.networks.bacon import Bacon
from neuralfields.networks.beyond_periodicity import NonPeriodic
from neuralfields.networks.complex_wavelets import SplitWavelet
from neuralfields.networks.fan import Fan
from neuralfields.networks.finer import Finer
from neuralfields.networks.finer_plus import FinerGauss, FinerWavelet
from neuralfields.networks.fkan import Fkan
from neuralfields.networks.gauss import Garf, Gauss
from neuralfields.networks.hosc import Hosc
from neuralfields.networks.hsiren import HSiren
from neuralfields.networks.kan import Kan
from neuralfields.networks.kan_af import AfKan
from neuralfields.networks.kan_bsrbf import BsrbfKan
from neuralfields.networks.kan_chebyshev import ChebyKan
from neuralfields.networks.mfn import FourierNet, GaborNet
from neuralfields.networks.mlp import MLP
from neuralfields.networks.multistage import MultiStage
from neuralfields.networks.neurbf import NeuRBFDecoder
from neuralfields.networks.pau import Pau
from neuralfields.networks.pins import Pins
from neuralfields.networks.sinc import Sinc
from neuralfields.networks.siren import Siren
from neuralfields.networks.skip_mlp import SkipMLP
from neuralfields.networks.sl2a import SL2A
from neuralfields.networks.snake import Snake
from neuralfields.networks.spder import Spder
from neuralfields.networks.wire import RealWire, Wire, Wire2D
from neuralfields.networks.xnet import XNet

__all__ = [
    "MLP",
    "SL2A",
    "AfKan",
    "Bacon",
    "BsrbfKan",
    "ChebyKan",
    "Fan",
    "Finer",
    "FinerGauss",
    "FinerWavelet",
    "Fkan",
    "FourierNet",
    "GaborNet",
    "Garf",
    "Gauss",
    "HSiren",
    "Hosc",
    "Kan",
    "MultiStage",
    "NeuRBFDecoder",
    "NonPeriodic",
    "Pau",
    "Pins",
    "RealWire",
    "Sinc",
    "Siren",
    "SkipMLP",
    "Snake",
    "Spder",
    "SplitWavelet",
    "Wire",
    "Wire2D",
    "XNet",
]
