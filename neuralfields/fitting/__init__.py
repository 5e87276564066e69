"""Fitting: the loop, its optimizers and what it reports. It knows signals by their protocol."""

from neuralfields.fitting.loop import Settings, Step, start, steps
from neuralfields.fitting.many import fit_many
from neuralfields.fitting.optimizers import Adam, Decay
from neuralfields.fitting.result import Fit, fit
from neuralfields.fitting.samplers import SAMPLERS, LossWeighted, Teaching
from neuralfields.fitting.stages import Stage, StageSettings, StageStep, fit_stages, stage_steps
from neuralfields.fitting.state import State

__all__ = [
    "SAMPLERS",
    "Adam",
    "Decay",
    "Fit",
    "LossWeighted",
    "Settings",
    "Stage",
    "StageSettings",
    "StageStep",
    "State",
    "Step",
    "Teaching",
    "fit",
    "fit_many",
    "fit_stages",
    "stage_steps",
    "start",
    "steps",
]
