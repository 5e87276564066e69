"""Where photos of a scene were taken from, and ways of a camera that keep to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Frame, gaze
from neuralfields.geometry.cameras import Vector
from neuralfields.geometry.focus import Depths
from neuralfields.render.paths import CameraPath, field_of_view

_MEETING = 1e-4  # smallest mean squared sine between axes that tells where they meet: about 0.6 degrees
_OPEN = 180.0  # degrees without a camera from which on they do not stand around the target
_SPREAD = 0.05  # of the cameras' right axes, from which on they tell what is upright
_SHARE = 0.7  # of what the cameras cover that a spiral keeps within
_SWING, _NEARER = (15.0, 8.0), 0.1  # degrees of a spiral where cameras stand around; share of the distance
_STEEPEST = 85.0  # degrees above or below the target
_KEYS = 72  # of an orbit or a spiral
_BOX_DISTANCE, _BOX_ELEVATION, _FOV = 4.0, 25.0, 40.0  # where nothing is known but the box


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The cameras of a scene in few numbers, in world coordinates.

    Attributes:
        target: the middle of what they look at, see ``Gaze``, [3] float64.
        up: upwards for them, of length one, [3].
        front: from the target towards the first of them, or to the middle of the side where all stand; across ``up``,
            of length one.
        radius: their median distance from the target.
        elevation: their median height above the target, degrees as seen from there.
        fov: their median field of view, from top to bottom, degrees.
        swing: half of what most of them cover around the target and upwards, degrees, where they stand on one side of
            it; None where they stand around it.
    """

    target: Tensor
    up: Tensor
    front: Tensor
    radius: float
    elevation: float
    fov: float
    swing: tuple[float, float] | None = None

    @classmethod
    def of(cls, cameras: Sequence[Camera], depths: Depths | None = None) -> "Surroundings":
        """Those of these cameras.

        Args:
            cameras: one or more.
            depths: of the nearest and the farthest thing in their pictures, in the world's unit, where they are known:
                parallel axes do not tell how far things are.

        Raises:
            InputError: there are none.
        """
        if not cameras:
            raise InputError("where photos were taken from is told by cameras, there are none")
        eyes = torch.stack([camera.eye for camera in cameras])
        right, above, behind = torch.stack([camera.axes for camera in cameras]).unbind(1)
        found, up = gaze(cameras, depths, least=_MEETING), _upwards(right, above)
        # Where nothing tells how far things are, one unit.
        target = found.middle if found.away else found.middle - torch.nn.functional.normalize(behind.mean(0), dim=0)
        away = eyes - target
        radius = away.norm(dim=1).clamp(min=1e-12)
        front = _across(away[0], up)
        azimuths = torch.rad2deg(torch.atan2(away @ torch.linalg.cross(up, front), away @ front))
        elevations = torch.rad2deg((away @ up / radius).clamp(-1, 1).asin())
        fov = float(torch.tensor([field_of_view(camera) for camera in cameras]).median())
        swing, (middle, half) = None, _arc(azimuths)
        if half <= (360 - _OPEN) / 2:
            swing = _SHARE * half, _half_range(elevations)
            turn = math.radians(middle)
            front = front * math.cos(turn) + torch.linalg.cross(up, front) * math.sin(turn)
        return cls(target, up, front, float(radius.median()), float(elevations.median()), fov, swing)

    @classmethod
    def of_box(cls, frame: Frame) -> "Surroundings":
        """A guess where no camera is known: z is up, and all of the box is seen."""
        up, front = torch.eye(3, dtype=torch.float64)[2], -torch.eye(3, dtype=torch.float64)[1]
        target = torch.tensor(frame.offset, dtype=torch.float64)
        return cls(target, up, front, _BOX_DISTANCE * frame.scale, _BOX_ELEVATION, _FOV)

    def camera(
        self,
        azimuth: float = 0.0,
        elevation: float | None = None,
        *,
        distance: float | None = None,
        fov: float | None = None,
        size: tuple[int, int] = (800, 800),
    ) -> Camera:
        """A camera that looks at the target from around it.

        Args:
            azimuth: degrees, counter-clockwise from above; 0 is in ``front``.
            elevation: degrees above the horizon; by default as the photos', as all that follows.
            distance: from the target, in world units.
            fov: degrees.
            size: of the picture.

        Raises:
            InputError: as for ``Camera.look_at``.
        """
        height = self.elevation if elevation is None else elevation
        if not (-90 < height < 90 and math.isfinite(azimuth)):
            raise InputError(f"a camera's elevation is between -90 and 90 degrees, got {height} at azimuth {azimuth}")
        if distance is not None:
            positive(distance=distance)
        turn, rise = math.radians(azimuth), math.radians(height)
        level = self.front * math.cos(turn) + torch.linalg.cross(self.up, self.front) * math.sin(turn)
        away = level * math.cos(rise) + self.up * math.sin(rise)
        return self._towards_target(self.target + away * (distance or self.radius), fov, size)

    def orbit(self, *, seconds: float = 6.0, elevation: float | None = None) -> CameraPath:
        """Once around the target, counter-clockwise from above; the arguments are those of ``camera``."""
        cameras = [self.camera(360 * k / _KEYS, elevation) for k in range(_KEYS)]
        return CameraPath.through(cameras, seconds=seconds, loop=True)

    def spiral(self, *, seconds: float = 6.0) -> CameraPath:
        """Two rounds in front of the target, within what the photos cover, once nearer and once farther."""
        across, high = self.swing or _SWING
        cameras = []
        for k in range(_KEYS):
            turn = 2 * math.pi * k / _KEYS
            elevation = max(-_STEEPEST, min(_STEEPEST, self.elevation + high * math.sin(2 * turn)))
            distance = self.radius * (1 - _NEARER * math.sin(turn))
            cameras.append(self.camera(across * math.cos(2 * turn), elevation, distance=distance))
        return CameraPath.through(cameras, seconds=seconds, loop=True)

    def tour(self, *, seconds: float = 6.0) -> CameraPath:
        """The orbit where photos were taken from all around, else the spiral."""
        return self.orbit(seconds=seconds) if self.swing is None else self.spiral(seconds=seconds)

    def _towards_target(self, eye: Tensor, fov: float | None = None, size: tuple[int, int] = (2, 2)) -> Camera:
        place, target, up = (_vector(v) for v in (eye, self.target, self.up))
        return Camera.look_at(place, target, up, fov=fov or self.fov, size=size)


