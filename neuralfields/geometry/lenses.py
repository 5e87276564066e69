"""Lenses: where light from a direction meets the picture, and from where light came that met it.

Directions are in OpenCV's camera coordinates, x to the right, y down, z ahead. Without a lens a direction meets the
plane z = 1 at (x / z, y / z); a lens moves that place. Two models, both of OpenCV (documentation of ``calib3d`` and of
``calib3d::fisheye``):

- "opencv": with u = (x / z, y / z) and s = |u|^2, u * (1 + k1 s + k2 s^2 + k3 s^3) / (1 + k4 s + k5 s^2 + k6 s^3) plus
  the tangential (2 p1 u_x u_y + p2 (s + 2 u_x^2), p1 (s + 2 u_y^2) + 2 p2 u_x u_y).
- "fisheye": with u the unit vector along (x, y) times the angle from the axis (Kannala and Brandt, A Generic Camera
  Model and Calibration Method, PAMI 2006), u * (1 + k1 s + k2 s^2 + k3 s^3 + k4 s^4).

A polynomial stops growing somewhere; light from beyond would fold back into the picture. A lens ends there: what is
beyond is NaN in both directions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from neuralfields.checks import one_of
from neuralfields.errors import InputError

KINDS = {"opencv": 8, "fisheye": 4}  # and how many coefficients each has
_WIDEST = {"opencv": 1e3, "fisheye": math.pi}  # |u| at 89.94 degrees from the axis, and right behind the camera
_TURNS = 60  # of the search for |u|; Newton's method takes five, halving an interval would take fifty


@dataclass(frozen=True)
class Lens:
    """A lens, in one of the models above.

    Attributes:
        kind: "opencv" or "fisheye".
        coefficients: k1, k2, p1, p2, k3, k4, k5, k6 of "opencv", k1, k2, k3, k4 of "fisheye"; trailing zeros may be
            left out.

    Raises:
        InputError: there is no such kind, or the coefficients are too many or not finite.
    """

    kind: str
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        one_of(list(KINDS), kind=self.kind)
        given, most = tuple(float(value) for value in self.coefficients), KINDS[self.kind]
        if len(given) > most or not all(map(math.isfinite, given)):
            raise InputError(f"a lens of kind {self.kind!r} has up to {most} finite coefficients, got {given}")
        object.__setattr__(self, "coefficients", given + (0.0,) * (most - len(given)))

    @property
    def bends(self) -> bool:
        """Whether it differs from no lens at all."""
        return self.kind == "fisheye" or any(self.coefficients)

    @cached_property
    def limit(self) -> float:
        """The |u| at which the picture stops growing, or that of the widest angle looked at."""
        above, below = (np.polynomial.Polynomial(part) for part in self._polynomials())
        s = np.polynomial.Polynomial([0, 1])
        slope = above * below + 2 * s * (above.deriv() * below - above * below.deriv())
        roots = np.concatenate([slope.trim().roots(), below.trim().roots()])
        ends = roots.real[(abs(roots.imag) < 1e-9 * abs(roots)) & (roots.real > 0)]
        return min(math.sqrt(ends.min(initial=math.inf)), _WIDEST[self.kind])

    def distort(self, direction: Tensor) -> Tensor:
        """Where light from these directions [n, 3] meets the plane, [n, 2] float64; NaN where the lens has no light."""
        return LensTable([self]).distort(direction)

    def undistort(self, plane: Tensor) -> Tensor:
        """The directions [n, 3], of length one, in float64, from which light meets the plane there [n, 2].

        Newton's method, kept between bounds. NaN where light from no direction comes.
        """
        return LensTable([self]).undistort(plane)

    def _polynomials(self) -> tuple[list[float], list[float]]:
        """Numerator and denominator of the radial factor, in powers of s."""
        if self.kind == "fisheye":
            return [1.0, *self.coefficients], [1.0, 0.0, 0.0, 0.0]
        k1, k2, _, _, k3, *rest = self.coefficients
        return [1.0, k1, k2, k3, 0.0], [1.0, *rest]

    def _row(self) -> list[float]:
        above, below = self._polynomials()
        tangential = [0.0, 0.0] if self.kind == "fisheye" else self.coefficients[2:4]
        return [*above, *below, *tangential, self.limit, float(self.kind == "fisheye")]


class LensTable:
    """The same for many lenses at once: which lens each direction or place takes is told by ``index`` [n]."""

    def __init__(self, lenses: Sequence[Lens | None]):
        rows = [(lens or Lens("opencv", ()))._row() for lens in lenses]
        self._rows = torch.tensor(rows, dtype=torch.float64)
        self._sheer = not bool(self._rows[:, 9:11].any())  # no lens has tangential parts

    def distort(self, direction: Tensor, index: Tensor | None = None) -> Tensor:
        """As ``Lens.distort``."""
        warp = self._warp(index, direction.device)
        return warp.forth(_flat(direction.double(), warp.fisheye))

    def undistort(self, plane: Tensor, index: Tensor | None = None) -> Tensor:
        """As ``Lens.undistort``."""
        warp = self._warp(index, plane.device)
        return _raised(warp.back(plane.double()), warp.fisheye)

    def _warp(self, index: Tensor | None, device: torch.device) -> "_Warp":
        if len(self._rows) == 1:
            index = None
        rows = self._rows.to(device) if index is None else self._rows.to(device)[index]
        return _Warp(rows, self._sheer)


class _Warp:
    """What lenses do in the plane; ``rows`` is [1, 13] or [n, 13]."""

    def __init__(self, rows: Tensor, sheer: bool):
        column = rows.T
        self.above, self.below = column[:5], column[5:9]
        self.p1, self.p2, self.limit = column[9], column[10], column[11]
        self.fisheye = column[12] > 0
        self.sheer = sheer
        self.rational = bool(self.below[1:].any())

    def forth(self, u: Tensor) -> Tensor:
        """Places [n, 2] without a lens as those with it."""
        length = u.norm(dim=-1)
        moved = self._moved(u)
        return torch.where((length <= self.limit)[:, None], moved, torch.nan)

    def back(self, plane: Tensor) -> Tensor:
        """The inverse of ``forth``."""
        distance = plane.norm(dim=-1)
        length = self._length(distance)
        u = plane * (length / distance.clamp(min=1e-300))[:, None]
        if not self.sheer:
            u = self._corrected(u, plane)
        missed = (self._moved(u) - plane).norm(dim=-1) > 1e-9 * (1 + distance)
        return torch.where((missed | (u.norm(dim=-1) > self.limit * (1 + 1e-9)))[:, None], torch.nan, u)

    def _moved(self, u: Tensor) -> Tensor:
        s = (u * u).sum(-1)
        factor, _ = self._radial(s)
        moved = u * factor[:, None]
        if self.sheer:
            return moved
        x, y = u.unbind(-1)
        across = 2 * self.p1 * x * y + self.p2 * (s + 2 * x * x)
        along = self.p1 * (s + 2 * y * y) + 2 * self.p2 * x * y
        return moved + torch.stack([across, along], -1)

    def _radial(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """The radial factor at s = |u|^2, [n], and its derivative."""
        above, above_slope = _polynomial(self.above, s)
        if not self.rational:
            return above, above_slope
        below, below_slope = _polynomial(self.below, s)
        return above / below, (above_slope * below - above * below_slope) / (below * below)

    def _length(self, distance: Tensor) -> Tensor:
        """The |u| that the radial part moves to these distances [n]; the lens's limit where there is none."""
        low, high = torch.zeros_like(distance), self.limit.expand_as(distance).clone()
        length = torch.minimum(distance, high)
        for _ in range(_TURNS):
            s = length * length
            factor, slope = self._radial(s)
            excess = length * factor - distance
            high = torch.where(excess > 0, length, high)
            low = torch.where(excess > 0, low, length)
            better = length - excess / (factor + 2 * s * slope)
            better = torch.where((better >= low) & (better <= high), better, (low + high) / 2)
            step, length = (better - length).abs(), better
            if not bool((step > 1e-14 * (1 + length)).any()):
                break
        return length

    def _corrected(self, u: Tensor, plane: Tensor) -> Tensor:
        """``u`` [n, 2] after steps of Newton's method with the tangential part, which is small."""
        for _ in range(_TURNS):
            x, y = u.unbind(-1)
            factor, slope = self._radial(x * x + y * y)
            across = factor + 2 * slope * x * x + 2 * self.p1 * y + 6 * self.p2 * x
            along = factor + 2 * slope * y * y + 6 * self.p1 * y + 2 * self.p2 * x
            mixed = 2 * slope * x * y + 2 * self.p1 * x + 2 * self.p2 * y
            right, down = (self._moved(u) - plane).unbind(-1)
            scale = across * along - mixed * mixed
            step = torch.stack([along * right - mixed * down, across * down - mixed * right], -1) / scale[:, None]
            u = u - step
            if not bool((step.norm(dim=-1) > 1e-14 * (1 + u.norm(dim=-1))).any()):
                break
        return u


