"""A whole training step in one op, where field, objective and optimizer are what it knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuralfields import ops
from neuralfields.field import model_of
from neuralfields.fitting.optimizers import LazyAdam
from neuralfields.fitting.state import State
from neuralfields.ops.field_step import Model, Samples, Task, Update
from neuralfields.protocols import Batch


@dataclass(frozen=True)
class FusedStep:
    """Steps of a fit by ``ops.field_step``."""

    model: Model
    task: Task
    updates: Sequence[Update]
    optimizer: LazyAdam

    @classmethod
    def of(cls, state: State) -> "FusedStep | None":
        """Of a fit whose field, objective and optimizer can be described to the op; else None."""
        describe = getattr(state.objective, "task", None)
        task = describe() if describe else None
        model = model_of(state.field)
        if task is None or model is None or not isinstance(state.optimizer, LazyAdam):
            return None
        updates = state.optimizer.updates(model.parameters)
        return None if updates is None else cls(model, task, updates, state.optimizer)

    def __call__(self, batch: Batch) -> dict[str, float] | None:
        """One update: the terms before it, or None where no kernel takes it."""
        self.optimizer.set_rates(self.updates)
        terms = ops.field_step.attempt(self.model, Samples(batch.x, batch.y, batch.weight), self.task, self.updates)
        if terms is None:
            return None
        return {self.task.loss: terms[0]} | ({"eikonal": terms[1]} if self.task.eikonal else {})
