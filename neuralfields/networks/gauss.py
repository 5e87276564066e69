"""Gaussian activations: no frequency, only a width; they work with plain initialisations.

@inproceedings{ramasinghe2022beyond,
  title={Beyond Periodicity: Towards a Unifying Framework for Activations in Coordinate-MLPs},
  author={Ramasinghe, Sameera and Lucey, Simon},
  booktitle={ECCV}, year={2022}}
@inproceedings{chng2022garf,
  title={GARF: Gaussian Activated Radiance Fields for High Fidelity Reconstruction and Pose Estimation},
  author={Chng, Shin-Fang and Ramasinghe, Sameera and Sherrah, Jamie and Lucey, Simon},
  booktitle={ECCV}, year={2022}}
"""

import math

import torch
from torch import Tensor, nn

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import bell, layer_sizes, linears, scaled, through


class Gauss(Field):
    """h' = exp(-(scale (W h + b))^2), then a linear map.

    Initialised as PyTorch does. The result depends little on that and much on the scale, which is 1 / (sqrt(2) sigma)
    for a bell of width sigma. Where it is large, most activations are near zero and learn slowly: small batches help.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of Gaussian layers.
        scale: inverse width; 30 in the comparisons of image networks, 10 in WIRE's.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Ramasinghe, Lucey, Beyond Periodicity, ECCV 2022"
    lr_scale = 5.0

    def __init__(self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 4, scale: float = 30.0):
        super().__init__()
        positive(scale=scale)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.scale = float(scale)
        self.layers = linears(in_dim, out_dim, width, depth)

    def forward(self, x: Tensor) -> Tensor:
        return through(x, self.layers, bell, self.scale)


class Garf(Field):
    """h' = exp(-z^2 / (2 sigma^2)) with z = W h + b, then a linear map; the trunk of GARF.

    As in the code, the first layer subtracts from z its mean over the channels, and its result is joined to that of a
    later layer. The paper's heads for density and colour are not part of it.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of Gaussian layers.
        sigma: width of the bell.
        skip: the layer whose result the first one's is joined to, counted from 0 behind the first; past the end, none.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Chng et al., GARF: Gaussian Activated Radiance Fields, ECCV 2022"
    lr_scale = 0.1

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 256, depth: int = 7, sigma: float = 0.1, skip: int = 4
    ):
        super().__init__()
        positive(sigma=sigma, depth=depth)
        if skip < 0:
            raise InputError(f"skip is a layer, 0 or more, got {skip}")
        self.in_dim, self.out_dim = in_dim, out_dim
        self.skip, self.scale = skip, 1 / (math.sqrt(2) * sigma)
        sizes = layer_sizes(in_dim, out_dim, width, depth)
        # The map behind the joint takes both.
        self.layers = nn.ModuleList(nn.Linear(2 * a if i == skip + 2 else a, b) for i, (a, b) in enumerate(sizes))

    def forward(self, x: Tensor) -> Tensor:
        first, *hidden, last = self.layers
        z = scaled(first, self.scale, x)
        h = start = bell(z - z.mean(-1, keepdim=True))
        for i, layer in enumerate(hidden):
            h = bell(scaled(layer, self.scale, h))
            if i == self.skip:
                h = torch.cat([start, h], -1)
        return last(h)