def _polynomial(coefficients: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """The values [n] of polynomials with coefficients [k, 1 or n] at s, and their derivatives, by Horner's scheme."""
    value, slope = coefficients[-1].expand_as(s), torch.zeros_like(s)
    for coefficient in coefficients[:-1].flip(0):
        slope = slope * s + value
        value = value * s + coefficient
    return value, slope


def _flat(direction: Tensor, fisheye: Tensor) -> Tensor:
    """u [n, 2] of directions [n, 3]; NaN for those from behind, where the lens is no fisheye."""
    across, z = direction[:, :2], direction[:, 2]
    plain = across / torch.where(z > 0, z, torch.nan)[:, None]
    if not bool(fisheye.any()):
        return plain
    length = across.norm(dim=-1)
    angle = torch.atan2(length, z)
    # Straight ahead the factor is 1 / z, right behind there is none: the angle is told, but not the side.
    factor = torch.where(length > 0, angle / length, torch.where(z > 0, 1 / z, torch.nan))
    return torch.where(fisheye[:, None], across * factor[:, None], plain)


def _raised(u: Tensor, fisheye: Tensor) -> Tensor:
    """The inverse of ``_flat``, of length one."""
    plain = torch.nn.functional.normalize(torch.cat([u, torch.ones_like(u[:, :1])], -1), dim=-1)
    if not bool(fisheye.any()):
        return plain
    angle = u.norm(dim=-1, keepdim=True)
    wide = torch.cat([u * torch.sinc(angle / torch.pi), angle.cos()], -1)
    return torch.where(fisheye[:, None], wide, plain)
