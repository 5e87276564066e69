"""A whole training step in one op, where field, objective and optimizer are what it knows."""

from neuralfields import ops
from neuralfields.field import model_of
from neuralfields.fitting.optimizers import LazyAdam
from neuralfields.fitting.state import State
from neuralfields.ops.field_step import Samples
from neuralfields.protocols import Batch


def fused_step(state: State, batch: Batch) -> dict[str, float] | None:
    """One update by ``ops.field_step``: the terms before it, or None where autograd must do it."""
    describe = getattr(state.objective, "task", None)
    task = describe() if describe else None
    model = model_of(state.field)
    if task is None or model is None or not isinstance(state.optimizer, LazyAdam):
        return None
    updates = state.optimizer.updates(model.parameters)
    if updates is None:
        return None
    given = model, Samples(batch.x, batch.y, batch.weight), task, updates
    if ops.field_step.choose(*given) is None:
        return None
    data, eikonal = ops.field_step(*given)
    return {task.loss: data} | ({"eikonal": eikonal} if task.eikonal else {})
