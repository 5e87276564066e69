"""Pictures of fields drawn here, as JPEG, for fields that the page cannot draw itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from neuralfields.errors import InputError
from neuralfields.field import dtype_of
from neuralfields.files import pillow
from neuralfields.geometry import Camera
from neuralfields.render import Surface, render_surface, render_view
from neuralfields.render.imaging import raster_values
from neuralfields.signals import Image
from neuralfields.storage.export import BOX
from neuralfields.viewer.items import Item
from neuralfields.viewer.looks import chosen, coloured, mapped, outside, over, scale_of
from neuralfields.viewer.protocol import Draw, Mode, Shown
from neuralfields.viewer.worker import Patient

Legend = tuple[float, float] | None

FACTORS = (8, 4, 2, 1)  # how much coarser the pictures are, one after the other
_LEAST = 16  # pixels along the longer side, below which a coarse picture is left out
_EDGE_SAMPLES = 4
_RAYS = 1 << 11  # rendered between two looks whether somebody waits for the picture

_WHOLE = (-1.0, -1.0, 1.0, 1.0)
_OF_SURFACES: dict[Mode, Any] = {
    "fit": "shaded", "colour": "shaded", "depth": "depth", "normal": "normals", "opacity": "silhouette"
}  # fmt: skip
_OF_VIEWS: dict[Mode, Any] = {
    "fit": "colour", "colour": "colour", "depth": "depth", "normal": "normals", "opacity": "opacity"
}  # fmt: skip


def factors(asked: Draw) -> list[int]:
    """By which factors a picture is coarser, from the first to the last."""
    return [factor for factor in FACTORS if factor == 1 or max(asked.width, asked.height) >= factor * _LEAST]


def draw(item: Item, asked: Draw, factor: int, waited: Callable[[], bool] = lambda: True) -> tuple[bytes, Legend]:
    """What is asked for as JPEG, ``factor`` times coarser, and the amounts at the ends of its colour map.

    Args:
        waited: whether somebody still waits for it; asked again and again while it is drawn.

    Raises:
        InputError: this kind of field has no such mode, or the camera is none.
        GivenUp: nobody waits for it.
    """
    size = -(-asked.width // factor), -(-asked.height // factor)
    field = Patient(item.current(), waited)
    drawers: dict[str, Callable[[], tuple[np.ndarray, Legend]]] = {
        "image": lambda: _plane(item, field, asked, size),
        "slices": lambda: _plane(item, field, asked, size),
        "shape": lambda: _surface(field, asked, size, factor),
        "radiance": lambda: _view(field, asked, size),
    }
    picture, legend = drawers[item.shown.kind]()
    known = np.nan_to_num(picture, nan=0.0, posinf=1.0, neginf=0.0)
    return pillow.encode(np.rint(known.clip(0, 1) * 255).astype(np.uint8), "JPEG"), legend


def _plane(item: Item, field: Patient, asked: Draw, size: tuple[int, int]) -> tuple[np.ndarray, Legend]:
    window, look = asked.window or _WHOLE, asked.look
    columns, rows = (_places(window[axis], window[axis + 2], size[axis]) for axis in (0, 1))
    there = (np.abs(rows) <= 1)[:, None] & (np.abs(columns) <= 1)
    if asked.mode in ("fit", "truth"):
        fitted = asked.mode == "fit"
        values = _values(item, field, asked, columns, rows) if fitted else _truth(item, columns, rows)[0]
        picture, legend = _coloured(item, asked, chosen(values, look), there)
    elif asked.mode in ("error", "gradient"):
        if asked.mode == "error":
            truth, columns, rows = _truth(item, columns, rows)
            off = chosen(_values(item, field, asked, columns, rows), look) - chosen(truth, look)
            amounts = np.abs(off).max(-1)
        else:
            slopes = _slopes(chosen(_values(item, field, asked, columns, rows), look))
            amounts = slopes * _zoom(item.shown, window, size)
        legend = 0.0, scale_of(amounts[there], look)
        picture = mapped(amounts / legend[1], look.map)
    else:
        raise InputError(f"pictures drawn here show fit, truth, error or gradient of an image, not {asked.mode}")
    return outside(picture, there, look.backdrop), legend


def _coloured(item: Item, asked: Draw, values: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, Legend]:
    if item.shown.kind == "image" or item.shown.outputs > 1 or not there.any():
        return coloured(values, asked.look, linear=item.shown.linear), None
    # Values that are no colours.
    low, high = float(values[there].min()), float(values[there].max())
    high = max(high, low + 1e-9)
    return mapped((values[..., 0] - low) / (high - low), asked.look.map), (low, high)


def _values(item: Item, field: Patient, asked: Draw, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    plane: Any = _Slice(field, asked.axis, asked.at) if item.shown.kind == "slices" else field
    return raster_values(plane, torch.from_numpy(columns), torch.from_numpy(rows))


def _zoom(shown: Shown, window: tuple[float, ...], size: tuple[int, int]) -> float:
    """Pixels of the picture per pixel of the image, of which a slice has one."""
    return 2 * size[0] / ((window[2] - window[0]) * (shown.size or (1, 1))[0])


def _truth(item: Item, columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest pixels of the image [height, width, channels], and the columns and rows of their centres."""
    if not isinstance(item.signal, Image):
        raise InputError(f"there is no image to compare {item.shown.name} with")
    image = item.signal
    across, down = _nearest(columns, image.shape[1]), _nearest(rows, image.shape[0])
    values = image.to_float(image.values[np.ix_(down, across)])
    return values, (2 * across + 1) / image.shape[1] - 1, (2 * down + 1) / image.shape[0] - 1


