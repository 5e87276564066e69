"""A band-pass network of progressive complex wavelets beside a low-pass one, with wavelets placed at the detail.

@inproceedings{roddenberry2024implicit,
  title={Implicit Neural Representations and the Algebra of Complex Wavelets},
  author={Roddenberry, T. Mitchell and Saragadam, Vishwanath and de Hoop, Maarten V. and Baraniuk, Richard G.},
  booktitle={ICLR}, year={2024}}
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.networks.layers import init_sine, layer_sizes, linears, through
from neuralfields.networks.pairs import ComplexLinear, gabor, real_part


class SplitWavelet(Field):
    """f = low + band: a small network of slow sines, and one of complex wavelets that cannot make low frequencies.

    The band's first layer are atoms exp(i first_omega y_1 - |first_scale y|^2) with y = W x + b in R^n, each with its
    own n x n matrix W. At first_omega = 3 first_scale nearly all of an atom's energy has frequencies of one sign, and
    so have products of atoms. Later layers are h' = g(V h) - g(0) with g WIRE's activation, without biases: no atom, no
    value. The real part of a linear map follows. Sizes, scales and the rate are ours, the paper has no table of them.

    At first each W is orthogonal times a factor, log-uniform in [1/spread, spread], with all waves into one half-space,
    so that products of atoms cannot cancel. The centres, where y = 0, are uniform; ``place`` moves them.

    Args:
        in_dim, out_dim: number of values in and out.
        width: number of atoms, and of complex values in the band's other layers.
        depth: number of activated layers of the band; 3 want a smaller hidden_omega and hidden_scale, as 5 and 5.
        first_omega, first_scale: of the atoms: frequency, and inverse width of the window.
        hidden_omega, hidden_scale: the same of the other layers, whose values reach exp((omega / scale)^2 / 4).
        spread: largest ratio of an atom's frequency to ``first_omega``.
        low_width: of the two sine layers of the low part; 0 for no low part.
        low_omega: frequency of both.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Roddenberry et al., Implicit Neural Representations and the Algebra of Complex Wavelets, ICLR 2024"
    lr_scale = 5.0

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 2,
        first_omega: float = 30.0,
        first_scale: float = 10.0,
        hidden_omega: float = 30.0,
        hidden_scale: float = 30.0,
        spread: float = 4.0,
        low_width: int = 32,
        low_omega: float = 5.0,
    ):
        super().__init__()
        positive(first_omega=first_omega, first_scale=first_scale, low_omega=low_omega, depth=depth)
        positive(hidden_omega=hidden_omega, hidden_scale=hidden_scale)
        if not 1 <= spread < math.inf:
            raise InputError(f"spread is finite and at least 1, got {spread}")
        self.in_dim, self.out_dim = in_dim, out_dim
        self.first, self.hidden = (first_omega, first_scale), (hidden_omega, hidden_scale)
        _, *hidden, last = layer_sizes(in_dim, out_dim, width, depth)
        matrix = torch.linalg.qr(torch.randn(width, in_dim, in_dim)).Q
        # The first row is the direction of the wave: of both signs the one with a positive first component.
        matrix = torch.where(matrix[:, :1, :1] < 0, -matrix, matrix)
        factor = spread ** torch.empty(width, 1, 1).uniform_(-1, 1)
        # Row by row, [n, width, n]: W of atom t is weight[:, t].
        self.weight = nn.Parameter((factor * matrix).transpose(0, 1).contiguous())
        self.bias = nn.Parameter(torch.empty(in_dim, width))
        self._centre(torch.rand(width, in_dim) * 2 - 1)
        self.layers = nn.ModuleList([*(ComplexLinear(*s, bias=False) for s in hidden), real_part(*last, bias=False)])
        self.low, self.low_omega = None, low_omega
        if low_width:
            self.low = linears(in_dim, out_dim, low_width, 2)
            init_sine(self.low, low_omega)

    def place(self, detail: Callable[[int], Tensor]) -> None:
        """Centre the atoms at points ``detail(n)`` [n, in_dim], which lie where the signal has most detail."""
        self._centre(detail(self.bias.shape[1]).to(self.weight))

    @torch.no_grad()
    def _centre(self, centres: Tensor) -> None:
        self.bias.copy_(-(self.weight * centres).sum(-1))

    def forward(self, x: Tensor) -> Tensor:
        rows = F.linear(x, self.weight.flatten(0, 1), self.bias.flatten()).unflatten(-1, self.bias.shape)
        z = gabor(rows[..., 0, :], None, *self.first, across=rows[..., 1:, :].square().sum(-2))
        *hidden, last = self.layers
        one = torch.ones_like(self.bias[0])
        one = torch.cat([one, torch.zeros_like(one)])  # of every pair
        for layer in hidden:
            p, q = layer(z).chunk(2, -1)
            z = gabor(p, q, *self.hidden) - one
        band = last(z)
        return band if self.low is None else band + through(x, self.low, torch.sin, self.low_omega)
