"""HOSC: sines made as sharp as square waves, for signals with edges.

@article{serrano2024hosc,
  title={HOSC: A Periodic Activation Function for Preserving Sharp Features in Implicit Neural Representations},
  author={Serrano, Danzel and Szymkowiak, Jakub and Musialski, Przemyslaw},
  journal={arXiv preprint arXiv:2401.10967}, year={2024}}
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.layers import before_softplus, init_sine, linears, scaled


class Hosc(Field):
    """h' = tanh(beta sin(omega (W h + b))), then a linear map.

    Small sharpness beta gives sines of height beta, large beta square waves, which are flat nearly everywhere: above
    about 10, gradients vanish. The paper has no initialisation of its own: weights are SIREN's, biases PyTorch's.

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of activated layers.
        beta: sharpness.
        learnable: whether each layer's beta is trained from there on (AdaHOSC), as the softplus of a parameter.
        first_omega: frequency of the first layer; larger for finer signals.
        hidden_omega: frequency of the others.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Serrano, Szymkowiak, Musialski, HOSC: A Periodic Activation Function for INRs, arXiv 2401.10967, 2024"
    lr_scale = 0.5

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        *,
        width: int = 256,
        depth: int = 4,
        beta: float = 8.0,
        learnable: bool = False,
        first_omega: float = 30.0,
        hidden_omega: float = 30.0,
    ):
        super().__init__()
        positive(beta=beta, first_omega=first_omega, hidden_omega=hidden_omega)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.layers = linears(in_dim, out_dim, width, depth)
        init_sine(self.layers, hidden_omega)
        self.omegas = [float(first_omega)] + [float(hidden_omega)] * (depth - 1)
        self.beta = float(beta)
        self.betas = nn.Parameter(before_softplus(torch.full((depth,), self.beta))) if learnable else None

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self.layers
        betas = [self.beta] * len(hidden) if self.betas is None else softplus(self.betas)
        for layer, omega, beta in zip(hidden, self.omegas, betas, strict=True):
            x = (beta * scaled(layer, omega, x).sin()).tanh()
        return last(x)
