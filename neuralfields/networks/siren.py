"""SIREN: sine activations, whose derivatives are networks of the same kind.

@inproceedings{sitzmann2020implicit,
  title={Implicit Neural Representations with Periodic Activation Functions},
  author={Sitzmann, Vincent and Martel, Julien and Bergman, Alexander and Lindell, David and Wetzstein, Gordon},
  booktitle={NeurIPS}, year={2020}}
"""

from torch import Tensor

from neuralfields import ops
from neuralfields.checks import positive
from neuralfields.field import Field
from neuralfields.networks.layers import init_sine, linears, list_of
from neuralfields.ops.field_step import Network


class Siren(Field):
    """h' = sin(omega (W h + b)), then a linear map.

    First weights are U(-1/n, 1/n), all others U(-sqrt(6/fan_in)/omega, +...); biases keep PyTorch's default
    U(-1/sqrt(fan_in), ...), as in the paper's code (its appendix 1.5 treats weights only).

    Args:
        in_dim, out_dim: number of values in and out.
        width: of the hidden layers.
        depth: number of sine layers; the paper's image network is 256 x 4.
        first_omega: frequency of the first layer; larger for finer signals.
        hidden_omega: frequency of the others.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS 2020"
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
        self.layers = linears(in_dim, out_dim, width, depth)
        init_sine(self.layers, hidden_omega)
        self.omegas = [float(first_omega)] + [float(hidden_omega)] * (depth - 1)

    def stages(self) -> list[Network]:
        return [Network(list_of(self.layers, "weight"), list_of(self.layers, "bias"), "sine", self.omegas)]

    def forward(self, x: Tensor) -> Tensor:
        weights, biases = list_of(self.layers, "weight"), list_of(self.layers, "bias")
        flat = ops.sine_mlp(x.reshape(-1, self.in_dim), weights, biases, self.omegas)
        return flat.view(*x.shape[:-1], self.out_dim)
