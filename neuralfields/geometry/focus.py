"""What cameras look at, and the frames that follow from it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.geometry.cameras import Camera
from neuralfields.geometry.frame import Frame

_MEETING = 0.01  # smallest mean squared sine between axes that tells where they meet: about 6 degrees
_MARGIN = 1.1  # of the cube in view
_AWAY = 4.0  # how far off things are where nothing tells it, in units of how far the cameras are apart
_ROUNDING = 1e-12  # of coordinates

Depths = tuple[float, float]


def focus(cameras: Sequence[Camera]) -> tuple[Tensor, float]:
    """The point nearest to all optical axes in the mean of squares, and how well they tell it.

    Returns:
        The point [3] float64, in the world; and the mean squared sine of the angles between the axes and the direction
        most like them, from 0, where all are parallel and a whole line is as near, to 2/3.
    """
    return nearest_to_lines(_eyes(cameras), torch.stack([camera.axes[2] for camera in cameras]))


def nearest_to_lines(place: Tensor, axis: Tensor) -> tuple[Tensor, float]:
    """As ``focus``, of lines through places [n, 3] along axes [n, 3] of length one."""
    across = torch.eye(3, dtype=axis.dtype) - axis[:, :, None] * axis[:, None]
    mean, middle = across.mean(0), place.mean(0)
    # Seen from the middle of the places, so that of a line of points the nearest is taken.
    goal = (across @ (place - middle)[:, :, None]).mean(0)[:, 0]
    point = middle + torch.linalg.pinv(mean, hermitian=True, rtol=1e-9) @ goal
    return point, float(torch.linalg.eigvalsh(mean)[0].clamp(min=0))


def open_frame(cameras: Sequence[Camera], depths: Depths | None = None) -> Frame:
    """The frame of a scene without bounds: what matters is in its unit ball, the rest beyond it, to be contracted.

    Around cameras that look at one thing the centre is the point nearest to their axes and the farthest of them is on
    the unit sphere, as in mip-NeRF 360. Where the axes are almost parallel the centre lies ahead, at the harmonic mean
    of the depths, and the cameras are near the unit sphere too. Of cameras that look outwards the centre is their
    middle, and they are within a quarter of the ball.

    Args:
        cameras: one or more.
        depths: of the nearest and the farthest thing in the pictures, in the world's unit, where they are known; else
            parallel cameras see things four times as far off as they are apart.

    Raises:
        InputError: all pictures are from one place and there are no depths: nothing tells how far things are.
    """
    return _cube(*_surroundings(cameras, depths))


def cube_in_view(cameras: Sequence[Camera], depths: Depths | None = None) -> Frame:
    """The cube around what cameras look at, a tenth wider than the widest of their pictures is there.

    Args and Raises: as for ``open_frame``.
    """
    centre, away = _surroundings(cameras, depths)
    widest = max(
        size / (2 * focal) for camera in cameras for size, focal in zip(camera.size, camera.focal, strict=True)
    )
    return _cube(centre, away * widest * _MARGIN)


def _surroundings(cameras: Sequence[Camera], depths: Depths | None) -> tuple[Tensor, float]:
    """Where the middle of a scene is, [3], and how far the cameras are from what they look at."""
    eyes = _eyes(cameras)
    middle = eyes.mean(0)
    spread = float((eyes - middle).norm(dim=-1).max())
    spread = spread if spread > _ROUNDING * float(eyes.abs().max()) else 0.0
    point, certainty = focus(cameras)
    if certainty >= _MEETING and _ahead(cameras, point):
        return point, float((eyes - point).norm(dim=-1).max())
    if certainty >= _MEETING and spread > 0:
        return middle, _AWAY * spread
    away = 2 / (1 / depths[0] + 1 / depths[1]) if depths else _AWAY * spread
    if not away > 0:
        one = "there is a single picture" if len(cameras) == 1 else f"all {len(cameras)} pictures are from one place"
        raise InputError(f"{one}, so nothing tells how far things are: pictures from several places work")
    ahead = -torch.stack([camera.axes[2] for camera in cameras]).mean(0)
    return middle + away * torch.nn.functional.normalize(ahead, dim=0), max(away, spread)


def _ahead(cameras: Sequence[Camera], point: Tensor) -> bool:
    """Whether most cameras have the point before them."""
    return sum(float((camera.eye - point) @ camera.axes[2]) > 0 for camera in cameras) > len(cameras) / 2


def _eyes(cameras: Sequence[Camera]) -> Tensor:
    return torch.stack([camera.eye for camera in cameras])


def _cube(centre: Tensor, half: float) -> Frame:
    return Frame.of_box((centre - half).tolist(), (centre + half).tolist())
