"""Pictures of fields drawn here, as JPEG, for fields that the page cannot draw itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from neuralfields.errors import InputError
from neuralfields.files import pillow
from neuralfields.geometry import Camera
from neuralfields.render import Surface, image_values, render_surface, render_view
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
    if asked.mode not in ("fit", "truth", "error", "gradient"):
        raise InputError(f"pictures drawn here show fit, truth, error or gradient of an image, not {asked.mode}")
    window, look, shown = asked.window or _WHOLE, asked.look, item.shown
    truth = chosen(_truth(item, window, size), look) if asked.mode in ("truth", "error") else None
    values = chosen(_values(item, field, asked, window, size), look) if asked.mode != "truth" else truth
    assert values is not None
    legend: Legend = None
    if asked.mode in ("fit", "truth"):
        if shown.kind == "slices" and shown.outputs == 1:  # values that are no colours
            low, high = float(values.min()), float(values.max())
            legend = low, max(high, low + 1e-9)
            picture = mapped((values[..., 0] - low) / (legend[1] - low), look.map)
        else:
            picture = coloured(values, look, linear=shown.linear)
    else:
        amounts = _slopes(values) * _zoom(shown, window, size) if truth is None else np.abs(values - truth).max(-1)
        legend = 0.0, scale_of(amounts, look)
        picture = mapped(amounts / legend[1], look.map)
    rows, columns = (_places(window[axis], window[axis + 2], size[axis]) for axis in (1, 0))
    there = (np.abs(rows) <= 1)[:, None] & (np.abs(columns) <= 1)
    return outside(picture, there, look.backdrop), legend


def _values(item: Item, field: Patient, asked: Draw, window: tuple[float, ...], size: tuple[int, int]) -> np.ndarray:
    plane: Any = _Slice(field, asked.axis, asked.at) if item.shown.kind == "slices" else field
    return image_values(plane, size, crop=window)  # type: ignore[arg-type]


def _zoom(shown: Shown, window: tuple[float, ...], size: tuple[int, int]) -> float:
    """Pixels of the picture per pixel of the image, of which a slice has one."""
    return 2 * size[0] / ((window[2] - window[0]) * (shown.size or (1, 1))[0])


def _truth(item: Item, window: tuple[float, ...], size: tuple[int, int]) -> np.ndarray:
    """The nearest pixels of the image [height, width, channels]."""
    if not isinstance(item.signal, Image):
        raise InputError(f"there is no image to compare {item.shown.name} with")
    image = item.signal
    rows, columns = (
        _nearest(_places(window[axis], window[axis + 2], size[axis]), image.shape[1 - axis]) for axis in (1, 0)
    )
    return image.to_float(image.values[np.ix_(rows, columns)])


def _places(low: float, high: float, count: int) -> np.ndarray:
    """The coordinates of a raster's centres along one axis."""
    return low + (np.arange(count) + 0.5) / count * (high - low)


def _nearest(places: np.ndarray, pixels: int) -> np.ndarray:
    return np.floor((places.clip(-1, 1) + 1) / 2 * pixels).astype(int).clip(0, pixels - 1)


@dataclass
class _Slice:
    """A field over space on a plane across an axis, as far as ``image_values`` asks."""

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
        return self.field(torch.cat(place, -1))


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
