"""Adaptive radial bases: features at scattered centres, whose places and shapes follow the signal.

@inproceedings{chen2023neurbf,
  title={{NeuRBF}: A Neural Fields Representation with Adaptive Radial Basis Functions},
  author={Chen, Zhang and Li, Zhong and Song, Liangchen and Chen, Lele and Yu, Jingyi and Yuan, Junsong and Xu, Yi},
  booktitle={ICCV}, year={2023}}
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.encodings.nearest import Nearest, clusters, scattered
from neuralfields.errors import InputError
from neuralfields.field import Field

_SAMPLES = 16  # of the signal's detail for each centre


class RadialBasis(Field):
    """sum over the nearest centres i of w_i * sin(m s_i), where s_i = p_i / sum p are normalised kernels.

    The kernel is p_i = 1 / (1 + (x - c_i)' S_i (x - c_i)), w_i are a centre's features, m as many frequencies, spaced
    evenly on a logarithmic scale. Before a first fit, centres and shapes S_i are placed where the signal has detail: by
    k-means, S_i is ``alpha`` times the inverse covariance of a cluster. They stay there. Without that, the centres
    cover the box evenly and the shapes are round.

    Values jump where another centre becomes one of the nearest, by little where there are many. Between the jumps
    derivatives in x are exact; the paper's code leaves out those of the sum below p_i, which a fit of values does not
    need. Its bias behind the sum is left to the network that reads it.

    Args:
        in_dim: number of coordinates, 1 to 3.
        centres: number of them.
        features: number of values.
        neighbours: number of nearest centres; the paper has 4 for images, 8 for distances, 5 for radiance.
        alpha: sharpness of a placed kernel; the smaller, the wider.
        lowest, highest: of the frequencies m.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Chen et al., NeuRBF: A Neural Fields Representation with Adaptive Radial Basis Functions, ICCV 2023"
    lr_scale = 5.0
    tables = ("table",)

    def __init__(
        self,
        in_dim: int,
        *,
        centres: int = 4096,
        features: int = 32,
        neighbours: int = 4,
        alpha: float = 0.5,
        lowest: float = 0.125,
        highest: float = 4096.0,
    ):
        super().__init__()
        if not 1 <= in_dim <= 3 or not 1 <= features <= 1024 or not 1 <= neighbours <= centres <= 1 << 22:
            raise InputError(
                "in_dim is between 1 and 3, features between 1 and 1024, there are no more neighbours than centres, "
                f"got {in_dim}, {features}, {neighbours} and {centres}"
            )
        if not 0 < lowest <= highest < math.inf or not 0 < alpha < math.inf:
            raise InputError(f"0 < lowest <= highest and 0 < alpha, finite, got {lowest}, {highest} and {alpha}")
        self.in_dim, self.out_dim, self.alpha = in_dim, features, alpha
        self.exponents = math.log2(lowest), math.log2(highest)
        self.nearest = Nearest(scattered(centres, in_dim), neighbours)
        variance = (2 / centres ** (1 / in_dim)) ** 2 / 12  # of a cell that belongs to a centre
        self.shapes: Tensor
        self.register_buffer("shapes", (torch.eye(in_dim) * (alpha / variance)).repeat(centres, 1, 1))
        self.table = nn.Parameter(torch.empty(centres, features).uniform_(-1e-4, 1e-4))

    @torch.no_grad()
    def place(self, detail: Callable[[int], Tensor]) -> None:
        count = len(self.table)
        points = detail(max(count, min(_SAMPLES * count, 1 << 18))).to(self.shapes)
        centres, covariances = clusters(points, count)
        self.nearest.anchors.copy_(centres)
        self.shapes.copy_(self.alpha * covariances.inverse())

    def weights(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest centres and the normalised kernels s_i: two of [*batch, neighbours]."""
        near = self.nearest(x)
        offset = x[..., None, :] - F.embedding(near, self.nearest.anchors)
        slope = (self.shapes[near] * offset[..., None, :]).sum(-1)
        kernel = 1 / (1 + (slope * offset).sum(-1))
        return near, kernel / (kernel.sum(-1, keepdim=True) + 1e-8)

    def forward(self, x: Tensor) -> Tensor:
        near, weights = self.weights(x)
        frequencies = torch.logspace(*self.exponents, self.out_dim, base=2, dtype=x.dtype, device=x.device)
        return ((weights[..., None] * frequencies).sin() * F.embedding(near, self.table)).sum(-2)
