"""The sums behind an error over many values.

Contract of ``error_sums(prediction, target)`` -> [4] float64:
    prediction p, target t: floats of one shape. The sums over all values, in float64, of
    (p - t)^2 of both clamped to [0, 1]; (p - t)^2 / (t^2 + 0.01); (p - t)^2; t^2.
Not differentiable.
"""

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.error_sums import reference
from neuralfields.ops.native.calling import direct_refusal


def _check(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape:
        raise InputError(f"values {list(prediction.shape)} cannot be compared with {list(target.shape)}")


error_sums = Op(
    "error_sums",
    reference.error_sums,
    (Kernel("cpu", "neuralfields.ops.error_sums.cpu:error_sums", 0, direct_refusal),),
    check=_check,
    differentiable=False,
)

__all__ = ["error_sums"]
