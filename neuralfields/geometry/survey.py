"""What many cameras do together: where they look, how far it is, what is odd about them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields.geometry.cameras import Camera, Cameras
from neuralfields.geometry.focus import nearest_to_lines

_PARALLEL = 1e-3  # the share of a step along the axes that leaves them: below it they meet nowhere
_FAR_OFF = 6.0  # times the median distance from the others' middle
_BORDER = 9  # places along each side of a picture


@dataclass(frozen=True, eq=False)
class Survey:
    """What ``survey`` finds; lengths are in the world's units, angles in degrees.

    Attributes:
        middle: the mean of the cameras' places, [3] float64.
        up: the mean of what is up in their pictures, [3] float64 of length one.
        extent: the sides of the box around their places.
        focus: the point nearest to all axes, [3] float64; None where they are parallel, or there is one camera.
        distance: of the cameras from the focus: least, mean, most.
        off_axis: the mean angle between a camera's axis and the direction to the focus.
        spread: the angle between the two axes that differ most.
        field_of_view: across and down, the mean of all cameras.
        duplicates: pairs of cameras at one place with one direction, the first of them with each of the others.
        outwards: cameras that have the focus behind them.
        far_off: cameras far from all others.
        dark: cameras whose lens lets no light reach some of the picture.
    """

    middle: Tensor
    up: Tensor
    extent: tuple[float, float, float]
    focus: Tensor | None
    distance: tuple[float, float, float] | None
    off_axis: float | None
    spread: float
    field_of_view: tuple[float, float]
    duplicates: tuple[tuple[int, int], ...]
    outwards: tuple[int, ...]
    far_off: tuple[int, ...]
    dark: tuple[int, ...]


def survey(cameras: Cameras) -> Survey:
    """Look at cameras from outside."""
    place, axis = cameras.pose[:, :, 3], -cameras.pose[:, :, 2]
    up = torch.nn.functional.normalize(cameras.pose[:, :, 1].mean(0), dim=0)
    focus = meeting_point(place, axis)
    extent = place.amax(0) - place.amin(0)
    distance = off_axis = None
    outwards: list[int] = []
    if focus is not None:
        away = focus - place
        lengths = away.norm(dim=1)
        distance = float(lengths.min()), float(lengths.mean()), float(lengths.max())
        ahead = (away * axis).sum(1)
        angles = torch.atan2(torch.linalg.cross(away, axis).norm(dim=1), ahead)
        off_axis, outwards = math.degrees(float(angles.mean())), _where(ahead < 0)
    return Survey(
        middle=place.mean(0),
        up=up,
        extent=(float(extent[0]), float(extent[1]), float(extent[2])),
        focus=focus,
        distance=distance,
        off_axis=off_axis,
        spread=_spread(axis),
        field_of_view=_field_of_view(cameras),
        duplicates=_duplicates(cameras),
        outwards=tuple(outwards),
        far_off=tuple(_far_off(place)),
        dark=tuple(_dark(cameras)),
    )


def meeting_point(place: Tensor, axis: Tensor) -> Tensor | None:
    """The point [3] nearest, in the sense of least squares, to the lines from places [n, 3] along axes [n, 3].

    None where the lines are parallel, so that there is no such point.
    """
    point, certainty = nearest_to_lines(place, axis)
    return None if certainty < _PARALLEL else point


def view_angles(camera: Camera) -> tuple[float, float]:
    """The angles in degrees that a picture spans from left to right and from top to bottom, through its middle."""
    width, height = camera.size
    ends = torch.tensor([[0, height / 2], [width, height / 2], [width / 2, 0], [width / 2, height]])
    left, right, top, bottom = camera.rays(ends, dtype=torch.float64).direction
    return _angle(left, right), _angle(top, bottom)


def _angle(a: Tensor, b: Tensor) -> float:
    return math.degrees(2 * math.atan2(float((a - b).norm()), float((a + b).norm())))


def _field_of_view(cameras: Cameras) -> tuple[float, float]:
    across, down = zip(*(view_angles(camera) for camera in _kinds(cameras)), strict=True)
    return sum(across) / len(across), sum(down) / len(down)


def _kinds(cameras: Cameras) -> list[Camera]:
    """A camera of each kind, whatever their poses."""
    kinds = {(c.focal, c.size, c.centre, c.lens): c for c in (cameras[k] for k in range(len(cameras)))}
    return list(kinds.values())


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
    if all(cameras[k].lens is None for k in range(len(cameras))):
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
    some: Sequence[Camera] = [cameras[k] for k in range(0, len(cameras), max(1, len(cameras) // most))]
    shares = []
    for camera in some:
        pixels, _ = camera.project(points)
        inside = (pixels > 0).all(1) & (pixels < torch.tensor(camera.size)).all(1)
        shares.append(float(inside.double().mean()))
    return sum(shares) / len(shares)
