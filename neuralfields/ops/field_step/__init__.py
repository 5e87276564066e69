"""A whole field in one call: its values, and one step of training.

Contract of ``field_values(model, x)``:
    model: ``Model``, a grid or none, a network, an output map or none. x: [n, in].
    result: [n, out], without gradient.
Contract of ``field_step(model, samples, task, updates)``:
    samples: ``Samples``, x [n, in], y [n, out], weight [n] or None.
    task: ``Task``, the loss, and the weight of the eikonal term (|grad f| - 1)^2, a mean over the samples, for a field
    with one output; 0 for none.
    updates: one ``Update`` per parameter, in the order of ``model.parameters``: moments, counters and rates of Adam.
    Changes the parameters and their moments in place; nothing is changed when the loss is not finite.
    result: the terms' values before the update, (loss, eikonal term with its weight).
Not differentiable.

Sources: Mueller et al., "Instant Neural Graphics Primitives", SIGGRAPH 2022 (grid and small network); Gropp et al.,
"Implicit Geometric Regularization for Learning Shapes", ICML 2020 (eikonal term).
"""

from collections.abc import Sequence

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.field_step import cpu, reference
from neuralfields.ops.field_step.model import Grid, Model, Network, Output, Stage
from neuralfields.ops.field_step.task import Samples, Task, Update
from neuralfields.ops.losses import LOSSES


def _check_values(model: Model, x: Tensor) -> None:
    if x.dim() != 2 or x.shape[1] != model.inputs:
        raise InputError(f"the field takes coordinates [n, {model.inputs}], got {list(x.shape)}")


def _check_step(model: Model, samples: Samples, task: Task, updates: Sequence[Update]) -> None:
    _check_values(model, samples.x)
    n = len(samples.x)
    if not n:
        raise InputError("a step needs one sample or more, got none")
    if samples.y.shape != (n, model.outputs):
        raise InputError(f"the field gives values of shape {[n, model.outputs]} for targets {list(samples.y.shape)}")
    if samples.weight is not None and samples.weight.shape != (n,):
        raise InputError(f"weights are [{n}], one for each sample, got {list(samples.weight.shape)}")
    if task.loss not in LOSSES:
        raise InputError(f"no loss is called {task.loss!r}; there are: {', '.join(LOSSES)}")
    if task.eikonal and model.outputs != 1:
        raise InputError(f"the eikonal term is of a field with 1 output, this has {model.outputs}")
    if len(updates) != len(model.parameters):
        raise InputError(f"the model has {len(model.parameters)} parameters, got {len(updates)} updates")
    if len({parameter.data_ptr() for parameter in model.parameters}) < len(updates):
        raise InputError("a step takes parameters with memory of their own, two of these share theirs")


field_values = Op(
    "field_values",
    reference.field_values,
    kernels=(Kernel("cpu", "neuralfields.ops.field_step.cpu:field_values", 0, cpu.refuse_values),),
    check=_check_values,
)
field_step = Op(
    "field_step",
    reference.field_step,
    kernels=(Kernel("cpu", "neuralfields.ops.field_step.cpu:field_step", 0, cpu.refuse_step),),
    check=_check_step,
    differentiable=False,
)

__all__ = ["Grid", "Model", "Network", "Output", "Samples", "Stage", "Task", "Update", "field_step", "field_values"]
