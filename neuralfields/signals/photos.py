"""From a folder of posed photos to pictures in memory: which are trained on, at which size, read by a few threads."""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from neuralfields.checks import one_of
from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.images import read_image
from neuralfields.files.posed import PosedPhoto, PosedScene, read_scene
from neuralfields.files.posed.photos import depths_of, first_names
from neuralfields.geometry import Camera
from neuralfields.geometry.focus import Depths
from neuralfields.signals.pictures import Pictures, colours, shrunk, shrunk_camera, shrunk_mask

SPLITS = ("test", "val")
_EVERY = 8  # picture is held out where a scene names none for testing
_EVERY_VAL = 10  # picture for training is for validation where a scene names none
_FEWEST = 3  # pictures from which on one is held out unasked
_LONGEST, _BYTES, _MOST_BYTES = 800, 1 << 30, 1 << 32
_THREADS = 4
_NAMED = 5  # damaged pictures that an error names


@dataclass(frozen=True, eq=False)
class Photos:
    """A scene as it was read.

    Attributes:
        name: of its folder.
        pictures: those that are trained on first, then those that are judged, each by name.
        counted: of each picture, which pixels count, [height, width] bool; None for all.
        cameras, names: of the pictures.
        photos: what the scene's files tell of them.
        training: how many are trained on.
        depths: of the nearest and the farthest thing in any picture, in the world's unit, if all tell them.
        scale: by which the pictures were made smaller.
        notes: what a user should know.
    """

    name: str
    pictures: Pictures
    counted: list[np.ndarray | None]
    cameras: tuple[Camera, ...]
    names: tuple[str, ...]
    photos: tuple[PosedPhoto, ...]
    training: int
    depths: Depths | None
    scale: int
    notes: tuple[str, ...]


def read_photos(
    path: str | os.PathLike[str], *, holdout: float | None = None, scale: int | None = None, split: str = "test"
) -> Photos:
    """Read a folder; see ``PosedImages.read``."""
    one_of(SPLITS, split=split)
    if holdout is not None and not 0 <= holdout <= 0.5:
        raise InputError(f"holdout is the share of pictures that is judged, 0 to 0.5, got {holdout}")
    if scale is not None and (scale != int(scale) or scale < 1):
        raise InputError(f"scale is a whole number from 1 on that pictures are made smaller by, got {scale}")
    scene = read_scene(path)
    while True:
        trained, judged = divided(scene, holdout, split)
        photos = [*trained, *judged]
        factor = _fitting(photos) if scale is None else int(scale)
        _check_sizes(path, [photo.size for photo in photos], factor)
        try:
            pictures, counted = _decoded(photos, factor)
        except _DamagedError as found:
            scene = _without(scene, found.photos)
        else:
            break
    home = Path(os.path.abspath(path))
    return Photos(
        name=home.name if home.is_dir() else home.parent.name,
        pictures=pictures,
        counted=counted,
        cameras=tuple(shrunk_camera(Camera.of(photo), factor) for photo in photos),
        names=tuple(scene.name_of(photo) for photo in photos),
        photos=tuple(photos),
        training=len(trained),
        depths=depths_of(trained),
        scale=factor,
        notes=(*scene.warnings(), *_remarks(trained, judged, None if scale else factor)),
    )


class _DamagedError(Exception):
    """Pictures of these photos begin well, but cannot be read to their end."""

    def __init__(self, photos: Sequence[PosedPhoto]):
        self.photos = photos


def _without(scene: PosedScene, damaged: Sequence[PosedPhoto]) -> PosedScene:
    """The scene as if its files had not had these photos.

    Raises:
        InputError: none is left.
    """
    left = tuple(photo for photo in scene.photos if photo not in damaged)
    names = [scene.name_of(photo) for photo in damaged]
    if not left:
        raise InputError(f"no picture of {scene.folder} can be used: all are damaged, {first_names(names, _NAMED)}")
    return replace(scene, photos=left, left_out=(*scene.left_out, *((name, "it is damaged") for name in names)))


def divided(scene: PosedScene, holdout: float | None, split: str) -> tuple[list[PosedPhoto], list[PosedPhoto]]:
    """The photos that are trained on and those that are judged, each in the order of their paths.

    Raises:
        InputError: none is left for training.
    """
    of: dict[str, list[PosedPhoto]] = {"train": [], "val": [], "test": []}
    for photo in sorted(scene.photos, key=lambda photo: str(photo.path)):
        of[photo.split or "train"].append(photo)
    trained, judged = of["train"], of["test"]
    if holdout is not None:
        trained, judged = _parted(trained, holdout)
    elif not judged and len(trained) >= _FEWEST:
        trained, judged = _parted(trained, 1 / _EVERY)
    if split == "val":
        trained, judged = (trained, of["val"]) if of["val"] else _parted(trained, 1 / _EVERY_VAL)
    if not trained:
        raise InputError(f"{scene.folder} has no picture left to train on: {_counted(of)}")
    return trained, judged


