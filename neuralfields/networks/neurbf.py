"""NeuRBF's small network, whose first layer is composed with a sine.

@inproceedings{chen2023neurbf,
  title={{NeuRBF}: A Neural Fields Representation with Adaptive Radial Basis Functions},
  author={Chen, Zhang and Li, Zhong and Song, Liangchen and Chen, Lele and Yu, Jingyi and Yuan, Junsong and Xu, Yi},
  booktitle={ICCV}, year={2023}}
"""

import math

import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import linears, through


class NeuRBFDecoder(Field):
    """h = W x + b, f = h + sin(h * m), then ReLU layers and a linear map.

    The frequencies m, one per unit, are spaced evenly on a logarithmic scale. It reads a coarse ``HashGrid`` beside a
    ``RadialBasis``:

    >>> import neuralfields as nf
    >>> grid, basis = nf.encodings.HashGrid(2, levels=2, finest=256), nf.encodings.RadialBasis(2, centres=1000)
    >>> field = nf.Chain(nf.encodings.Concat(grid, basis), nf.networks.NeuRBFDecoder(36, 3))

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers, the one with the sine among them.
        lowest, highest: of the frequencies m; 10 to 100 in the paper's code for images, 1 to 1000 in its text, 30 to
            300 for distances.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Chen et al., NeuRBF: A Neural Fields Representation with Adaptive Radial Basis Functions, ICCV 2023"
    lr_scale = 10.0

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 64,
        depth: int = 2,
        lowest: float = 10.0,
        highest: float = 100.0,
    ):
        super().__init__()
        if not 0 < lowest <= highest < math.inf:
            raise InputError(f"0 < lowest <= highest, finite, got {lowest} and {highest}")
        self.in_dim, self.out_dim, self.width = in_dim, out_dim, width
        self.layers = linears(in_dim, out_dim, width, depth)
        self.exponents = math.log2(lowest), math.log2(highest)

    def forward(self, x: Tensor) -> Tensor:
        h = self.layers[0](x)
        frequencies = torch.logspace(*self.exponents, self.width, base=2, dtype=x.dtype, device=x.device)
        return through(h + (h * frequencies).sin(), self.layers[1:], torch.relu)
