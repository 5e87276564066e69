"""Periodic features: whatever reads them is exactly periodic, with all its derivatives.

@article{dong2021periodic,
  title={A Method for Representing Periodic Functions and Enforcing Exactly Periodic Boundary Conditions with Deep
    Neural Networks},
  author={Dong, Suchuan and Ni, Naxian},
  journal={Journal of Computational Physics}, volume={435}, pages={110242}, year={2021}}
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neuralfields.checks import between
from neuralfields.errors import InputError
from neuralfields.field import Field


class Periodic(Field):
    """[other coordinates, sin 2 pi k u, cos 2 pi k u for k <= harmonics] with u = (x + 1) / 2 of the periodic axes.

    The period is the box: what reads these features has equal values and derivatives at both of its ends, and repeats
    outside. Dong and Ni make such features with learned phases, A cos(x + phi) + c; here the first linear map of the
    network behind does that, and ``harmonics`` lets it start with more than one frequency. Fixed features of this kind
    are also the hard constraint of Lu et al., SIAM J. Sci. Comput. 43(6), 2021.

    Args:
        in_dim: number of coordinates.
        harmonics: number of frequencies per axis.
        axes: which axes are periodic, from 0; None for all of them.

    Raises:
        InputError: an argument is out of range.
    """

    paper = "Dong, Ni, A Method for Representing Periodic Functions with Deep Neural Networks, J. Comput. Phys. 2021"

    def __init__(self, in_dim: int, *, harmonics: int = 4, axes: Sequence[int] | None = None):
        super().__init__()
        between(1, 64, in_dim=in_dim)
        between(1, 1 << 12, harmonics=harmonics)
        axes = list(range(in_dim)) if axes is None else list(axes)
        if not axes or len(set(axes)) < len(axes) or not set(axes) <= set(range(in_dim)):
            raise InputError(f"axes are different numbers from 0 to {in_dim - 1}, at least one, got {axes}")
        self.axes, self.others = axes, [axis for axis in range(in_dim) if axis not in axes]
        self.harmonics = harmonics
        self.in_dim, self.out_dim = in_dim, len(self.others) + 2 * harmonics * len(axes)

    def forward(self, x: Tensor) -> Tensor:
        # Both ends of the box become the same number, so that their features are the same to the last bit.
        wrapped = torch.remainder(x[..., self.axes] + 1, 2)
        multiples = math.pi * torch.arange(1, self.harmonics + 1, dtype=x.dtype, device=x.device)
        phase = (wrapped[..., None, :] * multiples[:, None]).flatten(-2)
        return torch.cat([x[..., self.others], phase.sin(), phase.cos()], -1)
