"""One step of Adam in place, for dense parameters and for tables of which a batch touches few rows.

Contract of ``adam(parameter, gradient, mean, square, step, lr, beta1, beta2, epsilon)``:
    all tensors of one shape; ``step`` is the number of this step, from 1 on. Changes parameter, mean and square.
Contract of ``lazy_adam(parameter, gradient, mean, square, steps, lr, beta1, beta2, epsilon)``:
    parameter, gradient, mean, square: [rows, features]; steps: [rows] int32, how often each row was updated.
    A row whose gradient is zero throughout is skipped entirely: values, moments and its step count stay.
Not differentiable.

Source: Kingma, Ba, "Adam", ICLR 2015, algorithm 1; skipping untouched rows as in Mueller et al., SIGGRAPH 2022,
section 4.
"""

from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.adam import cpu, reference

adam = Op(
    "adam",
    reference.adam,
    kernels=(Kernel("cpu", "neuralfields.ops.adam.cpu:adam", 0, cpu.refuse),),
    differentiable=False,
)
lazy_adam = Op(
    "lazy_adam",
    reference.lazy_adam,
    kernels=(Kernel("cpu", "neuralfields.ops.adam.cpu:lazy_adam", 0, cpu.refuse),),
    differentiable=False,
)

__all__ = ["adam", "lazy_adam"]
