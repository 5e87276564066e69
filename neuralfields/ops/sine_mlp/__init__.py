"""A multi-layer perceptron with sine activations.

Contract of ``sine_mlp(x, weights, biases, omegas)``:
    x: [n, in]; weights: one [out, in] per linear map; biases: one [out] per map.
    omegas: one frequency per map but the last; h' = sin(omega * (W h + b)), the last map is linear.
    result: [n, out of the last map].
Derivatives: any order on the reference, two on the CPU kernel.

Source: Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions", NeurIPS 2020, section 3.
"""

from collections.abc import Sequence

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.mlp.contract import check_points
from neuralfields.ops.sine_mlp import cpu
from neuralfields.ops.sine_mlp.reference import reference


def _check(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], omegas: Sequence[float]) -> None:
    check_points("sine_mlp", x, weights, biases)
    if len(omegas) != len(weights) - 1:
        raise InputError(f"sine_mlp takes {len(weights) - 1} omegas for {len(weights)} weights, got {len(omegas)}")


sine_mlp = Op(
    "sine_mlp",
    reference,
    kernels=(Kernel("cpu", "neuralfields.ops.sine_mlp.cpu:sine_mlp", cpu.ORDER, cpu.refuse),),
    check=_check,
)

__all__ = ["sine_mlp"]
