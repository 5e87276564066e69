"""A field read as a shape: which values mean inside, and how far one may go."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from neuralfields.calculus import value_and_gradient
from neuralfields.checks import one_of
from neuralfields.errors import InputError
from neuralfields.field import FieldLike, device_of, dtype_of, evaluate

FORMS = ("sdf", "occupancy", "udf")
_SHELL = 2e-3  # distance at which an unsigned field's surface is drawn, in box units; its zero set has no inside
_REACH = 1 / 128  # in box units, over which the opacity that a density has is judged
OPACITY = 0.1  # over that reach, from which on a scene is solid
SPAN = 1 / 32  # in box units, to both sides of where a density's slope is looked for
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Surface:
    """The surface of a field over the box [-1, 1]^3, as a level function: negative inside, zero on the surface.

    Attributes:
        field: [n, 3] to [n, 1].
        form: what its values are: "sdf" signed distances (negative inside), "occupancy" logits (positive inside), "udf"
            unsigned distances, whose surface here is the thin shell at distance ``shell``.
        shell: for "udf", in box units.

    Raises:
        InputError: there is no such form.
    """

    field: FieldLike
    form: str = "sdf"
    shell: float = _SHELL

    def __post_init__(self) -> None:
        one_of(FORMS, form=self.form)

    @classmethod
    def of(cls, field: Any) -> "Surface":
        """The surface of a fitted field, which knows its form.

        Raises:
            InputError: it is not from three coordinates to one value.
        """
        dims = getattr(field, "in_dim", 3), getattr(field, "out_dim", 1)
        if dims != (3, 1):
            raise InputError(f"a shape is a field from 3 coordinates to 1 value, this goes from {dims[0]} to {dims[1]}")
        form = (getattr(field, "provenance", {}).get("signal") or {}).get("form", "sdf")
        return cls(field, form)

    @classmethod
    def of_density(cls, field: Any, opacity: float = OPACITY) -> "Surface":
        """The surface of a radiance field: where a length of 1/128 box units stops this share of the light.

        Args:
            field: has ``density``, box coordinates [n, 3] to densities [n] per box unit.
            opacity: above 0 and below 1. Surfaces that were fitted are spread over several such lengths: a large
                share misses much of what is seen, a small one takes mist for solid.

        Raises:
            InputError: it has no densities, or the opacity is out of range.
        """
        if not hasattr(field, "density"):
            raise InputError(f"a surface is made of a density, which {type(field).__name__} does not have")
        if not 0 < opacity < 1:
            raise InputError(f"opacity is above 0 and below 1, got {opacity}")
        return cls(_Solidity(field, opacity), "occupancy")

    def for_cells(self, resolution: int) -> "Surface":
        """The same surface; of an unsigned distance, with a shell that so many cells along the box do not miss."""
        return replace(self, shell=max(self.shell, 2 / resolution)) if resolution > 0 else self

    @property
    def metric(self) -> bool:
        """Whether values are distances, by which one may step."""
        return self.form != "occupancy"

    @property
    def like(self) -> Tensor:
        """An empty tensor with the device and the dtype that the field's coordinates want; a function's are float32."""
        return torch.empty(0, dtype=dtype_of(self.field), device=device_of(self.field))

    @torch.no_grad()
    def values(self, x: Tensor) -> Tensor:
        """The level function [n] at ``x`` [n, 3], without gradient, in bounded memory."""
        return self._level(evaluate(self.field, x, chunk=_CHUNK))

    def values_and_gradients(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The level function [n] and its gradient [n, 3], which points outwards, without graph, in bounded memory."""
        parts = [value_and_gradient(self.field, part) for part in x.split(_CHUNK)]
        values, gradients = (torch.cat([part[k].detach() for part in parts]) for k in (0, 1))
        return self._level(values), -gradients if self.form == "occupancy" else gradients

    def _level(self, values: Tensor) -> Tensor:
        values = values[:, 0]
        if self.form == "occupancy":
            return -values
        return values - self.shell if self.form == "udf" else values


def outward_slopes(density: Callable[[Tensor], Tensor], points: Tensor, span: float = SPAN) -> Tensor:
    """Vectors [n, 3] along which log(1 + density) falls fastest at points [n, 3] of the box.

    By differences over ``span`` to both sides: they bridge the kinks and the noise of a grid, and the logarithm keeps
    what is very dense from telling all. Farther than 1 from the middle of the box the span grows with the distance, as
    contracted space does. At length one such a vector is a normal.
    """
    length = span * points.abs().amax(-1, keepdim=True).clamp(min=1)
    slope = torch.zeros_like(points)
    for axis in torch.eye(3).to(points):
        for sign in (1.0, -1.0):
            slope -= sign * density(points + sign * length * axis).log1p()[:, None] * axis
    return slope


class _Solidity(nn.Module):
    """A density as values [n, 1] from -1 on, and above 0 where a length of ``_REACH`` stops more than ``opacity``."""

    def __init__(self, field: Any, opacity: float):
        super().__init__()
        self.field, self.opacity = field, opacity

    def forward(self, x: Tensor) -> Tensor:
        return (1 - self.opacity - (-_REACH * self.field.density(x)).exp())[:, None]
