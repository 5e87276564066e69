"""A method of one's own: a residual network over chirps, sines whose frequency each neuron sweeps across the box."""

import torch
from torch import Tensor, nn

import neuralfields as nf
from neuralfields.errors import InputError


class Chirp(nf.Field):
    """h = sin(omega (z + c z^2)) with z = W x + b, then depth - 1 times h + sin(gain (V h + a)), then a linear map.

    The rate c is learned for each neuron. With c = 0 the first layer is SIREN's; otherwise its frequency,
    omega (1 + 2 c z), rises to one side of the box and falls to the other, so that neurons can be fine where the signal
    is and coarse elsewhere.

    Args:
        in_dim, out_dim: number of values in and out.
        width, depth: of the hidden layers, and their number.
        omega: frequency of the first layer where z = 0.
        gain: frequency of the others.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Nobody yet, A Network over Chirps, this page"
    lr_scale = 10.0  # its rate, 1e-2, relative to the 1e-3 of the recipe

    def __init__(
        self, in_dim: int, out_dim: int, *, width: int = 64, depth: int = 3, omega: float = 15.0, gain: float = 5.0
    ):
        super().__init__()
        if min(in_dim, out_dim, width, depth) < 1 or not min(omega, gain) > 0:
            given = f"{in_dim}, {out_dim}, width {width}, depth {depth}, omega {omega}, gain {gain}"
            raise InputError(f"Chirp takes positive numbers, got {given}")
        self.in_dim, self.out_dim, self.omega, self.gain = in_dim, out_dim, omega, gain
        self.first = nn.Linear(in_dim, width)
        self.sweep = nn.Parameter(torch.empty(width).uniform_(-0.5, 0.5))
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 1))
        self.last = nn.Linear(width, out_dim)
        nn.init.uniform_(self.first.weight, -1 / in_dim, 1 / in_dim)
        nn.init.constant_(self.last.bias, 0.5)  # the middle of an image's range

    def forward(self, x: Tensor) -> Tensor:
        z = self.first(x)
        h = torch.sin(self.omega * (z + self.sweep * z.square()))
        for layer in self.hidden:
            h = h + torch.sin(self.gain * layer(h))
        return self.last(h)


if __name__ == "__main__":
    nf.testing.check_field(Chirp(2, 3, width=8, omega=3.0), order=3)
    print("Chirp keeps the contract of nf.Field")
