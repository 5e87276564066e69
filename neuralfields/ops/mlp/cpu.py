"""``mlp`` by the C++ core, and what ``sine_mlp`` shares with it: values, first and second derivatives.

The second derivatives that the core has are those of the input's gradient. Those of the weights' gradient, which
meta-learning takes, are computed by the reference.
"""

import ctypes
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.func import vjp

from neuralfields.ops.mlp.reference import ACTIVATIONS, reference
from neuralfields.ops.native.calling import call, operator, refusal, too_often

MAX_MAPS = 16
MAX_WIDTH = 1024
ORDER = 2
SINE = "sine"
_NAMES = [*ACTIVATIONS, SINE]  # in the order of ``enum Activation`` in activation.hpp


class Map(ctypes.Structure):
    """``nf::Map`` in network.hpp."""

    _fields_ = (
        ("inputs", ctypes.c_int32),
        ("outputs", ctypes.c_int32),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("omega", ctypes.c_float),
    )


class Network(ctypes.Structure):
    """``nf::Network`` in network.hpp."""

    _fields_ = (("maps", ctypes.c_int32), ("activation", ctypes.c_int32), ("map", ctypes.POINTER(Map)))


def network(
    weights: Sequence[Tensor], biases: Sequence[Tensor], activation: str, omegas: Sequence[float] = ()
) -> Network:
    """The network as the C++ core reads it; the tensors must live as long, and be contiguous."""
    pointers = [b.data_ptr() for b in biases] or [None] * len(weights)
    frequencies = [*omegas, 0.0] if omegas else [0.0] * len(weights)
    maps = [
        Map(w.shape[1], w.shape[0], w.data_ptr(), bias, omega)
        for w, bias, omega in zip(weights, pointers, frequencies, strict=True)
    ]
    return Network(len(maps), _NAMES.index(activation), (Map * len(maps))(*maps))


def refuse(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor] | None, *_: Any) -> str | None:
    if len(weights) > MAX_MAPS:
        return f"takes at most {MAX_MAPS} linear maps, not {len(weights)}"
    widest = max(max(w.shape) for w in weights)
    if widest > MAX_WIDTH:
        return f"takes widths to {MAX_WIDTH}, not {widest}"
    return refusal(x, *weights, *(biases or ()))


def mlp(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor] | None, activation: str) -> Tensor:
    return perceptron(x, weights, biases or (), activation, ())


def perceptron(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], activation: str, omegas: Sequence[float]
) -> Tensor:
    """A network with any of the core's activations; omegas are the frequencies of sines."""
    return _Forward.apply(activation, tuple(omegas), len(weights), x, *weights, *biases)


