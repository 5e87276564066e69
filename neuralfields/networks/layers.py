"""What the networks share: sizes, initialisations, and going through layers one after the other."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.errors import InputError


def layer_sizes(in_dim: int, out_dim: int, width: int, depth: int) -> list[tuple[int, int]]:
    """(in, out) of each linear map of a network with ``depth`` hidden layers.

    Raises:
        InputError: a size is out of range.
    """
    if min(in_dim, out_dim, width) < 1 or max(in_dim, out_dim, width) > 1 << 16 or not 0 <= depth <= 256:
        raise InputError(
            "a network has sizes between 1 and 65536 and at most 256 layers, "
            f"got in_dim {in_dim}, out_dim {out_dim}, width {width}, depth {depth}"
        )
    sizes = [in_dim] + [width] * depth + [out_dim]
    return list(pairwise(sizes))


def linears(in_dim: int, out_dim: int, width: int, depth: int) -> nn.ModuleList:
    """The linear maps of a network with ``depth`` hidden layers, initialised as PyTorch does: U(±1/sqrt(fan_in)).

    Raises:
        InputError: a size is out of range, or there is no hidden layer.
    """
    if depth < 1:
        raise InputError(f"this network has depth 1 or more, got {depth}")
    return nn.ModuleList(nn.Linear(a, b) for a, b in layer_sizes(in_dim, out_dim, width, depth))


def before_softplus(values: Tensor) -> Tensor:
    """Whose softplus these positive values are: a parameter that is to stay positive is trained in this form."""
    return values + torch.log(-torch.expm1(-values))


@torch.no_grad()
def init_sine(layers: nn.ModuleList, omega: float) -> None:
    """SIREN's weights: U(±1/in_dim) in the first layer, U(±sqrt(6/fan_in)/omega) in the others; biases stay."""
    for i, layer in enumerate(cast("Sequence[nn.Linear]", layers)):
        bound = 1 / layer.in_features if i == 0 else math.sqrt(6 / layer.in_features) / omega
        layer.weight.uniform_(-bound, bound)


def scaled(layer: nn.Module, factor: float, x: Tensor) -> Tensor:
    """factor * layer(x) for a linear map, with the factor on its weights: they are fewer than the values."""
    return F.linear(x, factor * layer.weight, factor * layer.bias)  # type: ignore[operator]


def through(
    x: Tensor, layers: Iterable[nn.Module], activation: Callable[[Tensor], Tensor], factor: float = 1.0
) -> Tensor:
    """``activation`` of ``factor`` times each linear map but the last."""
    *hidden, last = layers
    for layer in hidden:
        x = activation(layer(x) if factor == 1 else scaled(layer, factor, x))
    return last(x)


def fading(exponent: Tensor) -> Tensor:
    """exp(exponent), and exp(-60) with derivative 0 further down, where exp is slow as soon as it underflows."""
    return F.threshold(exponent, -60.0, -60.0).exp()


def with_own_derivative(function: type[torch.autograd.Function], *arguments: Tensor) -> Tensor:
    """``function`` of the arguments; while compiling that of its ``forward``, so that autograd derives it by its parts.

    ``torch.compile`` gives wrong gradients of gradients of an autograd function (seen in PyTorch 2.13), without an
    error.
    """
    found: Tensor = (function.forward if torch.compiler.is_compiling() else function.apply)(*arguments)
    return found


def bell(z: Tensor) -> Tensor:
    """exp(-z^2)."""
    return fading(-z.square())


def products(filters: Sequence[Tensor], layers: Iterable[nn.Module]) -> list[Tensor]:
    """Of a multiplicative filter network: z_0 = g_0, then z_i = g_i * (W_i z_{i-1} + b_i)."""
    found = [filters[0]]
    for factor, layer in zip(filters[1:], layers, strict=True):
        found.append(factor * layer(found[-1]))
    return found


def list_of(layers: nn.ModuleList, name: str) -> list[Tensor]:
    """The parameters of this name, layer by layer."""
    return [getattr(layer, name) for layer in layers]


class LayerNorm(nn.Module):
    """(x - mean) / deviation of a point's features, times a weight and plus a bias that are learned.

    As ``nn.LayerNorm``, whose derivatives from the third on are wrong (seen in PyTorch 2.13), without an error.
    """

    def __init__(self, features: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(features)), nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(-1, keepdim=True)
        return torch.addcmul(self.bias, x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt(), self.weight)
