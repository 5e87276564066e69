"""Snake: a ramp with a wave on it, which learns periods and still goes on beyond the samples.

@inproceedings{ziyin2020neural,
  title={Neural Networks Fail to Learn Periodic Functions and How to Fix It},
  author={Ziyin, Liu and Hartwig, Tilman and Ueda, Masahito},
  booktitle={NeurIPS}, year={2020}}
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.layers import before_softplus, linears


class Snake(Field):
    """h' = z + sin^2(a z) / a with z = W h + b, then a linear map.

    The slope is 1 + sin(2 a z), so never negative; the frequency is 2 a. Weights are U(-sqrt(3/fan_in), ...), divided
    in all layers but the first by the standard deviation of the activation for z ~ N(0, 1), so that each layer's z has
    about the variance of the last one's; biases are zero. The paper proposes the correction, its code has none.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers.
        a: half the frequency; the paper advises 5 to 50 for periodic signals and 0.2 to 0.5 for others.
        learnable: whether each unit's a is trained from there on, as the softplus of a parameter.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Ziyin, Hartwig, Ueda, Neural Networks Fail to Learn Periodic Functions and How to Fix It, NeurIPS 2020"

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 4, a: float = 20.0, learnable: bool = False
    ):
        super().__init__()
        positive(a=a)
        self.in_dim, self.out_dim, self.a = in_dim, out_dim, float(a)
        self.layers = linears(in_dim, out_dim, width, depth)
        variance = 1 + (1 + math.exp(-8 * a**2) - 2 * math.exp(-4 * a**2)) / (8 * a**2)
        for i, layer in enumerate(self.layers):
            bound = math.sqrt(3 / layer.in_features / (variance if i else 1))  # type: ignore[operator]
            nn.init.uniform_(layer.weight, -bound, bound)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        scales = before_softplus(torch.full((depth, width), self.a))
        self.scales = nn.Parameter(scales) if learnable else None

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        scales = [self.a] * len(hidden) if self.scales is None else softplus(self.scales) + 1e-6  # never divides by 0
        for layer, a in zip(hidden, scales, strict=True):
            z = layer(x)
            x = z + (a * z).sin().square() / a
        return last(x)
