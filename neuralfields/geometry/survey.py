"""What many cameras do together: where they look, how far it is, what is odd about them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields.geometry.cameras import Camera, Cameras
from neuralfields.geometry.focus import gaze

_MEETING = 1e-3  # smallest mean squared sine between axes that tells where they meet: about 2 degrees
_FAR_OFF = 6.0  # times the median distance from the others' middle
_BORDER, _LINE = 9, 65  # places along each side of a picture, and through its middle


@dataclass(frozen=True, eq=False)
class Survey:
    """What ``survey`` finds; lengths are in the world's units, angles in degrees.

    Attributes:
        up: the mean of what is up in their pictures, [3] float64 of length one.
        extent: the sides of the box around their places.
        focus: where their axes meet, see ``Gaze.meeting``.
        distance: of the cameras from the focus: least, mean, most.
        off_axis: the mean angle between a camera's axis and the direction to the focus.
        spread: the angle between the two axes that differ most.
        angles: of view, across and down, [v, 2] float64.
        duplicates: pairs of cameras at one place with one direction, the first of them with each of the others.
        outwards: cameras that have the focus behind them.
        far_off: cameras far from all others.
        dark: cameras whose lens lets no light reach some of the picture.
    """

    up: Tensor
    extent: tuple[float, float, float]
    focus: Tensor | None
    distance: tuple[float, float, float] | None
    off_axis: float | None
    spread: float
    angles: Tensor
    duplicates: tuple[tuple[int, int], ...]
    outwards: tuple[int, ...]
    far_off: tuple[int, ...]
    dark: tuple[int, ...]


def survey(cameras: Cameras) -> Survey:
    """Look at cameras from outside."""
    place, axis = cameras.pose[:, :, 3], -cameras.pose[:, :, 2]
    up = torch.nn.functional.normalize(cameras.pose[:, :, 1].mean(0), dim=0)
    meeting = gaze(cameras.each, least=_MEETING).meeting
    extent = place.amax(0) - place.amin(0)
    distance = off_axis = None
    outwards: list[int] = []
    if meeting is not None:
        away = meeting - place
        lengths = away.norm(dim=1)
        distance = float(lengths.min()), float(lengths.mean()), float(lengths.max())
        ahead = (away * axis).sum(1)
        angles = torch.atan2(torch.linalg.cross(away, axis).norm(dim=1), ahead)
        off_axis, outwards = math.degrees(float(angles.mean())), _where(ahead < 0)
    return Survey(
        up=up,
        extent=(float(extent[0]), float(extent[1]), float(extent[2])),
        focus=meeting,
        distance=distance,
        off_axis=off_axis,
        spread=_spread(axis),
        angles=_angles(cameras),
        duplicates=_duplicates(cameras),
        outwards=tuple(outwards),
        far_off=tuple(_far_off(place)),
        dark=tuple(_dark(cameras)),
    )


def view_angles(camera: Camera) -> tuple[float, float]:
    """The angles in degrees that a picture spans from left to right and from top to bottom, through its middle.

    Where the lens lets no light reach the border, those of what is lit.
    """
    width, height = camera.size
    t = torch.linspace(0, 1, _LINE, dtype=torch.float64)
    half = torch.full_like(t, 0.5)
    across, down = torch.stack([t * width, half * height], 1), torch.stack([half * width, t * height], 1)
    return _span(camera, across), _span(camera, down)


def _span(camera: Camera, line: Tensor) -> float:
    """The sum of the angles in degrees between rays through places [n, 2] one after the other."""
    ray = camera.rays(line, dtype=torch.float64).direction
    ray = ray[~ray.isnan().any(1)]
    before, after = ray[:-1], ray[1:]
    angles = 2 * torch.atan2((after - before).norm(dim=1), (after + before).norm(dim=1))
    return math.degrees(float(angles.sum()))


def _angles(cameras: Cameras) -> Tensor:
    """Those of all cameras; of those that differ in their poses alone they are computed once."""
    known: dict[tuple[object, ...], tuple[float, float]] = {}
    rows = []
    for camera in cameras.each:
        kind = camera.focal, camera.size, camera.centre, camera.lens
        if kind not in known:
            known[kind] = view_angles(camera)
        rows.append(known[kind])
    return torch.tensor(rows, dtype=torch.float64)


def _spread(axis: Tensor) -> float:
    """The largest angle between two axes; of thousands, between any and some of them."""
    some = axis[:: max(1, len(axis) // 1000)]
    return math.degrees(math.acos(max(-1.0, min(1.0, float((axis @ some.T).min())))))


def _duplicates(cameras: Cameras) -> tuple[tuple[int, int], ...]:
    place = cameras.pose[:, :, 3]
    unit = float((place.amax(0) - place.amin(0)).max()) or 1.0
    rounded = torch.cat([place / unit, cameras.pose[:, :, 2], cameras.pose[:, :, 1]], 1).mul(1e6).round()
    first: dict[tuple[float, ...], int] = {}
    found = [(first.setdefault(tuple(row), k), k) for k, row in enumerate(rounded.tolist())]
    return tuple((a, b) for a, b in found if a != b)


def _far_off(place: Tensor) -> list[int]:
    distance = (place - place.median(0).values).norm(dim=1)
    return _where(distance > _FAR_OFF * distance.median()) if float(distance.median()) > 0 else []


def _dark(cameras: Cameras) -> list[int]:
    """Cameras with NaN among the rays along the picture's border."""
    if all(camera.lens is None for camera in cameras.each):
        return []
    t = torch.linspace(0, 1, _BORDER, dtype=torch.float64)
    zero, one = torch.zeros_like(t), torch.ones_like(t)
    border = torch.cat([torch.stack(pair, 1) for pair in ((t, zero), (t, one), (zero, t), (one, t))])
    view = torch.arange(len(cameras)).repeat_interleave(len(border))
    pixels = border.repeat(len(cameras), 1) * (cameras.size[view] - 1) + 0.5
    bad = cameras.rays(view, pixels).direction.isnan().any(1).reshape(len(cameras), -1).any(1)
    return _where(bad)


def _where(mask: Tensor) -> list[int]:
    return mask.nonzero()[:, 0].tolist()


def share_seen(cameras: Cameras, points: Tensor, *, most: int = 64) -> float:
    """The mean share of points [k, 3] that are inside a picture, over at most so many of the cameras."""
    shares = []
    for camera in cameras.each[:: max(1, len(cameras) // most)]:
        pixels, _ = camera.project(points)
        inside = (pixels > 0).all(1) & (pixels < torch.tensor(camera.size)).all(1)
        shares.append(float(inside.double().mean()))
    return sum(shares) / len(shares)
