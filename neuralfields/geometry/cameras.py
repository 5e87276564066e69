"""Cameras and the rays of their pixels.

Conventions, those of OpenGL and Blender: a camera looks along its own -z, x points right and y up in its picture.
Pixel coordinates are (x to the right, y down), row 0 is on top, and the centre of the first pixel is (0.5, 0.5).
OpenCV's and COLMAP's cameras look along +z with y down: their poses become ours when the signs of their second and
third columns are changed. COLMAP's pixel coordinates are these.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from neuralfields.checks import one_of, positive
from neuralfields.errors import InputError
from neuralfields.geometry.frame import Frame
from neuralfields.geometry.lenses import Lens, LensTable

Pair = tuple[float, float]
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
        if isinstance(index, Tensor) and index.dtype == torch.int64:
            # Of [index] the gradient would be summed by several threads in any order.
            return Rays(self.origin.index_select(0, index), self.direction.index_select(0, index))
        return Rays(self.origin[index], self.direction[index])

    def detach(self) -> "Rays":
        """The same without gradients."""
        return Rays(self.origin.detach(), self.direction.detach())

    def at(self, depth: Tensor) -> Tensor:
        """The points [n, 3] at these depths [n]."""
        return self.origin + depth[:, None] * self.direction


class Posed(Protocol):
    """What a photo tells of its camera, as ``files.posed.PosedPhoto`` does; see ``Camera``."""

    @property
    def pose(self) -> Any: ...
    @property
    def focal(self) -> float | Pair: ...
    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def centre(self) -> Pair | None: ...
    @property
    def lens(self) -> tuple[str, tuple[float, ...]] | None: ...


@dataclass(frozen=True, eq=False, init=False)
class Camera:
    """A pinhole camera, or one with a lens that bends light.

    Attributes:
        pose: from the camera's coordinates to the world's, [3, 4] float64 (a rotation, then the camera's place); also
            given as [4, 4].
        focal: focal lengths in pixels, across and down; given as one number where they are the same.
        size: (width, height) in pixels.
        centre: the principal point in pixel coordinates, by default the middle of the picture.
        lens: None for a pinhole.

    Raises:
        InputError: the pose is no rotation and place, focal length or size are not positive, or the principal point is
            not finite.
    """

    pose: Tensor
    focal: Pair
    size: tuple[int, int]
    centre: Pair
    lens: Lens | None

    def __init__(
        self,
        pose: Tensor,
        focal: float | Pair,
        size: tuple[int, int],
        centre: Pair | None = None,
        lens: Lens | None = None,
    ):
        pose = torch.as_tensor(pose, dtype=torch.float64)
        if pose.shape not in ((3, 4), (4, 4)) or not pose.isfinite().all():
            raise InputError(f"a camera's pose is finite and [3, 4] or [4, 4], got {pose.tolist()}")
        turn = pose[:3, :3]
        straight = torch.allclose(turn @ turn.T, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-5)
        if not straight or torch.linalg.det(turn) < 0:
            raise InputError(f"a camera's pose turns without scaling or mirroring, got {turn.tolist()}")
        across, down = focal if isinstance(focal, tuple) else (focal, focal)
        positive(focal=across, width=size[0], height=size[1])
        positive(focal=down)
        centre = (size[0] / 2, size[1] / 2) if centre is None else centre
        if not all(map(math.isfinite, centre)):
            raise InputError(f"a camera's principal point is finite, got {centre}")
        parts = {"pose": pose[:3], "focal": (float(across), float(down)), "size": size, "centre": centre, "lens": lens}
        for name, part in parts.items():
            object.__setattr__(self, name, part)

    @classmethod
    def of(cls, photo: Posed) -> "Camera":
        """The camera of a photo, whose lens is told as the arguments of ``Lens``; a pinhole if that changes nothing."""
        lens = None if photo.lens is None else Lens(*photo.lens)
        bends = lens is not None and lens.bends
        return cls(torch.as_tensor(photo.pose), photo.focal, photo.size, photo.centre, lens if bends else None)

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
        """The rays [n] through points of the picture, given in pixel coordinates [n, 2]; in float64, then rounded.

        The direction is NaN where the lens lets light from nowhere reach that point.
        """
        plane = (pixels.double() - self._row(self.centre, pixels)) / self._row(self.focal, pixels)
        if self.lens is None:
            ahead = torch.cat([plane, torch.ones_like(plane[:, :1])], -1)
            direction = torch.nn.functional.normalize(ahead @ self._ahead(pixels), dim=-1)
        else:
            direction = self.lens.undistort(plane) @ self._ahead(pixels)
        origin = self.eye.to(pixels.device, dtype).expand(len(pixels), 3)
        return Rays(origin, direction.to(dtype))

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Where points [n, 3] of the world are seen, inside the picture or outside: the inverse of ``rays``.

        Returns:
            Pixel coordinates [n, 2], NaN for points behind the camera or beyond what its lens shows; and the points'
            distances [n] from the camera's place, which are the depths along its rays. Computed in float64, then in
            the points' dtype.
        """
        away = points.double() - self.eye.to(points.device)
        direction = away @ self._ahead(points).T
        if self.lens is None:
            z = direction[:, 2:]
            plane = direction[:, :2] / torch.where(z > 0, z, torch.nan)
        else:
            plane = self.lens.distort(direction)
        pixels = plane * self._row(self.focal, points) + self._row(self.centre, points)
        return pixels.to(points), away.norm(dim=-1).to(points)

    def differentials(self, pixels: Tensor, *, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """How much the rays' directions change from a pixel to the next, to the right and downwards: [n, 3] each.

        Central differences over one pixel (Igehy, Tracing Ray Differentials, SIGGRAPH 1999).
        """

        def change(across: float, down: float) -> Tensor:
            half = self._row((across / 2, down / 2), pixels)
            after, before = (
                self.rays(pixels.double() + shift, dtype=torch.float64).direction for shift in (half, -half)
            )
            return (after - before).to(dtype)

        return change(1, 0), change(0, 1)

    def scaled(self, factor: float) -> "Camera":
        """The camera of the same picture at another resolution; the size is rounded, the view stays the same.

        Raises:
            InputError: nothing would be left of the picture, or the factor is not finite.
        """
        positive(factor=factor)
        width, height = (round(length * factor) for length in self.size)
        return self.resized((width, height))

    def resized(self, size: tuple[int, int]) -> "Camera":
        """The camera of the same picture with this (width, height): pixels get another size, the view stays the same.

        Raises:
            InputError: the size is not positive.
        """
        positive(width=size[0], height=size[1])
        (fx, fy), (cx, cy) = self.focal, self.centre
        x, y = (after / before for after, before in zip(size, self.size, strict=True))
        return Camera(self.pose, (fx * x, fy * y), size, (cx * x, cy * y), self.lens)

    def in_box(self, frame: Frame) -> "Camera":
        """The camera in the box coordinates of a frame, so that its rays are, too.

        Raises:
            InputError: the frame's matrix is not a rotation times one scale: pictures would be sheared.
        """
        turn = torch.linalg.inv(torch.tensor(frame.matrix, dtype=torch.float64)) * frame.scale
        eye = frame.to_box(self.eye[None])[0]
        return Camera(
            torch.cat([turn @ self.pose[:, :3], eye[:, None]], 1), self.focal, self.size, self.centre, self.lens
        )

    def _ahead(self, like: Tensor) -> Tensor:
        """Rows: what is right, below and ahead, in world coordinates, [3, 3] float64."""
        return (self.axes * torch.tensor([[1.0], [-1.0], [-1.0]])).to(like.device)

    @staticmethod
    def _row(pair: Pair, like: Tensor) -> Tensor:
        return torch.tensor(pair, dtype=torch.float64, device=like.device)


class Cameras:
    """Many cameras, for rays through points of different pictures at once.

    Attributes:
        each: the cameras one by one.
        pose: [v, 3, 4] float64, as for ``Camera``.
        focal: [v, 2] float64.
        centre: [v, 2] float64.
        size: [v, 2] int64.
        planes, turns: [v, 2, 2] and [v, 3, 3] float64, as ``through_pinholes`` takes them.
        pinholes: whether no camera has a lens.

    Args:
        cameras: at least one.

    Raises:
        InputError: there are none.
    """

    def __init__(self, cameras: Sequence[Camera]):
        if not cameras:
            raise InputError("there is no camera among the 0 given: give at least one")
        self.each = tuple(cameras)
        self.pose = torch.stack([camera.pose for camera in cameras])
        self.focal = torch.tensor([camera.focal for camera in cameras], dtype=torch.float64)
        self.centre = torch.tensor([camera.centre for camera in cameras], dtype=torch.float64)
        self.size = torch.tensor([camera.size for camera in cameras], dtype=torch.int64)
        self.planes = torch.stack([1 / self.focal, -self.centre / self.focal], 1)
        self.turns = self.pose[:, :, :3] * torch.tensor([1.0, -1.0, -1.0])
        lenses = list(dict.fromkeys(camera.lens for camera in cameras))
        number = {lens: k for k, lens in enumerate(lenses)}
        self.pinholes = lenses == [None]
        self._lenses = LensTable(lenses)
        self._lens = torch.tensor([number[camera.lens] for camera in cameras])

    def __len__(self) -> int:
        return len(self.each)

    def __getitem__(self, view: int) -> Camera:
        return self.each[view]

    def in_box(self, frame: Frame) -> "Cameras":
        """All of them as ``Camera.in_box`` gives them."""
        return Cameras([camera.in_box(frame) for camera in self.each])

    def rays(self, view: Tensor, pixels: Tensor, *, dtype: torch.dtype = torch.float32) -> Rays:
        """The rays [n] through the points ``pixels`` [n, 2] of the pictures ``view`` [n], as ``Camera.rays`` has them.

        The result is on the pixels' device.
        """
        device = pixels.device
        place, pose = pixels.double(), self.pose.to(device)[view]
        planes, turns = self.planes.to(device)[view], self.turns.to(device)[view]
        if self.pinholes:
            direction = through_pinholes(place, planes, turns)
        else:
            plane = place * planes[:, 0] + planes[:, 1]
            local = self._lenses.undistort(plane, self._lens.to(device)[view])
            direction = (turns * local[:, None]).sum(-1)
        return Rays(pose[:, :, 3].to(dtype), direction.to(dtype))


def through_pinholes(pixels: Tensor, planes: Tensor, turns: Tensor) -> Tensor:
    """Directions [n, 3] of length one in which pinhole cameras see pixel coordinates [n, 2], in float64.

    Args:
        pixels: [n, 2], across and down.
        planes: [n, 2, 2], what these are multiplied with and what is then added, for places in the plane ahead.
        turns: [n, 3, 3], columns: what is right, below and ahead.
    """
    # One operation after the other: fused ones would round otherwise, on some machines.
    x, y = (pixels * planes[:, 0] + planes[:, 1])[:, :, None].unbind(1)
    right, below, ahead = turns.unbind(-1)
    direction = ahead + right * x + below * y
    a, b, c = direction.unbind(-1)
    return direction / (a * a + b * b + c * c).sqrt()[:, None]


def _focal(fov: float, size: tuple[int, int]) -> float:
    if not 0 < fov < 180:
        raise InputError(f"a camera's field of view is between 0 and 180 degrees, got {fov}")
    return size[1] / 2 / math.tan(math.radians(fov) / 2)
