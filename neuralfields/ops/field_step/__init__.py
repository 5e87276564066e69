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

from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.field_step import cpu, reference
from neuralfields.ops.field_step.model import Grid, Model, Network, Output, Stage
from neuralfields.ops.field_step.task import Samples, Task, Update

field_values = Op(
    "field_values",
    reference.field_values,
    kernels=(Kernel("cpu", "neuralfields.ops.field_step.cpu:field_values", 0, cpu.refuse_values),),
)
field_step = Op(
    "field_step",
    reference.field_step,
    kernels=(Kernel("cpu", "neuralfields.ops.field_step.cpu:field_step", 0, cpu.refuse_step),),
    differentiable=False,
)

__all__ = ["Grid", "Model", "Network", "Output", "Samples", "Stage", "Task", "Update", "field_step", "field_values"]
