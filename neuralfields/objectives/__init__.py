"""Objectives: what is minimised."""

from neuralfields.objectives.calibrated import Calibrated
from neuralfields.objectives.eikonal import Eikonal
from neuralfields.objectives.implicit import OrientedPoints
from neuralfields.objectives.multiscale import MultiScale
from neuralfields.objectives.photometric import Photometric
from neuralfields.objectives.regression import LOSSES, Regression

__all__ = ["LOSSES", "Calibrated", "Eikonal", "MultiScale", "OrientedPoints", "Photometric", "Regression"]
