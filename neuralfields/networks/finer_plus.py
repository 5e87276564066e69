"""FINER++: variable periods, as FINER's, before other activations: a Gaussian, WIRE's wavelet.

@article{zhu2024finer++,
  title={FINER++: Building a Family of Variable-periodic Functions for Activating Implicit Neural Representation},
  author={Zhu, Hao and Liu, Zhen and Zhang, Qi and Fu, Jingde and Deng, Weibing and Ma, Zhan and Guo, Yanwen and
    Cao, Xun},
  journal={arXiv:2407.19434}, year={2024}}
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import hardtanh

from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.finer import init_first_bias, stretched
from neuralfields.networks.layers import init_sine, linears, list_of, through
from neuralfields.networks.pairs import gabor, wavelet_layers

PAPER = "Zhu et al., FINER++: Building a Family of Variable-periodic Functions, arXiv 2024"


class FinerGauss(Field):
    """h' = exp(-(scale sin(omega alpha z))^2) with z = W h + b and alpha = |z| + 1, then a linear map.

    Weights as in ``Siren``; derivatives as in ``Finer``.

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

    paper = PAPER
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
        init_first_bias(self.layers, first_bias)

    def forward(self, x: Tensor) -> Tensor:
        return through(x, self.layers, self._activation)

    def _activation(self, z: Tensor) -> Tensor:
        sine = (self.omega * stretched(z, self.detach)).sin()
        return (sine.square() * -(self.scale**2)).exp()


class FinerWavelet(Field):
    """h' = exp(i wave_omega s - |scale s|^2) with s = sin(omega (alpha p + i beta q)), p + i q = W h + b complex.

    alpha = |p| + 1, beta = |q| + 1. The first map is real, the others complex, with
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

    paper = PAPER
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
        init_first_bias(self.layers, first_bias)

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
        return self.omega * stretched(z, self.detach)
