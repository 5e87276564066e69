"""FAN: layers whose outputs are partly cosines and sines of the same linear map, so that periods are learnt as such.

@article{dong2024fan,
  title={FAN: Fourier Analysis Networks},
  author={Dong, Yihong and Li, Ge and Tao, Yongding and Jiang, Xue and Zhang, Kechi and Li, Jia and others},
  journal={arXiv preprint arXiv:2410.02675}, year={2024}}
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import layer_sizes, scaled


class Fan(Field):
    """A linear map, then layers h' = [cos p, sin p, gelu(W h + b)] with p = omega (V h + c), then a linear map.

    p has int(share width) entries. As in the paper's code V h has a bias, which its formula lacks, and all parameters
    start as PyTorch's default. The paper's omega is 1, which is too low for fine detail: here it is ``first_omega`` in
    the first layer, 1 in the others.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the layers; the paper has 2048.
        depth: number of activated layers; the paper's networks for periodic functions have 2.
        share: of a layer's values that are cosines, as many as are sines; above 0 and below 0.5.
        first_omega: frequency of the first layer; larger for finer signals.
        gated: whether cosines and sines are multiplied by g, and the others by 1 - g, with one trained g in each layer,
            the sigmoid of a number from N(0, 1).

    Raises:
        InputError: an argument is out of range, or no cosine would be left of so few values.
    """

    paper = "Dong et al., FAN: Fourier Analysis Networks, arXiv 2410.02675, 2024"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        share: float = 0.25,
        first_omega: float = 30.0,
        gated: bool = False,
    ):
        super().__init__()
        positive(depth=depth, first_omega=first_omega)
        first, *_, last = layer_sizes(in_dim, out_dim, width, depth)
        if not 0 < share < 0.5 or int(share * width) < 1:
            raise InputError(
                "share is above 0 and below 0.5, and of width it is one value or more, "
                f"got share {share} and width {width}"
            )
        self.in_dim, self.out_dim, self.first_omega = in_dim, out_dim, float(first_omega)
        cosines = int(share * width)
        self.first, self.last = nn.Linear(*first), nn.Linear(*last)
        self.periodic = nn.ModuleList(nn.Linear(width, cosines) for _ in range(depth))
        self.others = nn.ModuleList(nn.Linear(width, width - 2 * cosines) for _ in range(depth))
        self.gates = nn.Parameter(torch.randn(depth)) if gated else None

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        for i, (periodic, others) in enumerate(zip(self.periodic, self.others, strict=True)):
            phase = periodic(h) if i else scaled(periodic, self.first_omega, h)
            parts = [phase.cos(), phase.sin(), gelu(others(h))]
            if self.gates is not None:
                gate = self.gates[i].sigmoid()
                parts = [gate * parts[0], gate * parts[1], (1 - gate) * parts[2]]
            h = torch.cat(parts, -1)
        return self.last(h)
