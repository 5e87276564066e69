"""``mlp`` by the C++ core, and what ``sine_mlp`` shares with it: values, first and second derivatives.

The second derivatives that the core has are those of the input's gradient. Those of the parameters' gradient, which
meta-learning takes, are computed by the reference.
"""

import ctypes
import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.func import vjp

from neuralfields.ops.mlp.reference import ACTIVATIONS, reference
from neuralfields.ops.native.calling import by_feature, call, operator, refusal, too_often

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

    _fields_ = (
        ("maps", ctypes.c_int32),
        ("activation", ctypes.c_int32),
        ("map", ctypes.POINTER(Map)),
        ("precision", ctypes.c_int32),
    )


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
    return Network(len(maps), _NAMES.index(activation), (Map * len(maps))(*maps), precision())


def precision() -> int:
    """Of matrix products, ``enum Precision`` in network.hpp: bf16 where PyTorch's own may take it for float32."""
    return int(torch.get_float32_matmul_precision() == "medium")


def refuse(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor] | None, *_: Any) -> str | None:
    if len(weights) > MAX_MAPS:
        return f"takes at most {MAX_MAPS} linear maps, not {len(weights)}"
    for weight in weights:
        rows, columns = weight.shape
        if not (0 < rows <= MAX_WIDTH and 0 < columns <= MAX_WIDTH):
            return f"takes widths from 1 to {MAX_WIDTH}, not {rows if columns <= MAX_WIDTH and columns else columns}"
    return refusal(x, *weights, *(biases or ()))


def mlp(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor] | None, activation: str) -> Tensor:
    return perceptron(x, weights, biases or (), activation, ())


def perceptron(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], activation: str, omegas: Sequence[float]
) -> Tensor:
    """A network with any of the core's activations; omegas are the frequencies of sines."""
    code, tensors = _code(activation, len(weights), omegas), (x, *weights, *biases)
    if torch.compiler.is_compiling() and not (torch.is_grad_enabled() and any(t.requires_grad for t in tensors)):
        # Where nothing is recorded, torch.compile cannot trace an autograd function with any number of arguments.
        return _forward_operator(x, [*weights, *biases], code)
    return _Forward.apply(code, *tensors)


# Settings are given to autograd functions and operators as one text, which stays a constant for torch.compile.
def _code(activation: str, maps: int, omegas: Sequence[float]) -> str:
    # As texts within the text: JSON has no infinity.
    frequencies = ", ".join([f'"{float(omega)!r}"' for omega in omegas])
    return f'["{activation}", {maps}, [{frequencies}]]'


@cache
def _settings(code: str) -> tuple[str, int, list[float]]:
    """Activation, number of linear maps, frequencies."""
    activation, maps, omegas = json.loads(code)
    return activation, maps, [float(omega) for omega in omegas]


class _Parameters:
    """Contiguous parameters, their network for the core, and room for their gradients."""

    def __init__(self, code: str, parameters: Sequence[Tensor]) -> None:
        activation, maps, omegas = _settings(code)
        tensors = [p.contiguous() for p in parameters]
        self.weights, self.biases = tensors[:maps], tensors[maps:]
        self.network = network(self.weights, self.biases, activation, omegas)

    def gradients(self) -> tuple[list[Tensor], list[Tensor]]:
        return [torch.empty_like(w) for w in self.weights], [torch.empty_like(b) for b in self.biases]


def _strided(x: Tensor) -> tuple[Any, ...]:
    """A matrix [points, features] for the core."""
    return x, *x.stride()


def _target(dx: Tensor | None) -> tuple[Tensor | None, int]:
    """Where the gradient of the input goes, if anywhere, and the distance of its features."""
    return (None, 0) if dx is None else (dx, dx.stride(1))


def _forward_cpu(x: Tensor, parameters: list[Tensor], code: str) -> Tensor:
    kept = _Parameters(code, parameters)
    out = x.new_empty(len(x), kept.weights[-1].shape[0])
    call("nf_mlp_forward", kept.network, *_strided(x), len(x), out)
    return out


def _forward_fake(x: Tensor, parameters: list[Tensor], code: str) -> Tensor:
    return x.new_empty(x.shape[0], parameters[_settings(code)[1] - 1].shape[0])


def _backward(x: Tensor, g: Tensor, parameters: list[Tensor], code: str, dx: Tensor | None) -> list[Tensor]:
    """The parameters' gradients; the input's is written to ``dx``."""
    kept = _Parameters(code, parameters)
    dweights, dbiases = kept.gradients()
    call("nf_mlp_backward", kept.network, *_strided(x), len(x), *_strided(g), *_target(dx), dweights, dbiases)
    return [*dweights, *dbiases]


def _input_cpu(x: Tensor, g: Tensor, parameters: list[Tensor], code: str) -> Tensor:
    dx = by_feature(x.shape[1], x)
    _backward(x, g, parameters, code, dx)
    return dx


def _input_fake(x: Tensor, g: Tensor, parameters: list[Tensor], code: str) -> Tensor:
    return by_feature(x.shape[1], x)


def _parameters_cpu(x: Tensor, g: Tensor, parameters: list[Tensor], code: str) -> list[Tensor]:
    return _backward(x, g, parameters, code, None)


def _parameters_fake(x: Tensor, g: Tensor, parameters: list[Tensor], code: str) -> list[Tensor]:
    return [torch.empty_like(p, memory_format=torch.contiguous_format) for p in parameters]


def _all_cpu(x: Tensor, g: Tensor, parameters: list[Tensor], code: str) -> list[Tensor]:
    dx = by_feature(x.shape[1], x)
    return [dx, *_backward(x, g, parameters, code, dx)]


