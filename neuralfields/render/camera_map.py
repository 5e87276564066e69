"""A map of cameras: from above and from the side, drawn with Pillow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from neuralfields.geometry import Cameras

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

Colour = tuple[int, int, int]
_SMOOTH = 2  # pixels drawn for one of the picture, along each axis
_PANEL, _MARGIN, _HEAD, _FOOT = 700, 28, 34, 46
_PYRAMID, _BESIDE = 0.12, 0.3  # of half the width, and of the cameras' median distance: a pyramid is no longer
_INK, _GREY, _EDGE = (30, 30, 30), (120, 120, 120), (215, 215, 215)
_AXES = (("x", (200, 50, 40)), ("y", (40, 150, 60)), ("z", (40, 90, 200)))
_HUES: tuple[Colour, ...] = ((31, 95, 191), (200, 60, 30), (170, 30, 190), (230, 140, 0))
_PLAIN = 1000  # cameras, from which on each is a dot with a line
_POINTS = 20_000


class CameraGroup(NamedTuple):
    """Cameras of one colour in a map: what the legend calls them, and their numbers."""

    name: str
    views: Sequence[int]


def camera_map(
    cameras: Cameras,
    groups: Sequence[CameraGroup],
    *,
    up: Tensor,
    focus: Tensor | None = None,
    points: Tensor | None = None,
    colours: np.ndarray | None = None,
    title: str = "",
) -> np.ndarray:
    """Draw where cameras are, from above and from the side, at one scale without perspective.

    A camera is a pyramid from its place to its picture, whose upper edge is thick. The axes of the world begin at its
    origin, where that is near; a cross is the point that the cameras look at.

    Args:
        cameras: all of them.
        groups: those that are drawn, later ones over earlier ones; up to four.
        up: what is upwards in the map, [3].
        focus: the place of the cross, [3].
        points: of the scene, [k, 3]; at most 20,000 of them are drawn, and those far off are not.
        colours: of the points, [k, 3] uint8.
        title: above the map.

    Returns:
        [height, width, 3] uint8.
    """
    from PIL import Image, ImageDraw

    frame = _Frame.of(cameras, up, focus)
    size = 2 * _PANEL, _HEAD + _PANEL + _FOOT
    sheet = Image.new("RGB", (size[0] * _SMOOTH, size[1] * _SMOOTH), "white")
    draw = ImageDraw.Draw(sheet)
    some = slice(None, None, max(1, -(-len(points) // _POINTS))) if points is not None else slice(None)
    for number, (words, rows) in enumerate((("from above", (0, 1)), ("from the side", (1, 2)))):
        panel = _Panel(draw, frame, number, rows)
        if points is not None:
            panel.points(points[some], None if colours is None else colours[some])
        panel.axes()
        for hue, group in zip(_HUES, groups, strict=False):
            panel.cameras(cameras, group.views, hue)
        if focus is not None:
            panel.cross(focus)
        panel.border(words)
    _legend(draw, size, groups, frame, title)
    return np.asarray(sheet.resize(size, Image.Resampling.BOX))


@dataclass(frozen=True)
class _Frame:
    """What the map shows: three directions as rows (right, ahead, up), its middle and half its width in them.

    A camera's pyramid has one length for all of them.
    """

    axes: Tensor
    middle: Tensor
    half: float
    pyramid: float

    @classmethod
    def of(cls, cameras: Cameras, up: Tensor, focus: Tensor | None) -> "_Frame":
        places = cameras.pose[:, :, 3]
        axes = _directions(cameras, up.double())
        shown = torch.cat([places, focus[None]]) if focus is not None else places
        local = shown @ axes.T
        low, high = local.amin(0), local.amax(0)
        half = float((high - low).max()) / 2 or 1.0
        apart = float((places - places.median(0).values).norm(dim=1).median())
        pyramid = min(_PYRAMID * half, _BESIDE * apart or math.inf)
        return cls(axes, (low + high) / 2, half + pyramid, pyramid)

    @property
    def scale(self) -> float:
        """Pixels of the picture for a unit of the world."""
        return (_PANEL / 2 - _MARGIN) / self.half

    @property
    def bar(self) -> float:
        """A round length, about a fifth of the width."""
        power = 10.0 ** math.floor(math.log10(0.4 * self.half))
        return max(step * power for step in (1, 2, 5) if step * power <= 0.4 * self.half)


def _directions(cameras: Cameras, up: Tensor) -> Tensor:
    """Right, ahead and up [3, 3]: ahead is where the cameras look, or, if that differs, where they are spread most."""
    level = torch.eye(3, dtype=torch.float64) - up[:, None] * up
    look = level @ -cameras.pose[:, :, 2].mean(0)
    if float(look.norm()) < 0.3:
        places = (cameras.pose[:, :, 3] - cameras.pose[:, :, 3].mean(0)) @ level
        spread = places.T @ places + 1e-12 * level
        look = torch.linalg.eigh(spread)[1][:, -1]
    ahead = torch.nn.functional.normalize(look, dim=0)
    return torch.stack([torch.linalg.cross(ahead, up), ahead, up])


class _Panel:
    """One of the two views; ``rows`` are the directions that go to the right and upwards in it."""

    def __init__(self, draw: "ImageDraw.ImageDraw", frame: _Frame, number: int, rows: tuple[int, int]):
        self._draw, self._frame, self._rows = draw, frame, list(rows)
        self._left = number * _PANEL

    def place(self, points: Tensor) -> np.ndarray:
        """Pixels [n, 2] of points [n, 3] of the world."""
        local = (points.double() @ self._frame.axes.T - self._frame.middle)[:, self._rows]
        middle = torch.tensor([self._left + _PANEL / 2, _HEAD + _PANEL / 2], dtype=torch.float64)
        return ((middle + local * torch.tensor([1.0, -1.0]) * self._frame.scale) * _SMOOTH).numpy()

    def points(self, points: Tensor, colours: np.ndarray | None) -> None:
        places = self.place(points)
        low = np.array([self._left, _HEAD]) * _SMOOTH
        inside = ((places > low) & (places < low + _PANEL * _SMOOTH)).all(1)
        hues = np.full((len(places), 3), 170, np.uint8) if colours is None else colours
        for (x, y), hue in zip(places[inside].tolist(), hues[inside].tolist(), strict=True):
            self._draw.rectangle([x - 1, y - 1, x + 1, y + 1], tuple(hue))

    def axes(self) -> None:
        """The world's, from its origin."""
        ends = self.place(torch.cat([torch.zeros(1, 3), torch.eye(3) * self._frame.half * 0.2]))
        if not self._shows(ends[0]):
            return
        for (name, hue), end in zip(_AXES, ends[1:], strict=True):
            self._line([ends[0], end], hue, 2)
            if np.abs(end - ends[0]).max() > 8 * _SMOOTH:
                self._draw.text(tuple(end), name, hue, _font(12), anchor="mm", stroke_width=2, stroke_fill="white")

    def cameras(self, cameras: Cameras, views: Sequence[int], hue: Colour) -> None:
        if not len(views):
            return
        tips = _pyramids(cameras, torch.as_tensor(list(views)), self._frame.pyramid)
        places = self.place(tips.reshape(-1, 3)).reshape(len(views), 5, 2)
        for eye, *corners in places:
            if len(views) > _PLAIN:
                self._line([eye, np.mean(corners, 0)], hue, 1)
                continue
            for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
                self._line([eye, start], hue, 1)
                self._line([start, end], hue, 1)
            self._line(corners[:2], hue, 3)

    def cross(self, point: Tensor) -> None:
        x, y = self.place(point[None])[0]
        reach = 7 * _SMOOTH
        self._line([(x - reach, y), (x + reach, y)], _INK, 2)
        self._line([(x, y - reach), (x, y + reach)], _INK, 2)

    def border(self, words: str) -> None:
        box = [self._left, _HEAD, self._left + _PANEL - 1, _HEAD + _PANEL - 1]
        self._draw.rectangle([side * _SMOOTH for side in box], outline=_EDGE, width=_SMOOTH)
        at = (self._left + 10) * _SMOOTH, (_HEAD + 8) * _SMOOTH
        self._draw.text(at, words, _GREY, _font(14))

    def _shows(self, place: np.ndarray) -> bool:
        x, y = place / _SMOOTH
        return bool(self._left < x < self._left + _PANEL and _HEAD < y < _HEAD + _PANEL)

    def _line(self, points: Sequence[Sequence[float] | np.ndarray], hue: Colour, width: int) -> None:
        self._draw.line([(float(x), float(y)) for x, y in points], hue, width * _SMOOTH // 2 or 1)


def _pyramids(cameras: Cameras, views: Tensor, length: float) -> Tensor:
    """The tip and the corners [n, 5, 3] of cameras' pyramids, from the upper left corner on, clockwise in the picture.

    Corners that no light reaches are a bit nearer to the middle.
    """
    size = cameras.size[views].double()
    ahead = -cameras.pose[views, :, 2]
    eye = cameras.pose[views, :, 3]
    corners = []
    for unit in ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)):
        direction = torch.full_like(eye, torch.nan)
        for share in (1.0, 0.9, 0.7, 0.4):
            pixels = size * ((torch.tensor(unit, dtype=torch.float64) - 0.5) * share + 0.5)
            found = cameras.rays(views, pixels, dtype=torch.float64).direction
            direction = torch.where(direction.isnan(), found, direction)
        along = (direction * ahead).sum(1, keepdim=True).clamp(min=0.2)  # of fisheyes, corners may lie behind
        corners.append(eye + (direction / along).nan_to_num() * length)
    return torch.stack([eye, *corners], 1)


def _legend(
    draw: "ImageDraw.ImageDraw", size: tuple[int, int], groups: Sequence[CameraGroup], frame: _Frame, title: str
) -> None:
    def at(x: float, y: float) -> tuple[float, float]:
        return x * _SMOOTH, y * _SMOOTH

    draw.text(at(10, 8), title, _INK, _font(16))
    x, y = 14.0, size[1] - _FOOT / 2
    for hue, group in zip(_HUES, groups, strict=False):
        if len(group.views):
            words = f"{len(group.views)} {group.name}"
            draw.rectangle([*at(x, y - 6), *at(x + 14, y + 6)], hue)
            draw.text(at(x + 20, y), words, _INK, _font(14), anchor="lm")
            x += 20 + draw.textlength(words, _font(14)) / _SMOOTH + 26
    length, end = frame.bar * frame.scale, size[0] - 14
    draw.line([at(end - length, y), at(end, y)], _INK, 2 * _SMOOTH)
    draw.text(
        at(end - length - 10, y), f"{frame.bar:g} {'unit' if frame.bar == 1 else 'units'}", _INK, _font(14), anchor="rm"
    )


def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    from PIL import ImageFont

    return ImageFont.load_default(size * _SMOOTH)
