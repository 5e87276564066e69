"""Pictures as bytes, one after the other, so that pixels of all of them are gathered at once."""

from collections.abc import Iterator, Sequence

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files.pixels import Pixels
from neuralfields.geometry import Camera


class Pictures(Sequence[np.ndarray]):
    """Pictures of several sizes, [height, width, channels] uint8 each.

    Attributes:
        values: [pixels of all, channels] uint8, row by row, picture by picture.
        starts: [pictures + 1] int64, where each picture begins among them, and the end.

    Args:
        sizes: (width, height) of each; their pixels are not set to anything.
        channels: 3, or 4 with alpha.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], channels: int):
        self.sizes = [(int(width), int(height)) for width, height in sizes]
        self.starts = np.cumsum([0, *(width * height for width, height in self.sizes)], dtype=np.int64)
        self.values = np.empty((self.starts[-1], channels), np.uint8)

    @classmethod
    def of(cls, images: Sequence[np.ndarray]) -> "Pictures":
        """Copies of images [height, width, 1..4]: integers in their full range, or floats in [0, 1].

        Raises:
            InputError: an array is no such image.
        """
        found = [colours(_pixels_of(np.asarray(image))) for image in images]
        made = cls([image.shape[1::-1] for image in found], max((image.shape[2] for image in found), default=3))
        for number, image in enumerate(found):
            made.put(number, image)
        return made

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, number: int) -> np.ndarray:  # type: ignore[override]
        """A view of one picture."""
        width, height = self.sizes[number]
        return self.values[self.starts[number] : self.starts[number + 1]].reshape(height, width, -1)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[number] for number in range(len(self)))

    @property
    def alpha(self) -> bool:
        return self.values.shape[1] == 4

    def put(self, number: int, image: np.ndarray) -> None:
        """Set one picture; alpha that it lacks is 255."""
        place = self[number]
        place[..., : image.shape[2]] = image
        place[..., image.shape[2] :] = 255


def colours(pixels: Pixels) -> np.ndarray:
    """A picture as RGB or RGBA in 8 bits, [height, width, 3 or 4] uint8; grey becomes RGB.

    Raises:
        InputError: it is linear (HDR).
    """
    if pixels.linear:
        raise InputError("its values are linear (HDR), a scene's pictures are for the screen: PNG or JPEG work")
    values = _bytes(pixels.values)
    return values[..., [0, 0, 0, *range(1, values.shape[2])]] if values.shape[2] < 3 else values


def shrunk(image: np.ndarray, factor: int) -> np.ndarray:
    """Means over squares of ``factor`` x ``factor`` pixels, weighted by alpha; what is over at the end is cut off.

    Args:
        image: [height, width, 3 or 4] uint8.
        factor: 1 or more, at most the shorter side.
    """
    if factor == 1:
        return image
    totals = _totals(image, factor)
    plain = _quotient(totals, np.uint32(factor * factor))
    if image.shape[2] == 4:
        weights = totals[..., 3:]
        weighted = _totals(image[..., :3] * image[..., 3:].astype(np.uint16), factor)
        plain[..., :3] = np.where(weights > 0, _quotient(weighted, np.maximum(weights, 1)), plain[..., :3])
    return plain.astype(np.uint8)


def shrunk_mask(mask: np.ndarray, factor: int) -> np.ndarray:
    """Of which of the pixels [height, width] that ``shrunk`` gives all parts are in a mask."""
    height, width = (length // factor for length in mask.shape)
    parts = mask[: height * factor, : width * factor].reshape(height, factor, width, factor)
    return np.logical_and.reduce(parts, (1, 3))


def shrunk_camera(camera: Camera, factor: int) -> Camera:
    """The camera of a picture that ``shrunk`` gives: what is over at the end is cut off before."""
    if factor == 1:
        return camera
    width, height = (length // factor for length in camera.size)
    cut = Camera(camera.pose, camera.focal, (width * factor, height * factor), camera.centre, camera.lens)
    return cut.resized((width, height))


def dilated(mask: np.ndarray, reach: int) -> np.ndarray:
    """Pixels [height, width] within a square of ``reach`` pixels to each side around one of a mask, bool."""
    for _ in range(2):
        spread, width = np.pad(mask, ((reach, reach), (0, 0))), 1
        while width < 2 * reach + 1:  # each turn nearly doubles how many rows have come together
            step = min(width, 2 * reach + 1 - width)
            spread, width = spread[:-step] | spread[step:], width + step
        mask = spread.T
    return mask


def _totals(values: np.ndarray, factor: int) -> np.ndarray:
    """Sums [height // factor, width // factor, channels] uint32 over squares; row by row, which is the fastest."""
    height, width = (length // factor for length in values.shape[:2])
    rows = np.zeros((height, width * factor, values.shape[2]), np.uint32)
    for k in range(factor):
        rows += values[k : height * factor : factor, : width * factor]
    return sum((rows[:, k::factor] for k in range(1, factor)), start=rows[:, ::factor])


def _quotient(total: np.ndarray, count: np.ndarray | np.uint32) -> np.ndarray:
    """Rounded."""
    return (total + count // 2) // count


def _bytes(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.rint(values.astype(np.float32) * 255).astype(np.uint8)


def _pixels_of(array: np.ndarray) -> Pixels:
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4 or not array.size:
        raise InputError(f"an image of a scene is [height, width, 1..4], got {list(array.shape)}")
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise InputError("an image of a scene has floats in [0, 1], or integers")
    elif array.dtype.name not in ("uint8", "uint16"):
        raise InputError(f"an image of a scene holds uint8, uint16 or floats, got {array.dtype}")
    return Pixels(array, linear=False)
