"""PINs: a stack of small networks, each of which sees higher frequencies and adds its detail to the ones before.

@article{landgraf2022pins,
  title={{PINs}: Progressive Implicit Networks for Multi-Scale Neural Representations},
  author={Landgraf, Zoe and Sorkine-Hornung, Alexander and Cabral, Ricardo},
  journal={arXiv:2202.04713}, year={2022}}
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import linears


class Pins(Field):
    """h_k = MLP_k([h_(k-1), g_k]), y_k = y_(k-1) + R_k h_k, with g_k = [sin 2 pi B_k u, cos 2 pi B_k u] (u in [0, 1]).

    The frequencies are N(0, sigma^2), sorted by length and dealt to the levels in groups of equal size. Every y_k is a
    level of detail, the last is the value; a loss on that one trains them all. R_k is zero at first for k > 1, so that
    a level begins without a say. Sizes, ReLU and the residual read-out are our reading: the paper gives no code, and we
    know its abstract only.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers of each level.
        depth: number of ReLU layers of each level.
        levels: number of networks.
        features: number of sines and cosines of all levels together, even.
        sigma: standard deviation of the frequencies, in periods per box side.
        cumulative: whether a level sees the frequencies of the levels before it too.
        progressive: whether level k joins a fit only after the share (k - 1) / (2 levels) of it. Without that, the
            coarse levels are whatever the sum of all needs them to be.
        seed: of the frequencies, which are saved with the field.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Landgraf et al., PINs: Progressive Implicit Networks for Multi-Scale Neural Representations, 2022"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 2,
        levels: int = 4,
        features: int = 512,
        sigma: float = 10.0,
        cumulative: bool = False,
        progressive: bool = False,
        seed: int = 0,
    ):
        super().__init__()
        if not 1 <= levels <= features / 2 or features > 1 << 16 or features % 2 or not 0 <= sigma < math.inf:
            raise InputError(
                "features is even, at most 65536 and at least two for each of 1 or more levels, sigma is not negative, "
                f"got {features}, {levels} and {sigma}"
            )
        self.in_dim, self.out_dim = in_dim, out_dim
        self.cumulative, self.progressive = cumulative, progressive
        ends = [features // 2 * k // levels for k in range(levels + 1)]
        self.groups = [(0 if cumulative else start, end) for start, end in pairwise(ends)]
        inputs = [2 * (end - start) + (width if k else 0) for k, (start, end) in enumerate(self.groups)]
        self.stack = nn.ModuleList(linears(size, out_dim, width, depth) for size in inputs)
        for network in self.stack[1:]:
            for parameter in cast("nn.ModuleList", network)[-1].parameters():
                nn.init.zeros_(parameter)
        generator = torch.Generator().manual_seed(seed)
        frequencies = torch.randn(in_dim, features // 2, generator=generator, device="cpu") * sigma
        frequencies = frequencies[:, frequencies.norm(dim=0).argsort()]
        self.register_buffer("frequencies", frequencies.to(torch.get_default_device()))
        self.register_buffer("progress", torch.ones(()))
        self.frequencies: Tensor
        self.progress: Tensor

    def advance(self, fraction: float) -> None:
        if self.progressive:
            self.progress.fill_(fraction)

    def levels(self, x: Tensor) -> list[Tensor]:
        phase = math.pi * (x + 1) @ self.frequencies
        waves = phase.sin(), phase.cos()
        hidden: list[Tensor] = []
        found: list[Tensor] = []
        for k, (network, (start, end)) in enumerate(zip(self.stack, self.groups, strict=True)):
            *layers, last = cast("Sequence[nn.Linear]", network)
            h = torch.cat([*hidden, *(wave[..., start:end] for wave in waves)], -1)
            for layer in layers:
                h = layer(h).relu()
            hidden = [h]
            joined = (self.progress >= k / (2 * len(self.stack))).to(h)
            found.append(found[-1] + joined * last(h) if found else last(h))
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.levels(x)[-1]
