"""From what a scene's files tell to photos that can be used: pictures are found, sizes read, poses checked."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neuralfields.errors import InputError
from neuralfields.files.images import IMAGE_SUFFIXES, image_size
from neuralfields.files.posed.photos import Optics, PosedPhoto, PosedScene, Told, checked_pose

# Those that are tried where a file tells a name without suffix, in this order.
SUFFIXES = (".png", ".jpg", ".jpeg", ".JPG", ".JPEG", ".PNG", ".webp", ".exr", ".tif", ".tiff")

_NAME = 100  # letters of a name that is told
_SCALED = re.compile(r"images(?:_([1-9]\d{0,3}))?")


class Folders:
    """What lies in folders; each is listed once."""

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str]] = {}

    def names(self, folder: Path | str) -> frozenset[str]:
        """The names in a folder; none where there is no such folder."""
        folder = str(folder)
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))
            except (OSError, ValueError):  # no such folder, or a name that none can have
                self._names[folder] = frozenset()
        return self._names[folder]

    def has(self, path: Path) -> bool:
        return path.name in self.names(path.parent)

    def beside(self, path: Path, names: Iterable[str]) -> Path | None:
        """The first of these names that there is in the folder of ``path``."""
        there = self.names(os.path.dirname(path))
        return next((path.with_name(name) for name in names if name in there), None)

    def picture(self, path: Path) -> Path | None:
        """The picture of this name, or of this name with a suffix; None where there is none."""
        return self.beside(path, [path.name, *(path.name + suffix for suffix in SUFFIXES)])

    def pictures(self, folder: Path) -> list[str]:
        """The names of all pictures in a folder, sorted."""
        return sorted(name for name in self.names(folder) if Path(name).suffix.lower() in IMAGE_SUFFIXES)

    def of_pictures(self, scene: Path, downscale: int | None) -> Path:
        """The folder ``images`` of a scene, or ``images_4`` for a ``downscale`` of 4; None: the largest that is there.

        Raises:
            InputError: there is none; the text names those that are there.
        """
        found = {
            int(named[1] or 1): scene / named[0] for name in self.names(scene) if (named := _SCALED.fullmatch(name))
        }
        found = {scale: folder for scale, folder in found.items() if self.names(folder)}
        if not found:
            raise InputError(f"{scene} has no pictures: they are in a folder called images, or images_4")
        if downscale is not None and downscale not in found:
            there = ", ".join(map(str, sorted(found)))
            raise InputError(f"{scene} has no pictures for downscale={downscale}: {there} would work")
        return found[min(found) if downscale is None else downscale]


class Gathering:
    """The photos of a scene while its files are read; one that cannot be used is left out and named.

    A path may lead out of the scene's folder, as instant-ngp's do: nothing but pictures is read there, and ``scene``
    notes it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.folders = Folders()
        self.photos: list[PosedPhoto] = []
        self.left_out: list[Told] = []
        self.notes: list[str] = []

    @contextmanager
    def photo(self, name: str) -> Iterator[None]:
        """What is wrong inside the block leaves out the photo that the files call ``name``."""
        try:
            yield
        except InputError as error:
            short = name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"
            self.left_out.append((short, str(error)))

    def add(self, path: Path, matrix: np.ndarray, optics: Optics, **others: Any) -> None:
        """A photo, by the picture's path, perhaps without its suffix, and its pose.

        Raises:
            InputError: why it cannot be used.
        """
        found = self.folders.picture(path)
        if found is None or not found.is_file():
            raise InputError("there is no such picture")
        pose = checked_pose(matrix)
        try:
            size = image_size(found)
        except InputError:
            raise InputError("it is no picture, or a damaged one") from None
        focal, centre = optics.at(size)
        self.photos.append(PosedPhoto(found, pose, focal, centre, size, optics.lens, **others))

    def scene(self, kind: str, **others: Any) -> PosedScene:
        """All of them.

        Raises:
            InputError: none can be used.
        """
        if not self.photos:
            raise InputError(f"no photo of {self.folder} can be used ({kind}): {self._reasons()}")
        return PosedScene(
            self.folder, kind, tuple(self.photos), tuple(self.left_out), notes=(*self.notes, *self._outside()), **others
        )

    def _reasons(self) -> str:
        if not self.left_out:
            return "its files list none"
        counts = Counter(reason for _, reason in self.left_out)
        first = {reason: name for name, reason in reversed(self.left_out)}
        told = [f"{count} because {why} (the first: {first[why]})" for why, count in counts.most_common(2)]
        return "; ".join(told) + ("; and others" if len(counts) > 2 else "")

    def _outside(self) -> Sequence[str]:
        home = self.folder.resolve()
        parents = {photo.path.parent for photo in self.photos}
        away = {parent for parent in parents if not parent.resolve().is_relative_to(home)}
        if not away:
            return ()
        outside = [photo.path for photo in self.photos if photo.path.parent in away]
        return (f"{len(outside)} pictures lie outside of the folder, the first {outside[0]}",)
