"""Density alone: where something may be, for those who only look for it."""

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.fields.medium import Medium


class Density(Field):
    """Position to density: what ``Hierarchical`` asks where to sample, as mip-NeRF 360's proposal networks.

    Args:
        trunk: from three coordinates to one value, which, plus ``shift``, through the activation is the density.
        activation, shift, unbounded: see ``Medium``.

    Raises:
        InputError: the trunk does not give one value for three, or there is no such activation.
    """

    paper = "Barron et al., Mip-NeRF 360: Unbounded Anti-Aliased Neural Radiance Fields, CVPR 2022"

    def __init__(self, trunk: Field, *, activation: str = "exp", shift: float = 0.0, unbounded: bool = False):
        super().__init__()
        self.medium = Medium(activation, shift, unbounded)
        if (trunk.in_dim, trunk.out_dim) != (3, 1):
            raise InputError(
                f"a density is one value of three, {type(trunk).__name__} gives {trunk.out_dim} for {trunk.in_dim}"
            )
        self.in_dim, self.out_dim = 3, 1
        self.trunk = trunk

    def density(self, x: Tensor) -> Tensor:
        """At positions [*batch, 3]: [*batch], from 0 on, per box unit."""
        return self(x)[..., 0]

    def forward(self, x: Tensor) -> Tensor:
        return self.medium.density(self.trunk(self.medium.placed_in_box(x)))
