"""A whole training step in one op, where field, objective and optimizer are what it knows."""

from dataclasses import dataclass

from torch import Tensor, nn

from neuralfields import ops
from neuralfields.field import hooked, model_of
from neuralfields.fitting.optimizers import LazyAdam
from neuralfields.fitting.state import State
from neuralfields.ops.field_step import Model, Samples, Task
from neuralfields.protocols import Batch, Objective


@dataclass(frozen=True)
class FusedStep:
    """Steps of a fit by ``ops.field_step``.

    The field is described once. What may change between two steps is looked at before each of them: whatever was
    attached to modules, parameters or optimizer, and the optimizer's settings and moments.
    """

    modules: tuple[nn.Module, ...]  # of the field
    model: Model
    task: Task
    optimizer: LazyAdam

    @classmethod
    def of(cls, state: State) -> "FusedStep | None":
        """Of a fit whose field, objective and optimizer can be described to the op; else None."""
        task, model = task_of(state.objective), model_of(state.field)
        if task is None or model is None or type(state.optimizer) is not LazyAdam:
            return None
        return cls(tuple(state.field.modules()), model, task, state.optimizer)

    def __call__(self, batch: Batch) -> dict[str, float] | None:
        """One update: the terms before it, or None where autograd must do it."""
        parameters = self.model.parameters
        if any(map(hooked, self.modules)) or not all(map(plain, parameters)):
            return None
        updates = self.optimizer.updates(parameters)
        if updates is None:
            return None
        samples = Samples(batch.x, batch.y, batch.weight)
        terms = ops.field_step.attempt(self.model, samples, self.task, updates)
        if terms is None:
            return None
        return {self.task.loss: terms[0]} | ({"eikonal": terms[1]} if self.task.eikonal else {})


def task_of(objective: Objective) -> Task | None:
    """The objective as the op knows it, if it says so itself: a class that only inherits ``task`` may mean more."""
    call = "forward" if isinstance(objective, nn.Module) else "__call__"
    describes, computes = (_owner(type(objective), name) for name in ("task", call))
    return objective.task() if describes is not None and describes is computes else None  # type: ignore[attr-defined]


def _owner(cls: type, name: str) -> type | None:
    """The class that defines what this one has under a name."""
    return next((one for one in cls.__mro__ if name in vars(one)), None)


def plain(parameter: Tensor) -> bool:
    """Whether the parameter is fitted, and nothing but the optimizer waits for its gradient."""
    waiting = parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None)
    return parameter.requires_grad and not waiting
