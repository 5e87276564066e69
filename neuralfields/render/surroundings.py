"""Where photos of a scene were taken from, and ways of a camera that keep to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields.checks import positive
from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Frame
from neuralfields.geometry.cameras import Vector
from neuralfields.geometry.focus import focus
from neuralfields.render.paths import CameraPath, field_of_view

_SAME_WAY = 0.9  # length of the mean of the cameras' axes above which all look the same way
_MEETING = 1e-4  # mean squared sine between axes from which on they tell where they meet
_SPREAD = 0.05  # of the cameras' right axes, from which on they tell what is upright
_SHARE = 0.9  # of the cameras that a spiral keeps within
_KEYS = 72  # of an orbit or a spiral
_BOX_DISTANCE, _BOX_ELEVATION, _FOV = 4.0, 25.0, 40.0  # where nothing is known but the box


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The cameras of a scene in few numbers, in world coordinates.

    Attributes:
        target: the point nearest to all their axes, [3] float64.
        up: upwards for them, of length one, [3].
        front: from the target towards the first of them, or against the way all look; across ``up``, of length one.
        radius: their median distance from the target.
        elevation: their median height above the target, degrees as seen from there.
        fov: their median field of view, from top to bottom, degrees.
        spread: half of what 90 % of them cover to the right and upwards, where they all look the same way; None where
            they look at the target from around it.
    """

    target: Tensor
    up: Tensor
    front: Tensor
    radius: float
    elevation: float
    fov: float
    spread: tuple[float, float] | None = None

    @classmethod
    def of(cls, cameras: Sequence[Camera]) -> "Surroundings":
        """Those of these cameras.

        Raises:
            InputError: there are none.
        """
        if not cameras:
            raise InputError("where photos were taken from is told by cameras, there are none")
        eyes = torch.stack([camera.eye for camera in cameras])
        right, above, behind = torch.stack([camera.axes for camera in cameras]).unbind(1)
        mean = torch.nn.functional.normalize(behind.mean(0), dim=0)
        target, up = _target(cameras, mean), _upwards(right, above)
        away = eyes - target
        radius = float(away.norm(dim=1).median())
        elevation = math.degrees(math.asin(max(-1.0, min(1.0, float((away @ up).median()) / radius))))
        fov = float(torch.tensor([field_of_view(camera) for camera in cameras]).median())
        spread = None
        if float(behind.mean(0).norm()) > _SAME_WAY:
            sideways = torch.nn.functional.normalize(torch.linalg.cross(up, mean), dim=0)
            spread = _reach(eyes @ sideways), _reach(eyes @ up)
        front = _across(away[0] if spread is None else mean, up)
        return cls(target, up, front, radius, elevation, fov, spread)

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
        """Two rounds in front of the target, within what the photos cover, to and fro; the last is where it began."""
        across, high = self.spread or (self.radius / 4, self.radius / 8)
        middle, sideways = self.camera().eye, torch.linalg.cross(self.up, self.front)
        cameras = []
        for k in range(_KEYS):
            turn = 2 * math.pi * k / _KEYS
            shift = sideways * across * math.cos(2 * turn) + self.up * high * math.sin(2 * turn)
            nearer = self.front * (across / 2 * math.sin(turn))
            cameras.append(self._towards_target(middle + shift + nearer))
        return CameraPath.through(cameras, seconds=seconds, loop=True)

    def tour(self, *, seconds: float = 6.0) -> CameraPath:
        """The orbit where photos were taken from all around, else the spiral."""
        return self.orbit(seconds=seconds) if self.spread is None else self.spiral(seconds=seconds)

    def _towards_target(self, eye: Tensor, fov: float | None = None, size: tuple[int, int] = (2, 2)) -> Camera:
        place, target, up = (_vector(v) for v in (eye, self.target, self.up))
        return Camera.look_at(place, target, up, fov=fov or self.fov, size=size)


def _target(cameras: Sequence[Camera], mean: Tensor) -> Tensor:
    """The point [3] nearest to all axes; where they hardly meet, or behind, one ahead, four times as far as cameras are
    apart."""
    eyes, axes = (torch.stack([getattr(camera, name) for camera in cameras]) for name in ("eye", "axes"))
    point, certainty = focus(cameras)
    ahead = ((eyes - point) * axes[:, 2]).sum(1).median()
    if certainty > _MEETING and float(ahead) > 0:
        return point
    middle = eyes.mean(0)
    return middle - mean * (4 * float((eyes - middle).norm(dim=1).mean()) or 1.0)


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


def _reach(values: Tensor) -> float:
    """Half of what the middle nine tenths of values [n] cover."""
    low, high = torch.quantile(values, torch.tensor([(1 - _SHARE) / 2, (1 + _SHARE) / 2], dtype=values.dtype)).tolist()
    return max(high - low, 1e-6) / 2


def _vector(values: Tensor) -> Vector:
    x, y, z = values.tolist()
    return x, y, z
