"""``composite`` by the C++ core: values and first derivatives."""

import ctypes
from typing import Any, NoReturn

import torch
from torch import Tensor

from neuralfields.ops.native.calling import call, operator, refusal, too_often

ORDER = 1


class _Packing(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("rays", "channels")),
        *((name, ctypes.c_void_p) for name in ("count", "ends", "thickness", "values")),
    )


def refuse(thickness: Tensor, values: Tensor, count: Tensor) -> str | None:
    return refusal(thickness, values) or ("takes counts on the CPU" if count.device.type != "cpu" else None)


def composite(thickness: Tensor, values: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return _Composite.apply(thickness, values, count)  # pyright: ignore[reportReturnType]


def _call(name: str, thickness: Tensor, values: Tensor, count: Tensor, *rest: Tensor) -> None:
    kept = count.contiguous(), count.cumsum(0), thickness.contiguous(), values.contiguous()
    call(name, _Packing(len(count), values.shape[1], *map(Tensor.data_ptr, kept)), *rest)


def _forward_cpu(thickness: Tensor, values: Tensor, count: Tensor) -> list[Tensor]:
    made = _forward_fake(thickness, values, count)
    _call("nf_composite", thickness, values, count, *made)
    return made


def _forward_fake(thickness: Tensor, values: Tensor, count: Tensor) -> list[Tensor]:
    n, m, c = count.shape[0], *values.shape
    return [values.new_empty(n, c), values.new_empty(n), values.new_empty(m)]


def _backward_cpu(thickness: Tensor, values: Tensor, count: Tensor, weights: Tensor, up: list[Tensor]) -> list[Tensor]:
    made = _backward_fake(thickness, values, count, weights, up)
    given = [t.contiguous() for t in (weights, *up)]
    _call("nf_composite_backward", thickness, values, count, *given, *made)
    return made


def _backward_fake(thickness: Tensor, values: Tensor, count: Tensor, weights: Tensor, up: list[Tensor]) -> list[Tensor]:
    return [values.new_empty(values.shape[0]), values.new_empty(values.shape)]


_forward = operator("composite(Tensor thickness, Tensor values, Tensor count) -> Tensor[]", _forward_cpu, _forward_fake)
_backward = operator(
    "composite_backward(Tensor thickness, Tensor values, Tensor count, Tensor weights, Tensor[] up) -> Tensor[]",
    _backward_cpu,
    _backward_fake,
)


class _Composite(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(thickness: Tensor, values: Tensor, count: Tensor) -> tuple[Tensor, ...]:
        return tuple(_forward(thickness, values, count))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        ctx.save_for_backward(*inputs, output[2])

    @staticmethod
    def backward(ctx: Any, *up: Tensor) -> tuple[Any, ...]:
        return *_Backward.apply(*ctx.saved_tensors, *up), None


class _Backward(torch.autograd.Function):
    """The gradients of thickness and values; its own are the reference's business."""

    generate_vmap_rule = True

    @staticmethod
    def forward(thickness: Tensor, values: Tensor, count: Tensor, weights: Tensor, *up: Tensor) -> tuple[Tensor, ...]:
        return tuple(_backward(thickness, values, count, weights, list(up)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, ...]) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *_: Any) -> NoReturn:
        too_often(ORDER)
