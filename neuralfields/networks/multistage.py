"""Multi-stage networks: each stage is a small network for what the stages before it have left over.

@article{wang2024multistage,
  title={Multi-stage neural networks: Function approximator of machine precision},
  author={Wang, Yongji and Lai, Ching-Yao},
  journal={Journal of Computational Physics}, volume={504}, pages={112865}, year={2024}}
"""

import math
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import linears

_MAX_STAGES = 64


class MultiStage(Field):
    """u = sum of scale_s network_s(x) over the stages s, added up from the smallest.

    The first hidden layer of stage 0 is tanh(kappa_0 W x + b), that of the others sin(kappa_s W x + b), all further
    ones are tanh; kappa multiplies the weights and is no part of them. Weights come from a normal distribution of
    deviation sqrt(2/(in + out)) cut off at twice that, biases are zero (the paper's code). ``fitting.fit_stages`` finds
    scales and frequencies; it makes the field float64, without which there is little to gain from a second stage.

    Args:
        in_dim, out_dim: number of values in and out.
        width, depth: of the hidden layers of each stage, and their number.
        kappas: of each stage; the paper takes 1 for the first, then 2 pi times the leftover's main frequency.
        scales: of each stage; half of the largest leftover in the paper's code.

    Raises:
        InputError: an argument is out of range, or the numbers of kappas and scales differ.
    """

    paper = "Wang, Lai, Multi-stage neural networks: Function approximator of machine precision, JCP 2024"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 20,
        depth: int = 3,
        kappas: Sequence[float] = (1.0,),
        scales: Sequence[float] = (1.0,),
    ):
        super().__init__()
        self.kappas, self.scales = [float(kappa) for kappa in kappas], [float(scale) for scale in scales]
        if len(self.kappas) != len(self.scales) or not 1 <= len(self.scales) <= _MAX_STAGES:
            raise InputError(
                f"each of 1 to {_MAX_STAGES} stages has a kappa and a scale, got kappas {self.kappas} "
                f"and scales {self.scales}"
            )
        for kappa, scale in zip(self.kappas, self.scales, strict=True):
            positive(kappa=kappa, scale=scale)
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.networks = nn.ModuleList(linears(in_dim, out_dim, width, depth) for _ in self.scales)
        for network in self.networks:
            for layer in cast("Sequence[nn.Linear]", network):
                deviation = math.sqrt(2 / (layer.in_features + layer.out_features))
                nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
                nn.init.zeros_(layer.bias)

    def part(self, number: int, x: Tensor) -> Tensor:
        """What the network of one stage gives at ``x``, before it is scaled."""
        first, *hidden, last = cast("Sequence[nn.Linear]", self.networks[number])
        x = F.linear(x, self.kappas[number] * first.weight, first.bias)
        x = x.sin() if number else x.tanh()
        for layer in hidden:
            x = layer(x).tanh()
        return last(x)

    def with_stage(self, kappa: float, scale: float) -> "MultiStage":
        """A copy with one more stage, fresh; device and dtype stay."""
        kappas, scales = [*self.kappas, float(kappa)], [*self.scales, float(scale)]
        made = MultiStage(
            self.in_dim, self.out_dim, width=self.width, depth=self.depth, kappas=kappas, scales=scales
        ).to(next(self.parameters()))
        made.load_state_dict(self.state_dict(), strict=False)
        return made

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.scales) - 1
        total = self.scales[last] * self.part(last, x)
        for number in reversed(range(last)):
            total = total + self.scales[number] * self.part(number, x)
        return total
