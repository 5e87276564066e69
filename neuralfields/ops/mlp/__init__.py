"""A plain multi-layer perceptron.

Contract of ``mlp(x, weights, biases, activation)``:
    x: [n, in]; weights: one [out, in] per linear map; biases: one [out] per map, or None for none at all.
    activation: a name in ``ACTIVATIONS``, applied after every map but the last.
    result: [n, out of the last map].
Derivatives: any order on the reference, two on the CPU kernel.
"""

from collections.abc import Sequence

from torch import Tensor

from neuralfields.checks import one_of
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.mlp import cpu
from neuralfields.ops.mlp.contract import check_points
from neuralfields.ops.mlp.reference import ACTIVATIONS, reference


def _check(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor] | None, activation: str) -> None:
    check_points("mlp", x, weights, biases)
    one_of(ACTIVATIONS, activation=activation)


mlp = Op(
    "mlp",
    reference,
    kernels=(Kernel("cpu", "neuralfields.ops.mlp.cpu:mlp", cpu.ORDER, cpu.refuse),),
    check=_check,
)

__all__ = ["ACTIVATIONS", "mlp"]