def _contiguous(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [t.contiguous() for t in tensors]


def _strided(x: Tensor) -> tuple[Any, ...]:
    """A matrix [points, features] for the core."""
    return x, *x.stride()


def _forward_cpu(x: Tensor, weights: list[Tensor], biases: list[Tensor], activation: str, omegas: list[float]) -> Tensor:
    weights, biases = _contiguous(weights), _contiguous(biases)
    out = x.new_empty(len(x), weights[-1].shape[0])
    call("nf_mlp_forward", network(weights, biases, activation, omegas), *_strided(x), len(x), out)
    return out


def _forward_fake(x: Tensor, weights: list[Tensor], biases: list[Tensor], activation: str, omegas: list[float]) -> Tensor:
    return x.new_empty(x.shape[0], weights[-1].shape[0])


def _backward_cpu(
    x: Tensor, g: Tensor, weights: list[Tensor], biases: list[Tensor], activation: str, omegas: list[float]
) -> list[Tensor]:
    """[dx, *dweights, *dbiases]."""
    weights, biases = _contiguous(weights), _contiguous(biases)
    dx = x.new_empty(x.shape[1], x.shape[0])
    dweights, dbiases = [torch.empty_like(w) for w in weights], [torch.empty_like(b) for b in biases]
    described = network(weights, biases, activation, omegas)
    call("nf_mlp_backward", described, *_strided(x), len(x), *_strided(g), dx, dweights, dbiases)
    return [dx.t(), *dweights, *dbiases]


def _backward_fake(
    x: Tensor, g: Tensor, weights: list[Tensor], biases: list[Tensor], activation: str, omegas: list[float]
) -> list[Tensor]:
    like = [torch.empty_like(t, memory_format=torch.contiguous_format) for t in (*weights, *biases)]
    return [x.new_empty(x.shape[1], x.shape[0]).t(), *like]


def _second_cpu(
    x: Tensor, g: Tensor, v: Tensor, weights: list[Tensor], biases: list[Tensor], activation: str, omegas: list[float]
) -> list[Tensor]:
    """Of <v, dx>: [dg, dx, *dweights, *dbiases]."""
    weights, biases = _contiguous(weights), _contiguous(biases)
    dg, dx = x.new_empty(g.shape), x.new_empty(x.shape[1], x.shape[0])
    dweights, dbiases = [torch.empty_like(w) for w in weights], [torch.empty_like(b) for b in biases]
    described = network(weights, biases, activation, omegas)
    call("nf_mlp_second", described, *_strided(x), len(x), *_strided(g), *_strided(v), dg, dx, dweights, dbiases)
    return [dg, dx.t(), *dweights, *dbiases]


def _second_fake(
    x: Tensor, g: Tensor, v: Tensor, weights: list[Tensor], biases: list[Tensor], activation: str, omegas: list[float]
) -> list[Tensor]:
    first = _backward_fake(x, g, weights, biases, activation, omegas)
    return [x.new_empty(g.shape), *first]


_forward = operator(
    "mlp(Tensor x, Tensor[] weights, Tensor[] biases, str activation, float[] omegas) -> Tensor",
    _forward_cpu,
    _forward_fake,
    pointwise=(0,),
)
_backward = operator(
    "mlp_backward(Tensor x, Tensor g, Tensor[] weights, Tensor[] biases, str activation, float[] omegas) -> Tensor[]",
    _backward_cpu,
    _backward_fake,
)
_second = operator(
    "mlp_second(Tensor x, Tensor g, Tensor v, Tensor[] weights, Tensor[] biases, str activation, float[] omegas) "
    "-> Tensor[]",
    _second_cpu,
    _second_fake,
)


class _Forward(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(activation: str, omegas: Sequence[float], maps: int, x: Tensor, *parameters: Tensor) -> Tensor:
        return _forward(x, list(parameters[:maps]), list(parameters[maps:]), activation, omegas)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.activation, ctx.omegas, ctx.maps, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
        x, *parameters = ctx.saved_tensors
        return None, None, None, *_Backward.apply(ctx.activation, ctx.omegas, ctx.maps, x, g, *parameters)


class _Backward(torch.autograd.Function):
    """(x, g, parameters) to the gradients of x and of the parameters for the upstream gradient g."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        activation: str, omegas: Sequence[float], maps: int, x: Tensor, g: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        return tuple(_backward(x, g, list(parameters[:maps]), list(parameters[maps:]), activation, omegas))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.activation, ctx.omegas, ctx.maps, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, v: Tensor | None, *more: Tensor | None) -> tuple[Any, ...]:
        x, g, *parameters = ctx.saved_tensors
        given = ctx.activation, ctx.omegas, ctx.maps
        if any(cotangent is not None for cotangent in more):
            return None, None, None, *_by_reference(*given, (x, g, *parameters), (v, *more))
        if v is None:
            return (None,) * (5 + len(parameters))
        dg, dx, *others = _Second.apply(*given, x, g, v, *parameters)
        return None, None, None, dx, dg, *others


class _Second(torch.autograd.Function):
    """(x, g, v, parameters) to the gradients of <v, dx> in g, x and the parameters."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        activation: str, omegas: Sequence[float], maps: int, x: Tensor, g: Tensor, v: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        return tuple(_second(x, g, v, list(parameters[:maps]), list(parameters[maps:]), activation, omegas))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *_: Any) -> NoReturn:
        too_often(ORDER)


def _by_reference(
    activation: str,
    omegas: Sequence[float],
    maps: int,
    arguments: tuple[Tensor, ...],
    cotangents: tuple[Tensor | None, ...],
) -> tuple[Tensor, ...]:
    """The backward of ``_Backward`` at (x, g, *parameters) in plain PyTorch."""

    def values(x: Tensor, *parameters: Tensor) -> Tensor:
        weights, biases = parameters[:maps], parameters[maps:]
        if activation == SINE:
            from neuralfields.ops.sine_mlp.reference import reference as sine_reference

            return sine_reference(x, weights, biases, omegas)
        return reference(x, weights, biases or None, activation)

    def gradients(x: Tensor, g: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return vjp(values, x, *parameters)[1](g)

    found, pull, *_ = vjp(gradients, *arguments)
    return pull(tuple(torch.zeros_like(f) if c is None else c for f, c in zip(found, cotangents, strict=True)))
