"""BACON: products of sines with fixed frequencies, so that the band of every layer's output is known.

@inproceedings{lindell2022bacon,
  title={BACON: Band-limited Coordinate Networks for Multiscale Scene Representation},
  author={Lindell, David B. and Van Veen, Dave and Park, Jeong Joon and Wetzstein, Gordon},
  booktitle={CVPR}, year={2022}}
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import layer_sizes, products


class Bacon(Field):
    """z_0 = g_0(u), z_i = g_i(u) * (W_i z_{i-1} + b_i), with a linear head on some of the z_i: the levels of detail.

    The filters are g_i(u) = sin(2 pi F_i u + phi_i). The entries of F_i are whole numbers, uniform in -band..band with
    band = round(rate / (2 depth)), and stay as drawn; the phases phi_i are trained. So a level whose head is on z_i has
    no frequency above (i + 1) * band along any axis, and has period 1 in u = scale * x. Weights are
    U(-sqrt(6/fan_in), ...), biases PyTorch's default.

    ``forward`` is the last head; ``levels`` gives all of them. The paper trains all at once: ``objectives.MultiScale``.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the layers.
        depth: number of filters; the paper's 4 hidden layers for images are 5 filters.
        heads: which z_i have a head, ascending, the last layer (depth - 1) among them.
        rate: samples per period that the finest level can follow; N / (2 scale) for N samples across the box.
        scale: of the coordinates; below 0.5, the field's period is longer than the box.

    Attributes:
        band: highest frequency of a filter, in periods per unit of u.

    Raises:
        InputError: an argument is out of range, or the rate is too low for so many filters.
    """

    paper = "Lindell et al., BACON: Band-limited Coordinate Networks for Multiscale Scene Representation, CVPR 2022"
    lr_scale = 5.0

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 5,
        heads: Sequence[int] = (1, 2, 4),
        rate: float = 256.0,
        scale: float = 0.45,
    ):
        super().__init__()
        positive(rate=rate, scale=scale)
        sizes = layer_sizes(in_dim, out_dim, width, depth)  # first, because it bounds the depth
        if list(heads) != sorted(set(heads) & set(range(depth))) or depth - 1 not in heads:
            raise InputError(f"heads are layers in ascending order, the last one {depth - 1}, got {list(heads)}")
        first, *hidden, last = sizes
        self.band = round(rate / (2 * depth))
        if self.band < 1:
            raise InputError(f"{depth} filters need a rate of more than {depth}, got {rate}")
        self.in_dim, self.out_dim = in_dim, out_dim
        self.heads, self.scale = [int(i) for i in heads], float(scale)
        self.phases = nn.Parameter(torch.empty(depth, width).uniform_(-math.pi, math.pi))
        self.frequencies: Tensor
        self.register_buffer("frequencies", torch.randint(-self.band, self.band + 1, (depth, *first)).to(self.phases))
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in hidden)
        self.outputs = nn.ModuleList(nn.Linear(*last) for _ in heads)
        for layer in (*self.layers, *self.outputs):
            nn.init.uniform_(layer.weight, -math.sqrt(6 / width), math.sqrt(6 / width))  # type: ignore[arg-type]

    def levels(self, x: Tensor) -> list[Tensor]:
        found = self._products(x)
        return [output(found[i]) for output, i in zip(self.outputs, self.heads, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs[-1](self._products(x)[-1])

    def _products(self, x: Tensor) -> list[Tensor]:
        u = 2 * math.pi * self.scale * x
        filters = [F.linear(u, f.mT, phase).sin() for f, phase in zip(self.frequencies, self.phases, strict=True)]
        return products(filters, self.layers)
