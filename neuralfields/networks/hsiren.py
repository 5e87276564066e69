"""H-SIREN: a SIREN whose first layer has more frequencies, by a hyperbolic sine within its sines.

@article{gao2024hsiren,
  title={H-SIREN: Improving Implicit Neural Representations with Hyperbolic Periodic Functions},
  author={Gao, Rui and Jaiman, Rajeev K.},
  journal={arXiv preprint arXiv:2410.04716}, year={2024}}
"""

import torch
from torch import Tensor

from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.layers import init_sine, linears, scaled, through


class HSiren(Field):
    """h' = sin(omega sinh(2 (W x + b))) in the first layer, then those of SIREN: sin(omega (W h + b)).

    Weights and biases start as those of SIREN. The further from 0 its argument is, the faster a unit of the first layer
    oscillates.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of sine layers.
        first_omega: of the first layer, whose lowest frequency is twice that; larger for finer signals.
        hidden_omega: frequency of the others.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Gao, Jaiman, H-SIREN: Improving INRs with Hyperbolic Periodic Functions, arXiv 2410.04716, 2024"
    lr_scale = 0.5

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        first_omega: float = 30.0,
        hidden_omega: float = 30.0,
    ):
        super().__init__()
        positive(first_omega=first_omega, hidden_omega=hidden_omega)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.first_omega, self.hidden_omega = float(first_omega), float(hidden_omega)
        self.layers = linears(in_dim, out_dim, width, depth)
        init_sine(self.layers, hidden_omega)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.layers
        h = (self.first_omega * scaled(first, 2, x).sinh()).sin()
        return through(h, others, torch.sin, self.hidden_omega)