def _places(low: float, high: float, count: int) -> np.ndarray:
    """The coordinates of a raster's centres along one axis."""
    return low + (np.arange(count) + 0.5) / count * (high - low)


def _nearest(places: np.ndarray, pixels: int) -> np.ndarray:
    return np.floor((places.clip(-1, 1) + 1) / 2 * pixels).astype(int).clip(0, pixels - 1)


@dataclass
class _Slice:
    """A field over space on a plane across an axis, as far as ``raster_values`` asks."""

    field: Patient
    axis: int
    at: float
    in_dim = 2

    @property
    def out_dim(self) -> int:
        return self.field.out_dim

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        place = [x[..., :1], x[..., 1:]]
        place.insert(self.axis, torch.full_like(x[..., :1], self.at))
        return self.field(torch.cat(place, -1).to(dtype_of(self.field)))


def _surface(field: Patient, asked: Draw, size: tuple[int, int], factor: int) -> tuple[np.ndarray, Legend]:
    mode, samples = _mode(_OF_SURFACES, asked, "shape"), 1 if factor > 1 else _EDGE_SAMPLES
    picture = render_surface(Surface.of(field), _camera(asked, size), mode=mode, samples=samples)
    return _in_front(picture, asked), None


def _view(field: Patient, asked: Draw, size: tuple[int, int]) -> tuple[np.ndarray, Legend]:
    mode = _mode(_OF_VIEWS, asked, "scene")
    view = render_view(field, _camera(asked, size), frame=BOX, normals=mode == "normals", block=_RAYS)  # type: ignore[arg-type]
    if mode == "opacity":
        return view.picture(mode), None
    legend = (view.reach[1], view.reach[0]) if mode == "depth" and view.reach else None
    return _in_front(view.picture(mode, "transparent"), asked), legend


def _in_front(picture: np.ndarray, asked: Draw) -> np.ndarray:
    """A picture [height, width, 4] in front of the backdrop; depths, which are grey, in colours."""
    if asked.mode == "depth":
        picture = np.concatenate([mapped(picture[..., 0], asked.look.map), picture[..., 3:]], -1)
    return over(picture, asked.look.backdrop)


def _mode(known: dict[Mode, Any], asked: Draw, what: str) -> Any:
    if asked.mode not in known:
        raise InputError(f"pictures drawn here show {', '.join(known)} of a {what}, not {asked.mode}")
    return known[asked.mode]


def _camera(asked: Draw, size: tuple[int, int]) -> Camera:
    if asked.pose is None or asked.focal is None:
        raise InputError("a picture of space needs the camera's pose and focal length")
    pose = torch.tensor(asked.pose, dtype=torch.float64).view(3, 4)
    return Camera(pose, asked.focal * size[1], size)


def _slopes(values: np.ndarray) -> np.ndarray:
    """Lengths [height, width] of the gradients of values [height, width, channels]."""
    squares = np.zeros(values.shape[:2])
    for axis in (0, 1):
        if values.shape[axis] > 1:
            squares += (np.gradient(values, axis=axis) ** 2).sum(-1)
    return np.sqrt(squares)