def _parted(photos: list[PosedPhoto], share: float) -> tuple[list[PosedPhoto], list[PosedPhoto]]:
    """All but a share of them, evenly, the first being one of them, and those; of 1/8 every eighth."""
    count = math.ceil(len(photos) * share - 1e-9)
    held = {int(k / share + 1e-9) for k in range(count)}
    return [photo for k, photo in enumerate(photos) if k not in held], [photos[k] for k in sorted(held)]


def _counted(of: dict[str, list[PosedPhoto]]) -> str:
    return ", ".join(f"{len(photos)} of {split}" for split, photos in of.items())


def _fitting(photos: Sequence[PosedPhoto]) -> int:
    """The smallest factor at which pictures are no larger than is of use in minutes, and do not fill the memory."""
    longest = max(max(photo.size) for photo in photos)
    total = 4 * sum(math.prod(photo.size) for photo in photos)
    return max(1, math.ceil(longest / _LONGEST), math.ceil(math.sqrt(total / _BYTES)))


def _check_sizes(path: str | os.PathLike[str], sizes: Sequence[tuple[int, int]], factor: int) -> None:
    if min(min(size) for size in sizes) < factor:
        width, height = min(sizes, key=min)
        raise InputError(f"{path} has a picture of {width}x{height} pixels: nothing is left of it at scale {factor}")
    total = 4 * sum(math.prod(size) for size in sizes) // factor**2
    if total > _MOST_BYTES:
        less = math.ceil(factor * math.sqrt(total / _MOST_BYTES))
        raise InputError(
            f"{path} takes {total / 2**30:.1f} GiB of memory at scale {factor}, and at most "
            f"{_MOST_BYTES >> 30} are used: --scale {less} works"
        )


def _remarks(trained: Sequence[PosedPhoto], judged: Sequence[PosedPhoto], factor: int | None) -> list[str]:
    """What is worth knowing of the photos, and of the factor they were made smaller by unasked."""
    found, photos = [], [*trained, *judged]
    if factor is not None and factor > 1:
        width, height = max(photo.size for photo in photos)
        small = f"{width}x{height} becomes {width // factor}x{height // factor}"
        found.append(f"pictures are made {factor} times smaller, {small}: --scale 1 keeps their size")
    moments = {photo.time for photo in photos} - {None}
    if len(moments) > 1:
        found.append(f"the pictures are of {len(moments)} moments, but one field shows them all: what moves gets lost")
    if not judged:
        found.append(f"no picture of {len(trained)} is held out: those that are judged were trained on")
    return found


def _decoded(photos: Sequence[PosedPhoto], factor: int) -> tuple[Pictures, list[np.ndarray | None]]:
    """All pictures, and which of their pixels count where a file tells it.

    Raises:
        _DamagedError: with all that are damaged.
    """
    channels = 3
    with suppress(FileFormatError):  # told with the others
        channels = _colours(photos[0]).shape[2]
    return _read(photos, factor, channels) or _read(photos, factor, 4)  # type: ignore[return-value]


def _read(photos: Sequence[PosedPhoto], factor: int, channels: int) -> tuple[Pictures, list[np.ndarray | None]] | None:
    """None where these channels are too few."""
    made = Pictures([(photo.size[0] // factor, photo.size[1] // factor) for photo in photos], channels)
    counted: list[np.ndarray | None] = [None] * len(photos)
    damaged: list[PosedPhoto] = []

    def decode(number: int) -> bool:
        photo = photos[number]
        try:
            image = _colours(photo)
            counted[number] = None if photo.mask is None else _counting(photo.mask, photo.size, factor)
        except FileFormatError:
            damaged.append(photo)
            return True
        if image.shape[2] > channels:
            return False
        made.put(number, shrunk(image, factor))
        return True

    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        enough = all(list(pool.map(decode, range(len(photos)))))
    if damaged:
        raise _DamagedError(sorted(damaged, key=photos.index))
    return (made, counted) if enough else None


def _colours(photo: PosedPhoto) -> np.ndarray:
    pixels = read_image(photo.path)
    try:
        image = colours(pixels)
    except InputError as error:
        raise InputError(f"{photo.path} is no picture of a scene: {error}") from None
    _check_same(photo.path, image, photo.size)
    return image


def _counting(path: Path, size: tuple[int, int], factor: int) -> np.ndarray:
    """Which pixels of a smaller picture [height, width] a mask is white for throughout."""
    mask = colours(read_image(path))[..., :3].max(-1) > 127
    _check_same(path, mask, size)
    return shrunk_mask(mask, factor)


def _check_same(path: Path, image: np.ndarray, size: tuple[int, int]) -> None:
    height, width = image.shape[:2]
    if (width, height) != tuple(size):
        raise InputError(f"{path} has {width}x{height} pixels, its camera {size[0]}x{size[1]}")
