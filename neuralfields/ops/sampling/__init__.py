"""What drawing samples of a regular array takes: an order to go through them, where they lie, what they hold.

Contract of ``shuffled(first, n, orders)`` -> [n] int64:
    the numbers first … first + n - 1 after the permutations ``orders`` in turn. Each is ``(count, key)``, a random
    bijection of {0, …, count - 1} given by its key, whole numbers from 0 on; no count is smaller than the one before.
    Every implementation gives the same numbers: a resumed fit depends on them.
Contract of ``cell_centres(index, shape)`` -> [n, axes] float32:
    index: [n] int64, flat places in an array of this shape, whose axes are in array order, slowest first. The centres
    (2i + 1) / length - 1 along each axis are in the opposite order (x first), rounded once from float64. Each axis is
    one run of memory: strides (1, n).
Contract of ``take_values(stored, index)`` -> [n, channels] float32:
    stored: [rows, channels], uint8, uint16, float16 or float32 and contiguous; index: [n] int64. The rows as floats,
    integers divided by the largest of their type. Raises IndexError for a row that there is none of.
All tensors are on the CPU. Not differentiable.

Source of the permutation: Black, Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, method 3 (a Feistel
network over a x b places) with cycle walking.
"""

from itertools import pairwise
from math import prod

from torch import Tensor, int64

from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.native.calling import direct_refusal
from neuralfields.ops.sampling import reference
from neuralfields.ops.sampling.reference import Order

_ORDERED, _PLACED = 1 << 40, 1 << 51  # the kernels divide in double precision


def _check(first: int, n: int, orders: tuple[Order, ...]) -> None:
    count = orders[0][0] if orders else first + n
    if first < 0 or n < 0 or first + n > count:
        raise InputError(f"the numbers from {first} to below {first + n} are not all from 0 to below {count}")
    if any(left[0] > right[0] for left, right in pairwise(orders)):
        raise InputError(f"an order takes all numbers that the one before gives, got {[count for count, _ in orders]}")


def _refuse_shuffled(first: int, n: int, orders: tuple[Order, ...]) -> str | None:
    largest = orders[-1][0] if orders else first + n
    return f"takes numbers up to 2^40, not {largest}" if largest > _ORDERED else direct_refusal()


def _refuse_centres(index: Tensor, shape: tuple[int, ...]) -> str | None:
    if not index.is_cpu or index.dtype is not int64:
        return f"takes an int64 index on the cpu, not {index.dtype} on {index.device}"
    size = prod(shape)
    return f"takes arrays of up to 2^51 places, not {size}" if size > _PLACED else direct_refusal(others=[index])


def _refuse_values(stored: Tensor, index: Tensor) -> str | None:
    if not index.is_cpu or index.dtype is not int64:
        return f"takes an int64 index on the cpu, not {index.dtype} on {index.device}"
    if not stored.is_cpu or stored.dtype not in reference.LARGEST:
        return f"takes uint8, uint16, float16 or float32 on the cpu, not {stored.dtype} on {stored.device}"
    return direct_refusal(others=[stored, index])


shuffled = Op(
    "shuffled",
    reference.shuffled,
    (Kernel("cpu", "neuralfields.ops.sampling.cpu:shuffled", 0, _refuse_shuffled),),
    check=_check,
    differentiable=False,
)
cell_centres = Op(
    "cell_centres",
    reference.cell_centres,
    (Kernel("cpu", "neuralfields.ops.sampling.cpu:cell_centres", 0, _refuse_centres),),
    differentiable=False,
)
take_values = Op(
    "take_values",
    reference.take_values,
    (Kernel("cpu", "neuralfields.ops.sampling.cpu:take_values", 0, _refuse_values),),
    differentiable=False,
)

__all__ = ["Order", "cell_centres", "shuffled", "take_values"]
