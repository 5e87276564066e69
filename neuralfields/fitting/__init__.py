"""Fitting: the loop, its optimizers and what it reports. It knows protocols only."""

from neuralfields.fitting import metrics
from neuralfields.fitting.fit import Fit, fit
from neuralfields.fitting.optimizers import Adam, Decay
from neuralfields.fitting.state import State
from neuralfields.fitting.steps import Settings, Step, steps

__all__ = ["Adam", "Decay", "Fit", "Settings", "State", "Step", "fit", "metrics", "steps"]
