"""What cameras look at, and the frames that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Gaze:
    """What cameras look at, in the world.

    Attributes:
        meeting: the point nearest to all optical axes in the mean of squares, [3] float64; None where they are almost
            parallel, or there is one camera.
        middle: of what they look at, [3] float64: the meeting point where most have it before them; where they look
            outwards the middle of their places; else a point ahead.
        away: how far off a frame around the middle reaches: to the farthest of cameras that look at it; four times as
            far as they are apart where they look outwards; to the middle, or as far as they are apart, where it is
            ahead; 0 where nothing tells it, and then ``middle`` is that of their places.
    """

    meeting: Tensor | None
    middle: Tensor
    away: float


def gaze(cameras: Sequence[Camera], depths: Depths | None = None, *, least: float = _MEETING) -> Gaze:
    """What cameras look at.

    Args:
        cameras: one or more.
        depths: of the nearest and the farthest thing in the pictures, in the world's unit, where they are known; else
            parallel cameras see things four times as far off as they are apart.
        least: mean squared sine between the axes from which on they tell where they meet. A frame wants much: one
            around a wrong point cannot be mended.
    """
    eyes, behind = (torch.stack(rows) for rows in zip(*((c.eye, c.axes[2]) for c in cameras), strict=True))
    place = eyes.mean(0)
    spread = float((eyes - place).norm(dim=-1).max())
    spread = spread if spread > _ROUNDING * float(eyes.abs().max()) else 0.0
    point, certainty = _nearest(eyes, behind)
    meeting = point if certainty >= least else None
    if meeting is not None:
        before = ((eyes - meeting) * behind).sum(-1) > 0
        if 2 * int(before.sum()) > len(eyes):
            return Gaze(meeting, meeting, float((eyes - meeting).norm(dim=-1).max()))
        if spread > 0:
            return Gaze(meeting, place, _AWAY * spread)
    away = 2 / (1 / depths[0] + 1 / depths[1]) if depths else _AWAY * spread
    ahead = torch.nn.functional.normalize(-behind.mean(0), dim=0)
    return Gaze(meeting, place + away * ahead, max(away, spread))


def _nearest(place: Tensor, axis: Tensor) -> tuple[Tensor, float]:
    """The point [3] nearest to lines through places [n, 3] along axes [n, 3] of length one, and how well they tell it.

    That is the mean squared sine of the angles between the axes and the direction most like them, from 0, where all are
    parallel and a whole line is as near, to 2/3.
    """
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
        cameras, depths: as for ``gaze``.

    Raises:
        InputError: all pictures are from one place and there are no depths: nothing tells how far things are.
    """
    return _cube(*_in_view(cameras, depths))


def cube_in_view(cameras: Sequence[Camera], depths: Depths | None = None) -> Frame:
    """The cube around what cameras look at, a tenth wider than the widest of their pictures is there.

    Args and Raises: as for ``open_frame``.
    """
    centre, away = _in_view(cameras, depths)
    widest = max(
        size / (2 * focal) for camera in cameras for size, focal in zip(camera.size, camera.focal, strict=True)
    )
    return _cube(centre, away * widest * _MARGIN)


def _in_view(cameras: Sequence[Camera], depths: Depths | None) -> tuple[Tensor, float]:
    """Where the middle of a scene is, [3], and how far the cameras are from it."""
    found = gaze(cameras, depths)
    if not found.away > 0:
        one = "there is a single picture" if len(cameras) == 1 else f"all {len(cameras)} pictures are from one place"
        raise InputError(f"{one}, so nothing tells how far things are: pictures from several places work")
    return found.middle, found.away


def _cube(centre: Tensor, half: float) -> Frame:
    return Frame.of_box((centre - half).tolist(), (centre + half).tolist())
