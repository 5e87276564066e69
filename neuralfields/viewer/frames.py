"""Pictures of fields drawn here, as JPEG, for fields that the page cannot draw itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.files import pillow
from neuralfields.geometry import Camera
from neuralfields.render import Surface, displayed, image_values, render_surface, render_view
from neuralfields.render.imaging import over_grey
from neuralfields.signals import Image
from neuralfields.storage.export import BOX
from neuralfields.viewer.items import Item
from neuralfields.viewer.protocol import Draw, Mode

FACTORS = (8, 4, 2, 1)  # how much coarser the pictures are, one after the other
_LEAST = 16  # pixels along the longer side, below which a coarse picture is left out
_BRIGHT = 0.99  # share of the values that a map of errors or slopes shows below white
_EDGE_SAMPLES = 4

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


def draw(item: Item, asked: Draw, factor: int) -> bytes:
    """What is asked for as JPEG, ``factor`` times coarser.

    Raises:
        InputError: this kind of field has no such mode, or the camera is none.
    """
    size = -(-asked.width // factor), -(-asked.height // factor)
    drawers: dict[str, Callable[[], np.ndarray]] = {
        "image": lambda: _image(item, asked, size),
        "slices": lambda: _slice(item, asked, size),
        "shape": lambda: _surface(item, asked, size, factor),
        "radiance": lambda: _view(item, asked, size),
    }
    picture = drawers[item.shown.kind]()
    return pillow.encode(np.rint(picture.clip(0, 1) * 255).astype(np.uint8), "JPEG")


def _image(item: Item, asked: Draw, size: tuple[int, int]) -> np.ndarray:
    window = asked.window or _WHOLE
    if asked.mode == "truth":
        return _as_colours(_truth(item, window, size), item.shown.linear)
    values = image_values(item.current(), size, crop=window)  # type: ignore[arg-type]
    if asked.mode == "error":
        return _map(np.abs(values - _truth(item, window, size)).max(-1))
    if asked.mode == "gradient":
        return _map(_slopes(values))
    if asked.mode != "fit":
        raise InputError(f"pictures drawn here show fit, truth, error or gradient of an image, not {asked.mode}")
    return _as_colours(values, item.shown.linear)


def _truth(item: Item, window: tuple[float, ...], size: tuple[int, int]) -> np.ndarray:
    """The nearest pixels of the image [height, width, channels]; 0 outside of it."""
    if not isinstance(item.signal, Image):
        raise InputError(f"there is no image to compare {item.shown.name} with")
    image = item.signal
    (rows, row_there), (columns, column_there) = (
        _nearest(window[axis], window[axis + 2], size[axis], image.shape[1 - axis]) for axis in (1, 0)
    )
    there = row_there[:, None, None] & column_there[None, :, None]
    return np.where(there, image.to_float(image.values[rows][:, columns]), 0)


def _nearest(low: float, high: float, count: int, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels at the places of a raster along one axis, and which of the places are in the image."""
    place = low + (np.arange(count) + 0.5) / count * (high - low)
    index = np.floor((place.clip(-1, 1) + 1) / 2 * pixels).astype(int).clip(0, pixels - 1)
    return index, np.abs(place) <= 1


def _slice(item: Item, asked: Draw, size: tuple[int, int]) -> np.ndarray:
    """The plane across the third axis; of one value the mean of its range is grey."""
    window, field = asked.window or _WHOLE, item.current()
    values = image_values(_Plane(field, asked.at or 0.0), size, crop=window)  # type: ignore[arg-type]
    if values.shape[-1] in (3, 4):
        return _as_colours(values, linear=False)
    values = values[..., :1]
    low, high = float(values.min()), float(values.max())
    return (values - low) / max(high - low, 1e-9)


@dataclass
class _Plane:
    """A field over space on the plane at some height, as far as ``image_values`` asks."""

    field: Field
    height: float
    in_dim = 2

    @property
    def out_dim(self) -> int:
        return self.field.out_dim

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.field(torch.cat([x, torch.full_like(x[..., :1], self.height)], -1))


def _surface(item: Item, asked: Draw, size: tuple[int, int], factor: int) -> np.ndarray:
    mode, samples = _mode(_OF_SURFACES, asked, "shape"), 1 if factor > 1 else _EDGE_SAMPLES
    camera = _camera(asked, size)
    surface = Surface.of(item.current())
    return render_surface(surface, camera, mode=mode, background="white", samples=samples)


def _view(item: Item, asked: Draw, size: tuple[int, int]) -> np.ndarray:
    mode, field = _mode(_OF_VIEWS, asked, "scene"), item.current()
    bounded = field.provenance.get("signal", {}).get("bounded", True)
    view = render_view(field, _camera(asked, size), frame=BOX, normals=mode == "normals")  # type: ignore[arg-type]
    return view.picture(mode, "white" if bounded else "black")


def _mode(known: dict[Mode, Any], asked: Draw, what: str) -> Any:
    if asked.mode not in known:
        raise InputError(f"pictures drawn here show {', '.join(known)} of a {what}, not {asked.mode}")
    return known[asked.mode]


def _camera(asked: Draw, size: tuple[int, int]) -> Camera:
    if asked.pose is None or asked.focal is None:
        raise InputError("a picture of space needs the camera's pose and focal length")
    pose = torch.tensor(asked.pose, dtype=torch.float64).view(3, 4)
    return Camera(pose, asked.focal * size[1], size)


def _as_colours(values: np.ndarray, linear: bool) -> np.ndarray:
    """Values [height, width, channels] as grey or colours without alpha, over white."""
    shown = displayed(values, linear=linear)
    if shown.shape[-1] == 4:
        return over_grey(shown, 1.0)
    if shown.shape[-1] == 2:
        return shown[..., :1] * shown[..., 1:] + 1 - shown[..., 1:]
    return shown if shown.shape[-1] in (1, 3) else shown[..., :1]


def _slopes(values: np.ndarray) -> np.ndarray:
    """Lengths [height, width] of the gradients of values [height, width, channels]."""
    squares = np.zeros(values.shape[:2])
    for axis in (0, 1):
        if values.shape[axis] > 1:
            squares += (np.gradient(values, axis=axis) ** 2).sum(-1)
    return np.sqrt(squares)


def _map(values: np.ndarray) -> np.ndarray:
    """Amounts [height, width] as grey."""
    return (values / max(float(np.quantile(values, _BRIGHT)), 1e-9))[..., None]
