"""Objectives: what is minimised."""

from neuralfields.objectives.regression import LOSSES, Regression

__all__ = ["LOSSES", "Regression"]
