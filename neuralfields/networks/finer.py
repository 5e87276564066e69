"""FINER: activations of a variable period, sin(omega (|z| + 1) z), whose frequencies the biases choose.

@inproceedings{liu2024finer,
  title={FINER: Flexible Spectral-bias Tuning in Implicit NEural Representation by Variable-periodic
    Activation Functions},
  author={Liu, Zhen and Zhu, Hao and Zhang, Qi and Fu, Jingde and Deng, Weibing and Ma, Zhan and Guo, Yanwen and
    Cao, Xun},
  booktitle={CVPR}, year={2024}}
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import init_sine, linears, list_of, with_own_derivative


class _Stretch(torch.autograd.Function):
    """(|z| + 1) z, whose derivative 2 |z| + 1 is cheaper than that of its parts."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor) -> Tensor:  # type: ignore[override]
        return torch.addcmul(z, z, z.abs())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:  # type: ignore[override]
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return torch.addcmul(grad, grad, ctx.saved_tensors[0].abs(), value=2)


def stretched(z: Tensor, detach: bool) -> Tensor:
    """(|z| + 1) z; with ``detach`` the factor is a constant in gradients."""
    return torch.addcmul(z, z, z.detach().abs()) if detach else with_own_derivative(_Stretch, z)


@torch.no_grad()
def init_first_bias(layers: nn.ModuleList, bound: float | None) -> None:
    """Draw the first layer's bias, which chooses among the frequencies omega (2 |z| + 1); None leaves it as it is."""
    if bound is not None:
        if not 0 <= bound < math.inf:
            raise InputError(f"first_bias is a finite bound, 0 or more, got {bound}")
        list_of(layers, "bias")[0].uniform_(-bound, bound)


class Finer(Field):
    """h' = sin(omega alpha z) with z = W h + b and alpha = |z| + 1, then a linear map.

    Weights as in ``Siren``. The paper's code treats alpha as a constant in all gradients (``detach``); derivatives of
    the field in its coordinates are then wrong, so here they are the true ones unless asked. The second derivative
    jumps at z = 0.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of sine layers.
        first_omega: frequency of the first layer.
        hidden_omega: frequency of the others.
        first_bias: the first layer's bias is U(-first_bias, first_bias); None for PyTorch's 1/sqrt(in_dim), as in the
            paper's runs. Larger ones reach higher frequencies; other papers' comparisons use 20.
        detach: alpha has no gradient, as in the published training.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Liu et al., FINER: Flexible Spectral-bias Tuning in Implicit NEural Representation, CVPR 2024"
    lr_scale = 0.5

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        first_omega: float = 30.0,
        hidden_omega: float = 30.0,
        first_bias: float | None = None,
        detach: bool = False,
    ):
        super().__init__()
        positive(first_omega=first_omega, hidden_omega=hidden_omega)
        self.in_dim, self.out_dim, self.detach = in_dim, out_dim, detach
        self.layers = linears(in_dim, out_dim, width, depth)
        init_sine(self.layers, hidden_omega)
        init_first_bias(self.layers, first_bias)
        self.omegas = [float(first_omega)] + [float(hidden_omega)] * (depth - 1)

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer, omega in zip(hidden, self.omegas, strict=True):
            x = (omega * stretched(layer(x), self.detach)).sin()
        return last(x)
