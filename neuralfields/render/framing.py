"""Where to stand to see a shape."""

from collections.abc import Sequence

import torch
from torch import Tensor

from neuralfields.geometry import Camera
from neuralfields.render.surface import Surface

_LATTICE = 48  # points per axis that look for the shape's extent
_MARGIN = 0.86  # of the picture that the shape fills


def framed(
    surface: Surface,
    azimuth: float = 30.0,
    elevation: float = 20.0,
    *,
    distance: float | None = None,
    up: str = "y",
    fov: float = 30.0,
    size: tuple[int, int] = (800, 800),
) -> Camera:
    """A camera that has all of the shape in its picture.

    Args:
        surface: what is looked at: the middle of its extent.
        azimuth: degrees, see ``Camera.orbit``, as the other arguments.
        elevation: degrees.
        distance: from the middle of the shape; by default as near as possible.
        up: "y" or "z".
        fov: degrees.
        size: of the picture.

    Raises:
        InputError: as for ``Camera.orbit``.
    """
    return around(extent(surface), [azimuth], elevation, distance=distance, up=up, fov=fov, size=size)[0]


def around(
    points: Tensor,
    azimuths: Sequence[float],
    elevation: float = 20.0,
    *,
    distance: float | None = None,
    up: str = "y",
    fov: float = 30.0,
    size: tuple[int, int] = (800, 800),
) -> list[Camera]:
    """Cameras as of ``framed``, one for each azimuth, all at one distance, from which each has all points [n, 3]."""
    cameras = [Camera.orbit(a, elevation, 1.0, up=up, fov=fov, size=size) for a in azimuths]
    middle = (points.amin(0) + points.amax(0)) / 2
    if distance is None:
        distance = max(_distance(camera, points - middle) for camera in cameras)
    x, y, z = middle.tolist()
    return [Camera.orbit(a, elevation, distance, target=(x, y, z), up=up, fov=fov, size=size) for a in azimuths]


def extent(surface: Surface) -> Tensor:
    """Points [n, 3] float64 of a lattice that lie in the shape or near it; the box's corners where there is none."""
    axis = (torch.arange(_LATTICE) * 2 + 1) / _LATTICE - 1
    points = torch.cartesian_prod(axis, axis, axis)
    values = surface.values(points.to(surface.like)).cpu()
    points = points[values < (1 / _LATTICE if surface.metric else 0)]
    return points.double() if len(points) else torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3).double()


def reach(points: Tensor, cameras: Sequence[Camera]) -> tuple[float, float]:
    """The nearest and the farthest that any of the points [n, 3] is from any of the cameras."""
    found = torch.stack([(points - camera.eye).norm(dim=1) for camera in cameras])
    return float(found.min()), float(found.max())


def _distance(camera: Camera, points: Tensor) -> float:
    """How far from the origin this camera has to be for all points [n, 3] to be in its picture."""
    right, above, behind = (points @ camera.axes.T).unbind(-1)
    spans = [length / 2 / focal * _MARGIN for length, focal in zip(camera.size, camera.focal, strict=True)]
    away = torch.maximum(right.abs() / spans[0], above.abs() / spans[1])
    return float((behind + away).amax().clamp(min=1e-3))
