"""Calls into the C++ core with tensors, and torch operators made of such calls."""

import ctypes
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

from neuralfields.ops._op import wanted_derivatives
from neuralfields.ops.native import library, reason

_fragment = torch.library.Library("neuralfields", "FRAGMENT")


def refusal(*tensors: Tensor) -> str | None:
    """Why no function of the core can take these tensors."""
    if (why := reason()) is not None:
        return f"needs the native core, which {why}"
    for tensor in tensors:
        if tensor.dtype != torch.float32:
            return f"takes float32, not {str(tensor.dtype).removeprefix('torch.')}"
        if tensor.device.type != "cpu":
            return f"works on the CPU, not on {tensor.device.type}"
    if forward_ad._current_level >= 0:
        return "has no derivatives in forward mode"
    if torch.compiler.is_compiling():
        return _refusal_of_tracing()
    return None


def direct_refusal(*tensors: Tensor, others: Sequence[Tensor] = ()) -> str | None:
    """Why a function of the core cannot be called without a torch operator, which nothing that watches torch sees.

    Args:
        tensors: as ``refusal`` takes them.
        others: more tensors, of any dtype; their devices are the caller's business.
    """
    if torch.compiler.is_compiling():
        return "is not traced by torch.compile"
    if torch._C._is_tracing():
        return "is not traced by torch.jit"
    if torch._C._are_functorch_transforms_active():
        return "does not take part in torch.func transforms"
    if torch._C._len_torch_dispatch_stack() or torch._C._len_torch_function_stack():
        return "is not seen by a mode of torch that is active here"
    for tensor in (*tensors, *others):
        if type(tensor) is not Tensor and type(tensor) is not Parameter:
            return f"takes plain tensors, not {type(tensor).__name__}"
        if tensor.layout is not torch.strided or tensor.is_neg():
            return "takes tensors whose memory holds their values one by one"
    return refusal(*tensors)


def _refusal_of_tracing() -> str | None:
    # torch.compile traces a backward pass as operators alone, whose own derivatives would be missing.
    if wanted_derivatives() > 1:
        return "has derivatives to order 1 within torch.compile"
    if torch._C._are_functorch_transforms_active():
        return "does not take part in torch.func transforms within torch.compile"
    return None


def call(name: str, *arguments: Any) -> None:
    """Call a function of the core whose last argument is the number of threads: as many as torch uses.

    Args:
        name: of the function.
        arguments: those before the last, as ``invoke`` takes them.
    """
    invoke(name, *arguments, torch.get_num_threads())


def invoke(name: str, *arguments: Any, result: Any = None) -> Any:
    """Call a function of the core.

    Args:
        name: of the function.
        arguments: tensors and lists of them are given as pointers, None as a null pointer, structures by reference,
            whole numbers as int64; all else is given as the object of ctypes that it is.
        result: what it returns, a type of ctypes; None for nothing.
    """
    function = getattr(library(), name)
    function.restype = result
    return function(*map(_argument, arguments))


def _argument(value: Any) -> Any:
    """As ``invoke`` describes it."""
    if isinstance(value, Tensor):
        return ctypes.c_void_p(value.data_ptr())
    if isinstance(value, list):
        return (ctypes.c_void_p * len(value))(*(None if t is None else t.data_ptr() for t in value))
    if hasattr(value, "__index__"):  # NumPy's whole numbers too
        return ctypes.c_int64(value)
    if isinstance(value, ctypes.Structure):
        return ctypes.byref(value)
    return value


def by_feature(features: int, like: Tensor) -> Tensor:
    """Room [n, features] for as many points as ``like`` has, in memory feature after feature.

    A little apart, because features at distances of powers of two would fall on the same lines of a cache.
    """
    n = like.shape[0]
    return like.new_empty(features, n + 16)[:, :n].t()


def on_huge_pages(tensor: Tensor) -> None:
    """Ask the system for large pages under a large tensor: random accesses then seldom miss the table of pages."""
    if tensor.is_contiguous():
        call("nf_huge_pages", tensor, tensor.numel() * tensor.element_size())


def operator(
    schema: str, implementation: Callable[..., Any], fake: Callable[..., Any], pointwise: Sequence[int] = ()
) -> Callable[..., Any]:
    """A torch operator for ``torch.compile`` and ``torch.func.vmap`` to see; differentiation is the caller's business.

    Args:
        schema: "name(Tensor x, …) -> Tensor", in the namespace ``neuralfields``.
        implementation: for tensors on the CPU; gives new tensors.
        fake: the same without data: shapes and strides.
        pointwise: positions of the arguments whose first axis is that of the points, if the result is one tensor of
            which that holds too. When only these are batched, all batches are one call.
    """
    name = schema[: schema.index("(")]
    _fragment.define(schema)
    _fragment.impl(name, implementation, "CPU")
    torch.library.register_fake(f"neuralfields::{name}", fake, lib=_fragment)
    made = getattr(torch.ops.neuralfields, name)

    def batched(info: Any, in_dims: tuple[Any, ...], *arguments: Any) -> tuple[Any, Any]:
        if (
            pointwise
            and info.batch_size
            and not any(_batched(dim) for i, dim in enumerate(in_dims) if i not in pointwise)
        ):
            together = list(arguments)
            for i in pointwise:
                together[i] = _together(arguments[i], in_dims[i], info.batch_size)
            return made(*together).unflatten(0, (info.batch_size, -1)), 0
        size = info.batch_size
        # Without any batch, one of zeros tells the shapes.
        one_by_one = [made(*map(_slice, arguments, in_dims, repeat(b))) for b in range(max(size, 1))]
        if isinstance(one_by_one[0], Tensor):
            return torch.stack(one_by_one)[:size], 0
        return [torch.stack(parts)[:size] for parts in zip(*one_by_one, strict=True)], [0] * len(one_by_one[0])

    torch.library.register_vmap(f"neuralfields::{name}", batched, lib=_fragment)
    return made


def _batched(dim: Any) -> bool:
    return any(d is not None for d in dim) if isinstance(dim, list) else dim is not None


def _together(argument: Tensor | None, dim: int | None, batch: int) -> Tensor | None:
    """All batches' points, one batch after the other."""
    if argument is None:
        return None
    wide = argument.expand(batch, *argument.shape) if dim is None else argument.movedim(dim, 0)
    return wide.flatten(0, 1)


def _slice(argument: Any, dim: Any, index: int) -> Any:
    if isinstance(dim, list):
        return [_slice(a, d, index) for a, d in zip(argument, dim, strict=True)]
    if dim is None:
        return argument
    return argument.select(dim, index) if argument.shape[dim] else argument.sum(dim)


def too_often(order: int) -> NoReturn:
    """What the backward of a kernel's last derivative does."""
    raise RuntimeError(
        f"this kernel has derivatives to order {order}: compute inside ops.derivatives({order + 1}) "
        'or ops.backend("reference")'
    )


class Last(torch.autograd.Function):
    """``function(*arguments)`` for an operator whose own derivatives the core does not have."""

    generate_vmap_rule = True

    @staticmethod
    def forward(function: Callable[..., Tensor], order: int, *arguments: Any) -> Tensor:
        return function(*arguments)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.order = inputs[1]

    @staticmethod
    def backward(ctx: Any, *_: Any) -> NoReturn:
        too_often(ctx.order)
