"""XNet: shallow networks of Cauchy activations, which are localised and fall off like 1/z.

@article{li2024cauchy,
  title={Cauchy activation function and XNet},
  author={Li, Xin and Xia, Zhihong Jeff and Zhang, Hongkun},
  journal={arXiv preprint arXiv:2409.19221}, year={2024}}
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.layers import before_softplus, linears

LEAST = 1e-3  # of d: the activation's derivatives grow like 1/d^3


class XNet(Field):
    """h' = (lambda_1 z + lambda_2) / (z^2 + d^2) with z = W h + b and trained numbers of each unit, then a linear map.

    The paper does not say how to start. Here d is log-uniform in [0.1, 1], lambda_1 = d and lambda_2 = d^2, so that all
    units have values of the same order. In the first layer weights are N(0, bandwidth^2) and biases uniform in
    ±bandwidth, which spreads the units over the box; in the others both are PyTorch's default. d and the lambdas have
    a tenth of the weights' rate.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers; the paper's networks have one or two.
        bandwidth: of the first layer; larger for finer signals.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Li, Xia, Zhang, Cauchy activation function and XNet, arXiv 2409.19221, 2024"

    def __init__(self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 2, bandwidth: float = 10.0):
        super().__init__()
        positive(bandwidth=bandwidth)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.layers = linears(in_dim, out_dim, width, depth)
        nn.init.normal_(self.layers[0].weight, std=bandwidth)  # type: ignore[arg-type]
        nn.init.uniform_(self.layers[0].bias, -bandwidth, bandwidth)  # type: ignore[arg-type]
        self.activations = nn.ModuleList(_Cauchy(width) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer, activation in zip(hidden, self.activations, strict=True):
            x = activation(layer(x))
        return last(x)


class _Cauchy(Field):
    """The activation of a layer: a field of its own because of its rate."""

    lr_scale = 0.1 * XNet.lr_scale

    def __init__(self, width: int):
        super().__init__()
        self.in_dim = self.out_dim = width
        d = torch.empty(width).uniform_(math.log(0.1), 0.0).exp()
        self.odd, self.even = nn.Parameter(d), nn.Parameter(d.square())
        self.distance = nn.Parameter(before_softplus(d - LEAST))

    def forward(self, x: Tensor) -> Tensor:
        d = LEAST + softplus(self.distance)
        return (self.odd * x + self.even) / (x.square() + d.square())
