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
_MOST, _NOTHING = 1e9, 1e-30  # of coefficients: no real lens comes near
_TURNS = 60  # of the search for |u| alone; Newton's method takes five, halving an interval would take fifty
_STEPS, _SMALL = 8, 1e-8  # of Newton's method in the plane, which squares a step with each


@dataclass(frozen=True)
class Lens:
    """A lens, in one of the models above.

    Attributes:
        kind: "opencv" or "fisheye".
        coefficients: k1, k2, p1, p2, k3, k4, k5, k6 of "opencv", k1, k2, k3, k4 of "fisheye"; trailing zeros may be
            left out.

    Raises:
        InputError: there is no such kind, or the coefficients are too many, not finite or beyond 1e9.
    """

    kind: str
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        one_of(list(KINDS), kind=self.kind)
        given, most = tuple(float(value) for value in self.coefficients), KINDS[self.kind]
        if len(given) > most or not all(abs(value) <= _MOST for value in given):
            raise InputError(
                f"a lens of kind {self.kind!r} has up to {most} coefficients between -1e9 and 1e9, got {given}"
            )
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
        roots = np.concatenate([part.trim(_NOTHING).roots() for part in (slope, below)]).astype(np.complex128)
        ends = roots.real[(np.abs(roots.imag) < 1e-9 * np.abs(roots)) & (roots.real > 0)]
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

    def distort(self, direction: Tensor, index: Tensor | None = None) -> Tensor:
        """As ``Lens.distort``."""
        warp = self._warp(index, direction.device)
        return warp.forth(_flat(direction.double(), warp.fisheye))

    def undistort(self, plane: Tensor, index: Tensor | None = None) -> Tensor:
        """As ``Lens.undistort``."""
        warp = self._warp(index, plane.device)
        return _raised(warp.back(plane.double()), warp.fisheye)

    def _warp(self, index: Tensor | None, device: torch.device) -> "_Warp":
        rows = self._rows.to(device)
        used = self._rows.any(0).tolist()
        return _Warp(rows if index is None or len(rows) == 1 else rows[index], used)


class _Warp:
    """What lenses do in the plane; ``rows`` is [1, 13] or [n, 13]; ``used`` are the columns that are not all zero."""

    def __init__(self, rows: Tensor, used: list[bool]):
        self._rows, self._used = rows, used
        column = rows.unbind(1)
        self.above = [column[k] for k in range(_last(used[:5]) + 1)]
        self.below = [column[5 + k] for k in range(_last(used[5:9]) + 1)]
        self.p1, self.p2, self.limit = column[9:12]
        self.sheer = any(used[9:11])
        self.fisheye = column[12] > 0

    def forth(self, u: Tensor) -> Tensor:
        """Places [n, 2] without a lens as those with it."""
        x, y = u.unbind(-1)
        s = x * x + y * y
        factor, _ = self._radial(s)
        right, down = self._moved(x, y, s, factor)
        return torch.where((s <= self.limit**2)[:, None], torch.stack([right, down], -1), torch.nan)

    def back(self, plane: Tensor) -> Tensor:
        """The inverse of ``forth``."""
        # Lenses are mild, mostly: Newton's method finds the way from where they would be without.
        u, met = self._newton(plane, plane)
        if bool(met.all()):
            return u
        rest = (~met).nonzero()[:, 0]
        u[rest] = _Warp(self._rows if len(self._rows) == 1 else self._rows[rest], self._used)._bounded(plane[rest])
        return u

    def _bounded(self, plane: Tensor) -> Tensor:
        """The same from where the radial part has it; NaN where there is no such place."""
        distance = plane.norm(dim=-1)
        start = plane * (self._length(distance) / distance.clamp(min=1e-300))[:, None]
        u, met = self._newton(start, plane)
        return torch.where(met[:, None], u, torch.nan)

    def _newton(self, start: Tensor, plane: Tensor) -> tuple[Tensor, Tensor]:
        """Places [n, 2] that become those in ``plane``, and whether they do and are of this lens, [n]."""
        x, y = start.unbind(-1)
        wanted_x, wanted_y = plane.unbind(-1)
        step = torch.full_like(x, torch.inf)
        for _ in range(_STEPS):
            s = x * x + y * y
            factor, slope = self._radial(s)
            right, down = self._moved(x, y, s, factor)
            across, mixed, along = self._slopes(x, y, factor, 2 * slope)
            right, down = right - wanted_x, down - wanted_y
            scale = across * along - mixed * mixed
            left, up = (along * right - mixed * down) / scale, (across * down - mixed * right) / scale
            x, y, step = x - left, y - up, left.abs() + up.abs()
            if not bool((step > _SMALL).any()):
                break
        met = (step <= _SMALL) & (x * x + y * y <= (self.limit * (1 + 1e-9)) ** 2)
        return torch.stack([x, y], -1), met

    def _moved(self, x: Tensor, y: Tensor, s: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
        right, down = x * factor, y * factor
        if not self.sheer:
            return right, down
        twice = 2 * (self.p1 * y + self.p2 * x)
        return right + x * twice + self.p2 * s, down + y * twice + self.p1 * s

    def _slopes(self, x: Tensor, y: Tensor, factor: Tensor, slope: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The derivatives of ``_moved``: of x by x, of either by the other, of y by y; ``slope`` is twice that by s."""
        across, mixed, along = factor + slope * x * x, slope * x * y, factor + slope * y * y
        if not self.sheer:
            return across, mixed, along
        a, b = 2 * self.p1, 2 * self.p2
        return across + a * y + 3 * b * x, mixed + a * x + b * y, along + 3 * a * y + b * x

    def _radial(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """The radial factor at s = |u|^2, [n], and its derivative."""
        above, above_slope = _polynomial(self.above, s)
        if len(self.below) == 1:
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


def _last(used: Sequence[bool]) -> int:
    """The number of the last one that is."""
    return max(number for number, is_used in enumerate(used) if is_used)


def _polynomial(coefficients: Sequence[Tensor], s: Tensor) -> tuple[Tensor, Tensor]:
    """The values [n] of polynomials with these coefficients, [1] or [n] each, at s, and their derivatives (Horner)."""
    value, slope = coefficients[-1].expand_as(s), torch.zeros_like(s)
    for coefficient in reversed(coefficients[:-1]):
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
