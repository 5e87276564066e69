"""FINER: activations of a variable period, sin(omega (|z| + 1) z), whose frequencies the biases choose.

@inproceedings{liu2024finer,
  title={FINER: Flexible Spectral-bias Tuning in Implicit NEural Representation by Variable-periodic
    Activation Functions},
  author={Liu, Zhen and Zhu, Hao and Zhang, Qi and Fu, Jingde and Deng, Weibing and Ma, Zhan and Guo, Yanwen and
    Cao, Xun},
  booktitle={CVPR}, year={2024}}
@article{zhu2024finer++,
  title={FINER++: Building a Family of Variable-periodic Functions for Activating Implicit Neural Representation},
  author={Zhu, Hao and Liu, Zhen and Zhang, Qi and Fu, Jingde and Deng, Weibing and Ma, Zhan and Guo, Yanwen and
    Cao, Xun},
  journal={arXiv:2407.19434}, year={2024}}
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import hardtanh

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import init_sine, linears, list_of, through, with_own_derivative
from neuralfields.networks.pairs import gabor, wavelet_layers


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


def _stretched(z: Tensor, detach: bool) -> Tensor:
    return torch.addcmul(z, z, z.detach().abs()) if detach else with_own_derivative(_Stretch, z)


@torch.no_grad()
def _init_bias(layers: nn.ModuleList, bound: float | None) -> None:
    """The first layer's bias, which chooses among the frequencies omega (2 |z| + 1)."""
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
        _init_bias(self.layers, first_bias)
        self.omegas = [float(first_omega)] + [float(hidden_omega)] * (depth - 1)

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer, omega in zip(hidden, self.omegas, strict=True):
            x = (omega * _stretched(layer(x), self.detach)).sin()
        return last(x)


class FinerGauss(Field):
    """h' = exp(-(scale sin(omega alpha z))^2) with z = W h + b and alpha = |z| + 1, then a linear map.

    FINER++ with a Gaussian. Weights as in ``Siren``; derivatives as in ``Finer``.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers.
        omega: frequency of all layers.
        scale: inverse width of the Gaussian.
        first_bias, detach: as in ``Finer``.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Zhu et al., FINER++: Building a Family of Variable-periodic Functions, arXiv 2024"
    lr_scale = 1.0

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        omega: float = 10.0,
        scale: float = 3.0,
        first_bias: float | None = 1.0,
        detach: bool = False,
    ):
        super().__init__()
        positive(omega=omega, scale=scale)
        self.in_dim, self.out_dim, self.detach = in_dim, out_dim, detach
        self.omega, self.scale = float(omega), float(scale)
        self.layers = linears(in_dim, out_dim, width, depth)
        init_sine(self.layers, self.omega)
        _init_bias(self.layers, first_bias)

    def forward(self, x: Tensor) -> Tensor:
        return through(x, self.layers, self._activation)

    def _activation(self, z: Tensor) -> Tensor:
        sine = (self.omega * _stretched(z, self.detach)).sin()
        return (sine.square() * -(self.scale**2)).exp()


class FinerWavelet(Field):
    """h' = exp(i wave_omega s - |scale s|^2) with s = sin(omega (alpha p + i beta q)), p + i q = W h + b complex.

    FINER++ with WIRE's wavelet: alpha = |p| + 1, beta = |q| + 1. The first map is real, the others complex, with
    floor(width / sqrt 2) values; the real part of a linear map follows. Weights are U(-1/in_dim, 1/in_dim) in the
    first layer and U(-b, b) in the others, b = sqrt(6/fan_in) / (omega wave_omega). Derivatives as in ``Finer``.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of a real network with about as many parameters.
        depth: number of activated layers.
        omega: frequency of the sines.
        wave_omega: frequency of the wavelets.
        scale: inverse width of the wavelets.
        first_bias, detach: as in ``Finer``.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Zhu et al., FINER++: Building a Family of Variable-periodic Functions, arXiv 2024"
    lr_scale = 1.0

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        omega: float = 5.0,
        wave_omega: float = 4.0,
        scale: float = 2.0,
        first_bias: float | None = 1.0,
        detach: bool = False,
    ):
        super().__init__()
        positive(omega=omega, wave_omega=wave_omega, scale=scale)
        self.in_dim, self.out_dim, self.detach = in_dim, out_dim, detach
        self.omega, self.wave_omega, self.scale = float(omega), float(wave_omega), float(scale)
        self.layers = wavelet_layers(in_dim, out_dim, width, depth)
        first, *others = list_of(self.layers, "weight")
        bound = math.sqrt(6 / len(first)) / (omega * wave_omega)
        with torch.no_grad():
            first.uniform_(-1 / in_dim, 1 / in_dim)
            for weight in others:
                weight.uniform_(-bound, bound)
        _init_bias(self.layers, first_bias)

    def forward(self, x: Tensor) -> Tensor:
        first, *hidden, last = self.layers
        z = gabor(self._phase(first(x)).sin(), None, self.wave_omega, self.scale)
        for layer in hidden:
            a, b = self._phase(layer(z)).chunk(2, -1)
            # Far out sinh overflows; from 20 on, the window leaves nothing of it anyway. Faster than clamp.
            b = hardtanh(b, -20, 20)
            z = gabor(a.sin() * b.cosh(), a.cos() * b.sinh(), self.wave_omega, self.scale)
        return last(z)

    def _phase(self, z: Tensor) -> Tensor:
        return self.omega * _stretched(z, self.detach)
