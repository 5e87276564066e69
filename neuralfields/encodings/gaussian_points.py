"""Gaussians at scattered points that move and stretch during a fit, as in splatting, evaluated point by point.

@inproceedings{zhang2024gaussianimage,
  title={{GaussianImage}: 1000 {FPS} Image Representation and Compression by {2D} {Gaussian} Splatting},
  author={Zhang, Xinjie and Ge, Xingtong and Xu, Tongda and He, Dailan and Wang, Yan and Qin, Hongwei and Lu, Guo and
    Geng, Jing and Zhang, Jun},
  booktitle={ECCV}, year={2024}}
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.encodings.nearest import Nearest, clusters, scattered
from neuralfields.errors import InputError
from neuralfields.field import Field

_SAMPLES = 16  # of the signal's detail for each point
_OVERLAP = 3.0  # a Gaussian's covariance over that of a cluster; one of a square has half its side as deviation then


class GaussianPoints(Field):
    """sum over the nearest points i of f_i exp(-|A_i (x - c_i)|^2 / 2), with A_i lower triangular.

    Places c_i, features f_i and shapes A_i = diag(exp s) (1 + strictly lower part) are trained: as GaussianImage's
    Cholesky factors, but of the precision. With features as values it is that model: a sum without order or opacity,
    8 numbers per point of a colour image. A splat there reaches a whole tile; here a point of evaluation sees the
    ``neighbours`` nearest, and values jump, by little, where another one becomes that. Which are nearest goes by the
    places as they were at the last of ``refresh`` moments of a fit, so nothing jumps as places move in between.

    Before a first fit, points are placed where the signal has detail, by k-means, with the clusters' shapes.

    Args:
        in_dim: number of coordinates, 1 to 3.
        points: number of Gaussians.
        features: number of values.
        neighbours: number of nearest points that are summed; all of them if there are fewer.
        normalised: whether the Gaussians are divided by their sum.
        refresh: how often in a fit the nearest points are found anew.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Zhang et al., GaussianImage: 1000 FPS Image Representation by 2D Gaussian Splatting, ECCV 2024"
    lr_scale = 10.0

    def __init__(
        self,
        in_dim: int,
        *,
        points: int = 4096,
        features: int = 3,
        neighbours: int = 12,
        normalised: bool = False,
        refresh: int = 16,
    ):
        super().__init__()
        if not 1 <= in_dim <= 3 or not 1 <= features <= 1024 or not 1 <= points <= 1 << 22:
            raise InputError(
                "in_dim is between 1 and 3, features between 1 and 1024, points between 1 and 4194304, "
                f"got {in_dim}, {features} and {points}"
            )
        if neighbours < 1 or refresh < 1:
            raise InputError(f"neighbours and refresh are at least 1, got {neighbours} and {refresh}")
        self.in_dim, self.out_dim = in_dim, features
        self.normalised, self.refresh = normalised, refresh
        self.nearest = Nearest(scattered(points, in_dim), min(neighbours, points))
        self.spacing = 2 / points ** (1 / in_dim)
        # In spacings, so that one learning rate suits any number of points, and features and shapes too.
        self.places = nn.Parameter(self.nearest.anchors / self.spacing)
        # Of each point the logarithms of the diagonal, then the lower part row by row.
        self.shapes = nn.Parameter(torch.zeros(points, in_dim * (in_dim + 1) // 2))
        deviation = (_OVERLAP / 12) ** 0.5 * self.spacing
        nn.init.constant_(self.shapes[:, :in_dim], -math.log(deviation))
        self.table = nn.Parameter(torch.empty(points, features).uniform_(-1e-4, 1e-4))
        self.refreshed: Tensor
        self.register_buffer("refreshed", torch.tensor(-1))

    @property
    def centres(self) -> Tensor:
        """Where the Gaussians are now: [points, in_dim]."""
        return self.places * self.spacing

    @torch.no_grad()
    def place(self, detail: Callable[[int], Tensor]) -> None:
        count, dim = self.places.shape
        samples = detail(max(count, min(_SAMPLES * count, 1 << 18))).to(self.places)
        centres, covariances = clusters(samples, count)
        factors = torch.linalg.cholesky(_OVERLAP * covariances).inverse()
        diagonal = factors.diagonal(dim1=-2, dim2=-1)
        lower = torch.tril_indices(dim, dim, -1).unbind()
        self.places.copy_(centres / self.spacing)
        self.nearest.anchors.copy_(centres)
        self.shapes.copy_(torch.cat([diagonal.log(), (factors / diagonal[..., None])[:, *lower]], -1))

    @torch.no_grad()
    def advance(self, fraction: float) -> None:
        moment = int(fraction * self.refresh)
        if moment != int(self.refreshed):
            self.refreshed.fill_(moment)
            self.nearest.anchors.copy_(self.centres)

    def forward(self, x: Tensor) -> Tensor:
        near = self.nearest(x)
        offset = x[..., None, :] - F.embedding(near, self.places) * self.spacing
        scales, lower = F.embedding(near, self.shapes).tensor_split([self.in_dim], -1)
        rows = []
        for i in range(self.in_dim):
            start = i * (i - 1) // 2
            rows.append(offset[..., i] + (lower[..., start : start + i] * offset[..., :i]).sum(-1))
        exponent = -(scales.exp() * torch.stack(rows, -1)).square().sum(-1) / 2
        weights = exponent.softmax(-1) if self.normalised else exponent.exp()
        return (weights[..., None] * F.embedding(near, self.table)).sum(-2)