def _all_fake(x: Tensor, g: Tensor, parameters: list[Tensor], code: str) -> list[Tensor]:
    return [by_feature(x.shape[1], x), *_parameters_fake(x, g, parameters, code)]


def _second_cpu(x: Tensor, g: Tensor, v: Tensor, parameters: list[Tensor], code: str) -> list[Tensor]:
    """Of <v, dx>: [dx, dg, *dparameters]."""
    kept = _Parameters(code, parameters)
    dg, dx = x.new_empty(g.shape), by_feature(x.shape[1], x)
    dweights, dbiases = kept.gradients()
    matrices = *_strided(x), len(x), *_strided(g), *_strided(v)
    call("nf_mlp_second", kept.network, *matrices, dg, *_target(dx), dweights, dbiases)
    return [dx, dg, *dweights, *dbiases]


def _second_fake(x: Tensor, g: Tensor, v: Tensor, parameters: list[Tensor], code: str) -> list[Tensor]:
    return [by_feature(x.shape[1], x), x.new_empty(g.shape), *_parameters_fake(x, g, parameters, code)]


_forward_operator = operator(
    "mlp(Tensor x, Tensor[] parameters, str code) -> Tensor", _forward_cpu, _forward_fake, pointwise=(0,)
)
_input_operator = operator(
    "mlp_input_gradient(Tensor x, Tensor g, Tensor[] parameters, str code) -> Tensor",
    _input_cpu,
    _input_fake,
    pointwise=(0, 1),
)
_parameters_operator = operator(
    "mlp_parameter_gradients(Tensor x, Tensor g, Tensor[] parameters, str code) -> Tensor[]",
    _parameters_cpu,
    _parameters_fake,
)
_all_operator = operator(
    "mlp_gradients(Tensor x, Tensor g, Tensor[] parameters, str code) -> Tensor[]", _all_cpu, _all_fake
)
_second_operator = operator(
    "mlp_second(Tensor x, Tensor g, Tensor v, Tensor[] parameters, str code) -> Tensor[]", _second_cpu, _second_fake
)


class _Forward(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(code: str, x: Tensor, *parameters: Tensor) -> Tensor:
        return _forward_operator(x, list(parameters), code)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.code, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        x, *parameters = ctx.saved_tensors
        if torch.compiler.is_compiling():
            return _traced_backward(ctx, x, g, parameters)
        if not any(ctx.needs_input_grad[2:]):
            return None, _InputGradient.apply(ctx.code, x, g, *parameters), *(None for _ in parameters)
        if not ctx.needs_input_grad[1]:
            return None, None, *_ParameterGradients.apply(ctx.code, x, g, *parameters)
        return None, *_Gradients.apply(ctx.code, x, g, *parameters)


def _traced_backward(ctx: Any, x: Tensor, g: Tensor, parameters: Sequence[Tensor]) -> tuple[Any, ...]:
    """For torch.compile, which takes no autograd function with any number of arguments in a backward pass."""
    if not any(ctx.needs_input_grad[2:]):
        return None, _input_operator(x, g, parameters, ctx.code), *(None for _ in parameters)
    if not ctx.needs_input_grad[1]:
        return None, None, *_parameters_operator(x, g, parameters, ctx.code)
    return None, *_all_operator(x, g, parameters, ctx.code)


class _InputGradient(torch.autograd.Function):
    """(x, g, parameters) to the gradient of x for the upstream gradient g."""

    generate_vmap_rule = True

    @staticmethod
    def forward(code: str, x: Tensor, g: Tensor, *parameters: Tensor) -> Tensor:
        return _input_operator(x, g, list(parameters), code)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.code, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        x, g, *parameters = ctx.saved_tensors
        return None, *_Second.apply(ctx.code, x, g, v, *parameters)


class _ParameterGradients(torch.autograd.Function):
    """(x, g, parameters) to the gradients of the parameters."""

    generate_vmap_rule = True

    @staticmethod
    def forward(code: str, x: Tensor, g: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return tuple(_parameters_operator(x, g, list(parameters), code))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.code, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Any, ...]:
        return None, *_by_reference(ctx.code, ctx.saved_tensors, (None, *cotangents))


class _Gradients(torch.autograd.Function):
    """(x, g, parameters) to the gradients of x and of the parameters."""

    generate_vmap_rule = True

    @staticmethod
    def forward(code: str, x: Tensor, g: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return tuple(_all_operator(x, g, list(parameters), code))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.code, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, v: Tensor | None, *others: Tensor | None) -> tuple[Any, ...]:  # type: ignore[override]
        x, g, *parameters = ctx.saved_tensors
        if any(cotangent is not None for cotangent in others):
            return None, *_by_reference(ctx.code, (x, g, *parameters), (v, *others))
        if v is None:
            return None, None, None, *(None for _ in parameters)
        return None, *_Second.apply(ctx.code, x, g, v, *parameters)


class _Second(torch.autograd.Function):
    """(x, g, v, parameters) to the gradients of <v, dx> in x, g and the parameters."""

    generate_vmap_rule = True

    @staticmethod
    def forward(code: str, x: Tensor, g: Tensor, v: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return tuple(_second_operator(x, g, v, list(parameters), code))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *_: Any) -> NoReturn:
        too_often(ORDER)


def _by_reference(
    code: str, arguments: tuple[Tensor, ...], cotangents: tuple[Tensor | None, ...]
) -> tuple[Tensor, ...]:
    """The backward of ``_Gradients`` at (x, g, *parameters) in plain PyTorch."""
    activation, maps, omegas = _settings(code)

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
