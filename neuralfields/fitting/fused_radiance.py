"""A whole training step of a radiance field in one op."""

from dataclasses import dataclass

from torch import nn

from neuralfields import ops
from neuralfields.field import hooked
from neuralfields.fields import Marched
from neuralfields.fields.marched import jitter_of
from neuralfields.fitting.fused import plain, task_of
from neuralfields.fitting.optimizers import LazyAdam
from neuralfields.fitting.state import State
from neuralfields.geometry import Rays
from neuralfields.objectives import Photometric
from neuralfields.ops.field_step import Task
from neuralfields.ops.radiance import RadianceModel, RaySamples
from neuralfields.protocols import Batch


@dataclass(frozen=True)
class FusedRadianceStep:
    """Steps of a fit by ``ops.radiance_step``; what may change between two is looked at, as in ``FusedStep``."""

    state: State
    modules: tuple[nn.Module, ...]  # of field and objective
    field: Marched
    objective: Photometric
    model: RadianceModel
    task: Task
    optimizer: LazyAdam

    @classmethod
    def of(cls, state: State) -> "FusedRadianceStep | None":
        """Of a fit whose field, objective and optimizer can be described to the op; else None."""
        field, objective, optimizer = state.field, state.objective, state.optimizer
        task = task_of(objective)
        if task is None or not isinstance(field, Marched) or type(optimizer) is not LazyAdam:
            return None
        model = field.model()
        if model is None or not isinstance(objective, Photometric):
            return None
        modules = (*field.modules(), *objective.modules())
        return cls(state, modules, field, objective, model, task, optimizer)

    def __call__(self, batch: Batch) -> dict[str, float] | None:
        """One update: the terms before it, or None where autograd must do it."""
        parameters = self.model.parameters
        if batch.weight is not None or any(map(hooked, self.modules)) or not all(map(plain, parameters)):
            return None
        updates = self.optimizer.updates(parameters)
        if updates is None:
            return None
        step = self.state.step
        background = self.objective.backgrounds(len(batch), step)
        jitter = jitter_of(Rays(batch.x[:, :3], batch.x[:, 3:]), step)
        samples = RaySamples(batch.x, batch.y, background, jitter, self.field.stretch)
        found = ops.radiance_step.attempt(self.model, samples, self.task, updates)
        if found is None:
            return None
        self.objective.took(found[1])
        return {self.task.loss: found[0]}