def _upwards(right: Tensor, above: Tensor) -> Tensor:
    """The direction [3] that cameras with these axes [n, 3] have upwards: what their right axes are level to."""
    spread, axes = torch.linalg.eigh(right.T @ right / len(right))
    mean = above.mean(0)
    if spread[1] < _SPREAD:
        return torch.nn.functional.normalize(mean, dim=0)
    return axes[:, 0] * (1 if axes[:, 0] @ mean >= 0 else -1)


def _across(away: Tensor, up: Tensor) -> Tensor:
    """The part of a vector across ``up`` at length one; any such vector where there is none."""
    level = away - (away @ up) * up
    if level.norm() < 1e-6 * away.norm().clamp(min=1e-12):
        level = torch.linalg.cross(up, torch.eye(3, dtype=torch.float64)[up.abs().argmin()])
    return torch.nn.functional.normalize(level, dim=0)


def _arc(azimuths: Tensor) -> tuple[float, float]:
    """The middle and half the length of the shortest arc that holds all azimuths [n], degrees."""
    around = azimuths.sort().values
    gaps = torch.cat([around.diff(), (around[:1] + 360 - around[-1:])])
    widest = int(gaps.argmax())
    half = (360 - float(gaps[widest])) / 2
    return float(around[(widest + 1) % len(around)]) + half, half


def _half_range(values: Tensor) -> float:
    """Half of what the middle of values [n] cover."""
    shares = torch.tensor([(1 - _SHARE) / 2, (1 + _SHARE) / 2], dtype=values.dtype)
    low, high = torch.quantile(values, shares).tolist()
    return (high - low) / 2


def _vector(values: Tensor) -> Vector:
    x, y, z = values.tolist()
    return x, y, z
