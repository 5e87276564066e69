"""How a network's raw value becomes a density, and where in the world it is asked."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields.checks import one_of
from neuralfields.errors import InputError
from neuralfields.geometry.contraction import in_box
from neuralfields.ops.radiance.reference import bounded_exp

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "exp": bounded_exp,
    "softplus": F.softplus,
    "relu": torch.relu,
    "abs": torch.abs,
}


@dataclass(frozen=True)
class Medium:
    """What ``Radiance`` and ``Density`` have in common.

    Attributes:
        activation: "exp" (instant-ngp), "softplus", "relu" (NeRF), "abs" (NeRF++).
        shift: added to the raw density.
        unbounded: whether positions go beyond the box: they are contracted into the ball of radius 2 (Barron et al.,
            Mip-NeRF 360, CVPR 2022, eq. 10), which is halved to lie in the box.

    Raises:
        InputError: there is no such activation, or the shift is not finite.
    """

    activation: str
    shift: float
    unbounded: bool

    def __post_init__(self) -> None:
        one_of(ACTIVATIONS, activation=self.activation)
        if not math.isfinite(self.shift):
            raise InputError(f"shift is finite, got {self.shift}")

    def placed_in_box(self, x: Tensor) -> Tensor:
        """Positions [*batch, 3] as a trunk sees them."""
        return in_box(x, self.unbounded)

    def density(self, raw: Tensor) -> Tensor:
        """From raw values to densities of the same shape, per box unit."""
        return ACTIVATIONS[self.activation](raw + self.shift)
