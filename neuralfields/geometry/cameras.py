"""Pinhole cameras and the rays of their pixels.

Conventions, those of OpenGL and Blender: a camera looks along its own -z, x points right and y up in its picture.
Pixel coordinates are (x to the right, y down), row 0 is on top, and the centre of the first pixel is (0.5, 0.5).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neuralfields.checks import one_of, positive
from neuralfields.errors import InputError

Vector = tuple[float, float, float]
UPS = ("y", "z")


@dataclass(frozen=True, eq=False)
class Rays:
    """Half-lines.

    Attributes:
        origin: [n, 3].
        direction: [n, 3], of length one, so that depths along them are distances.
    """

    origin: Tensor
    direction: Tensor

    def __len__(self) -> int:
        return len(self.origin)

    def __getitem__(self, index: Any) -> "Rays":
        """Those at these places: indices [m], a mask [n], or a slice."""
        return Rays(self.origin[index], self.direction[index])

    def at(self, depth: Tensor) -> Tensor:
        """The points [n, 3] at these depths [n]."""
        return self.origin + depth[:, None] * self.direction


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera whose axis goes through the middle of its picture.

    Attributes:
        pose: from the camera's coordinates to the world's, [3, 4] float64 (a rotation, then the camera's place); also
            given as [4, 4].
        focal: focal length in pixels.
        size: (width, height) in pixels.

    Raises:
        InputError: the pose is no rotation and place, or focal length or size are not positive.
    """

    pose: Tensor
    focal: float
    size: tuple[int, int]

    def __post_init__(self) -> None:
        pose = torch.as_tensor(self.pose, dtype=torch.float64)
        if pose.shape not in ((3, 4), (4, 4)) or not pose.isfinite().all():
            raise InputError(f"a camera's pose is finite and [3, 4] or [4, 4], got {pose.tolist()}")
        turn = pose[:3, :3]
        straight = torch.allclose(turn @ turn.T, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-5)
        if not straight or torch.linalg.det(turn) < 0:
            raise InputError(f"a camera's pose turns without scaling or mirroring, got {turn.tolist()}")
        positive(focal=self.focal, width=self.size[0], height=self.size[1])
        object.__setattr__(self, "pose", pose[:3])

    @classmethod
    def look_at(
        cls,
        eye: Vector,
        target: Vector = (0.0, 0.0, 0.0),
        up: Vector = (0.0, 1.0, 0.0),
        *,
        fov: float = 30.0,
        size: tuple[int, int] = (800, 800),
    ) -> "Camera":
        """The camera at ``eye`` with ``target`` in the middle of its picture and ``up`` upwards in it.

        Args:
            fov: angle from the top of the picture to its bottom, degrees, between 0 and 180.

        Raises:
            InputError: eye and target are one point, ``up`` points along the view, or as for ``Camera``.
        """
        place, goal, above = (torch.tensor(v, dtype=torch.float64) for v in (eye, target, up))
        back = place - goal
        right = torch.linalg.cross(above, back)
        lengths = [float(v.norm()) for v in (back, above, right)]
        if not (min(lengths) > 0 and lengths[2] > 1e-9 * lengths[0] * lengths[1]):
            raise InputError(f"a camera at {eye} cannot look at {target} with {up} upwards: they lie on one line")
        right, back = right / lengths[2], back / lengths[0]
        return cls(torch.stack([right, torch.linalg.cross(back, right), back, place], 1), _focal(fov, size), size)

    @classmethod
    def orbit(
        cls,
        azimuth: float = 30.0,
        elevation: float = 20.0,
        distance: float = 4.0,
        *,
        target: Vector = (0.0, 0.0, 0.0),
        up: str = "y",
        fov: float = 30.0,
        size: tuple[int, int] = (800, 800),
    ) -> "Camera":
        """A camera on a sphere around ``target``, looking at it.

        Args:
            azimuth: degrees; 0 is in front, which is +z where y is up and -y where z is up, 90 to the right, +x.
            elevation: degrees above the horizon, -90 to 90.
            distance: from the target.
            up: the axis that points upwards, "y" or "z".
            fov: as for ``look_at``.

        Raises:
            InputError: the elevation is beyond the poles, the distance not positive, or as for ``Camera``.
        """
        one_of(UPS, up=up)
        positive(distance=distance)
        if not (-90 <= elevation <= 90 and math.isfinite(azimuth)):
            raise InputError(
                f"a camera's elevation is between -90 and 90 degrees, got {elevation} at azimuth {azimuth}"
            )
        axes = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]] if up == "y" else [[1, 0, 0], [0, 0, 1], [0, -1, 0]])
        (sin_a, cos_a), (sin_e, cos_e) = ((math.sin(v), math.cos(v)) for v in map(math.radians, (azimuth, elevation)))
        # Rows: what is right, above and behind the camera, in terms of right, up and front of the scene.
        turn = [[cos_a, 0, -sin_a], [-sin_a * sin_e, cos_e, -cos_a * sin_e], [sin_a * cos_e, sin_e, cos_a * cos_e]]
        right, above, back = torch.tensor(turn, dtype=torch.float64) @ axes.double()
        place = torch.tensor(target, dtype=torch.float64) + distance * back
        return cls(torch.stack([right, above, back, place], 1), _focal(fov, size), size)

    @property
    def eye(self) -> Tensor:
        """Where it is, [3] float64."""
        return self.pose[:, 3]

    @property
    def axes(self) -> Tensor:
        """Rows: what is right, above and behind, in world coordinates, [3, 3] float64."""
        return self.pose[:, :3].T

    @property
    def pixels(self) -> int:
        return self.size[0] * self.size[1]

    def centres(self, index: Tensor) -> Tensor:
        """Pixel coordinates [n, 2] float64 of the centres of pixels [n], which are numbered row by row."""
        width = self.size[0]
        return torch.stack([index % width, index.div(width, rounding_mode="floor")], -1).double() + 0.5

    def rays(self, pixels: Tensor, *, dtype: torch.dtype = torch.float32) -> Rays:
        """The rays [n] through points of the picture, given in pixel coordinates [n, 2]; in float64, then rounded."""
        x = (pixels[:, 0].double() - self.size[0] / 2) / self.focal
        y = (self.size[1] / 2 - pixels[:, 1].double()) / self.focal
        direction = torch.stack([x, y, -torch.ones_like(x)], -1) @ self.axes.to(pixels.device)
        direction = direction / direction.norm(dim=-1, keepdim=True)
        origin = self.eye.to(pixels.device, dtype).expand(len(pixels), 3)
        return Rays(origin, direction.to(dtype))


def _focal(fov: float, size: tuple[int, int]) -> float:
    if not 0 < fov < 180:
        raise InputError(f"a camera's field of view is between 0 and 180 degrees, got {fov}")
    return size[1] / 2 / math.tan(math.radians(fov) / 2)
