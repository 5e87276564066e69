"""Multiplicative filter networks: products of sines or of Gabor wavelets, each of which sees the coordinates.

@inproceedings{fathony2021multiplicative,
  title={Multiplicative Filter Networks},
  author={Fathony, Rizal and Sahu, Anit Kumar and Willmott, Devin and Kolter, J. Zico},
  booktitle={ICLR}, year={2021}}
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.layers import fading, linears, products


class FourierNet(Field):
    """z_1 = g_1(x), z_{i+1} = g_{i+1}(x) * (W_i z_i + b_i), then a linear map; the filters are sin(Omega x + phi).

    The result is a linear combination of sines whose frequencies are signed sums of the filters' frequencies.

    Omega is U(-1/sqrt(in_dim), ...) times input_scale / sqrt(depth), phi U(-pi, pi), W U(-sqrt(weight_scale/width),
    ...), as in the paper's code; other parameters keep PyTorch's default. With weight_scale 1 the products get smaller
    with depth; 6 keeps them.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the layers.
        depth: number of filters, one more than the paper's layers.
        input_scale: of the filters' frequencies; larger for finer signals.
        weight_scale: of the linear maps between the filters.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Fathony et al., Multiplicative Filter Networks, ICLR 2021"
    lr_scale = 10.0

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        input_scale: float = 256.0,
        weight_scale: float = 1.0,
    ):
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.layers = _linears(in_dim, out_dim, width, depth, weight_scale)
        self.filters = _filters(in_dim, width, depth, input_scale)

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        return last(products([sines(x).sin() for sines in self.filters], hidden)[-1])


class GaborNet(Field):
    """FourierNet with the filters g(x) = sin(omega x + phi) exp(-gamma/2 |x - mu|^2), for each unit by itself.

    gamma is drawn from a Gamma distribution of shape alpha / depth and rate beta, mu from the box; each omega is
    multiplied by sqrt(gamma) besides. All are trained, and nothing keeps gamma positive, as in the paper's code.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the layers.
        depth: number of filters, one more than the paper's layers.
        input_scale: of the filters' frequencies; larger for finer signals.
        weight_scale: of the linear maps between the filters.
        alpha, beta: of the distribution of gamma; larger alpha or smaller beta for narrower filters.

    Raises:
        InputError: an argument is out of range.
    """

    paper = FourierNet.paper
    lr_scale = 10.0

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        input_scale: float = 256.0,
        weight_scale: float = 1.0,
        alpha: float = 6.0,
        beta: float = 1.0,
    ):
        super().__init__()
        positive(alpha=alpha, beta=beta)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.layers = _linears(in_dim, out_dim, width, depth, weight_scale)
        self.filters = _filters(in_dim, width, depth, input_scale)
        gammas = torch.distributions.Gamma(alpha / depth, beta).sample((depth, width))  # type: ignore[arg-type]
        self.gammas = nn.Parameter(gammas)
        self.centres = nn.Parameter(torch.empty(depth, in_dim, width).uniform_(-1, 1))
        with torch.no_grad():
            for sines, gamma in zip(self.filters, gammas, strict=True):
                sines.weight *= gamma.sqrt()[:, None]  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        # -gamma/2 |x - mu|^2 = gamma mu x - gamma/2 |x|^2 - gamma/2 |mu|^2 is linear in x and |x|^2: one product.
        more = torch.cat([x, x.square().sum(-1, keepdim=True)], -1)
        waves = []
        for sines, gamma, centres in zip(self.filters, self.gammas, self.centres, strict=True):
            factors = torch.cat([gamma * centres, -gamma[None] / 2])
            exponent = F.linear(more, factors.mT, -gamma / 2 * centres.square().sum(0))
            waves.append(sines(x).sin() * fading(exponent))
        return last(products(waves, hidden)[-1])


def _linears(in_dim: int, out_dim: int, width: int, depth: int, weight_scale: float) -> nn.ModuleList:
    """Between the filters, and the last one."""
    positive(weight_scale=weight_scale)
    maps = linears(in_dim, out_dim, width, depth)[1:]
    for layer in maps[:-1]:
        bound = math.sqrt(weight_scale / width)
        nn.init.uniform_(layer.weight, -bound, bound)  # type: ignore[arg-type]
    return maps


def _filters(in_dim: int, width: int, depth: int, input_scale: float) -> nn.ModuleList:
    positive(input_scale=input_scale)
    bound = input_scale / math.sqrt(depth * in_dim)
    filters = nn.ModuleList(nn.Linear(in_dim, width) for _ in range(depth))
    for sines in filters:
        nn.init.uniform_(sines.weight, -bound, bound)  # type: ignore[arg-type]
        nn.init.uniform_(sines.bias, -math.pi, math.pi)  # type: ignore[arg-type]
    return filters
