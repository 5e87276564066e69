"""Complex values as pairs of reals: the last axis holds all real parts, then all imaginary ones.

So parameters stay real, which files and optimizers want, and a complex map is one real matrix product.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.networks.layers import fading, layer_sizes, with_own_derivative


class ComplexLinear(nn.Module):
    """A complex linear map of pairs [*batch, 2 a] to pairs [*batch, 2 b].

    Real and imaginary parts of weights ([2, b, a]) and biases ([2 b]) are U(-1/sqrt(a), 1/sqrt(a)), as PyTorch's are.
    """

    def __init__(self, a: int, b: int, *, bias: bool = True):
        super().__init__()
        bound = 1 / math.sqrt(a)
        self.weight = nn.Parameter(torch.empty(2, b, a).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(2 * b).uniform_(-bound, bound)) if bias else None

    def forward(self, z: Tensor) -> Tensor:
        real, imaginary = self.weight
        matrix = torch.cat([torch.cat([real, -imaginary], 1), torch.cat([imaginary, real], 1)])
        return F.linear(z, matrix, self.bias)


@torch.no_grad()
def real_part(a: int, b: int, *, bias: bool = True) -> nn.Linear:
    """The real part of a complex map of pairs [*batch, 2 a] to b values; nothing sees the bias's imaginary part."""
    layer = nn.Linear(2 * a, b, bias)
    for tensor in layer.parameters():
        tensor.uniform_(-1 / math.sqrt(a), 1 / math.sqrt(a))
    return layer


def wavelet_layers(in_dim: int, out_dim: int, width: int, depth: int, *, maps: int = 1) -> nn.ModuleList:
    """The maps of WIRE: a real one, then complex ones, then the real part of one; ``maps`` of each but of the last.

    The hidden layers have floor(width / sqrt(2 maps)) complex values, so that the network has about as many parameters
    as a real one of that width.

    Raises:
        InputError: a size is out of range, or there is no hidden layer.
    """
    if depth < 1 or width < 2:
        raise InputError(f"a network of complex values has depth 1 and width 2 or more, got {depth} and {width}")
    first, *hidden, (_, last) = layer_sizes(in_dim, out_dim, width, depth)
    inner = int(width / math.sqrt(2 * maps))
    complexes = [ComplexLinear(inner, maps * inner) for _ in hidden]
    return nn.ModuleList([nn.Linear(first[0], maps * inner), *complexes, real_part(inner, last)])


def gabor(p: Tensor, q: Tensor | None, omega: float, scale: float, *, across: Tensor | None = None) -> Tensor:
    """exp(i omega z - scale^2 (|z|^2 + across)) of z = p + i q as a pair; q is None for real z.

    A wave in a window. Its size is at most exp((omega / scale)^2 / 4), which complex z reach, and 1 for real z.
    """
    square = p.square() if q is None else p.square() + q.square()
    exponent = -(scale**2) * (square if across is None else square + across)
    # One exponential of the sum: two of them, multiplied, would overflow where their product does not.
    return with_own_derivative(_Exp, exponent if q is None else exponent - omega * q, omega * p)


class _Exp(torch.autograd.Function):
    """exp(p + i q) as a pair; its derivative is the result itself, with which no sine is computed twice."""

    generate_vmap_rule = True

    @staticmethod
    def forward(p: Tensor, q: Tensor) -> Tensor:  # type: ignore[override]
        size = fading(p)
        return torch.cat([size * q.cos(), size * q.sin()], -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # type: ignore[override]
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        real, imaginary = ctx.saved_tensors[0].chunk(2, -1)
        a, b = grad.chunk(2, -1)
        return torch.addcmul(a * real, b, imaginary), torch.addcmul(b * real, a, imaginary, value=-1)
