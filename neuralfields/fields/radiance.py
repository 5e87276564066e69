"""Density and colour everywhere in a scene, as seen from any direction.

@inproceedings{mildenhall2020nerf,
  title={NeRF: Representing Scenes as Neural Radiance Fields for View Synthesis},
  author={Mildenhall, Ben and Srinivasan, Pratul and Tancik, Matthew and others},
  booktitle={ECCV}, year={2020}}
@article{mueller2022instant,
  title={Instant Neural Graphics Primitives with a Multiresolution Hash Encoding},
  author={M{\"u}ller, Thomas and Evans, Alex and Schied, Christoph and Keller, Alexander},
  journal={ACM Transactions on Graphics}, volume={41}, number={4}, year={2022}}
"""

import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.fields.medium import Medium


class Radiance(Field):
    """(position, unit direction) to (density, red, green, blue): density per box unit, colours in [0, 1].

    The trunk sees the position alone; its first value makes the density. The
    colour network sees the trunk's values, then those of ``directions``; its results go through the sigmoid.

    Args:
        trunk: from a position (three coordinates, four for NeRF++'s outer part) to 1 + k values.
        colour: from the trunk's values, all of them or all but the first, and the encoded direction, to 3 values.
        directions: encodes the direction; without it colours do not depend on the direction.
        activation, shift, unbounded: see ``Medium``.

    Raises:
        InputError: the parts do not fit together, or there is no such activation.
    """

    paper = "Mildenhall et al., NeRF: Representing Scenes as Neural Radiance Fields, ECCV 2020"

    def __init__(
        self,
        trunk: Field,
        colour: Field,
        *,
        directions: Field | None = None,
        activation: str = "exp",
        shift: float = 0.0,
        unbounded: bool = False,
    ):
        super().__init__()
        self.medium = Medium(activation, shift, unbounded)
        if directions is not None and directions.in_dim != 3:
            raise InputError(f"a direction has 3 coordinates, {type(directions).__name__} takes {directions.in_dim}")
        most = trunk.out_dim + (directions.out_dim if directions else 0)
        if colour.in_dim not in (most, most - 1) or colour.out_dim != 3:
            raise InputError(
                f"the colour network takes {most} or {most - 1} values and gives 3, this {type(colour).__name__} takes "
                f"{colour.in_dim} and gives {colour.out_dim}"
            )
        self.in_dim, self.out_dim = trunk.in_dim + 3, 4
        self.trunk, self.colour, self.directions = trunk, colour, directions
        self.first = most - colour.in_dim  # of the trunk's values that the colour network sees

    def density(self, x: Tensor) -> Tensor:
        """At positions [*batch, 3]: [*batch], from 0 on, per box unit."""
        return self.activated(self.trunk(self.medium.placed_in_box(x)))

    def forward(self, x: Tensor) -> Tensor:
        position, direction = x[..., :-3], x[..., -3:]
        values = self.trunk(self.medium.placed_in_box(position))
        seen = values[..., self.first :]
        if self.directions is not None:
            seen = torch.cat([seen, self.directions(direction)], -1)
        colour = self.colour(seen).sigmoid()
        if self.directions is None:
            colour = colour + 0 * direction.sum(-1, keepdim=True)  # NaN stays NaN
        return torch.cat([self.activated(values)[..., None], colour], -1)

    def activated(self, values: Tensor) -> Tensor:
        """The density [*batch] of the trunk's values [*batch, 1 + k]."""
        return self.medium.density(values[..., 0])
