"""A world as a scene on disk: photos, poses, depths and normals."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neuralfields.checks import between
from neuralfields.errors import InputError
from neuralfields.files.images import write_image
from neuralfields.files.posed import PosedPhoto, read_scene, write_scene
from neuralfields.files.posed.blender import SPLITS
from neuralfields.geometry import Camera
from neuralfields.signals.synthetic.world import World, trace
from neuralfields.signals.synthetic.worlds import world

_MAX_SIDE = 4096
_MAX_VIEWS = 10_000


def write(
    folder: str | os.PathLike[str],
    name: str = "objects",
    *,
    views: int = 40,
    held_out: int = 8,
    size: int = 100,
    samples: int = 3,
) -> Path:
    """Render a world into a folder in the layout of NeRF's Blender scenes.

    ``transforms_train.json``, ``transforms_val.json`` and ``transforms_test.json`` tell the poses. Beside each photo
    ``train/r_000.png`` lie ``train/r_000_depth.exr``, the distance from the camera along the ray of the pixel's centre,
    and ``train/r_000_normal.exr``, unit normals in world axes, both float32 and 0 where there is nothing. The same
    arguments give the same bytes.

    Args:
        folder: made if it is not there.
        name: one of ``NAMES``.
        views: photos to train on, 1 to 10000.
        held_out: photos to test on, and as many others to choose by; 1 to 10000.
        size: of the square photos, in pixels, 1 to 4096.
        samples: see ``trace``.

    Returns:
        The folder.

    Raises:
        InputError: there is something in the folder, it cannot be made, an argument is out of range.
    """
    between(1, _MAX_VIEWS, views=views, held_out=held_out)
    between(1, _MAX_SIDE, size=size)
    scene, folder = world(name), Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"cannot write a scene to {folder}: there is something in it")
        photos = []
        for split, cameras in _planned(scene, views, held_out, size):
            (folder / split).mkdir()
            photos += _photos(folder, split, scene, cameras, samples)
    except OSError as error:
        raise InputError(f"cannot write a scene to {folder}: {error.strerror or error}") from error
    write_scene(folder, photos, "blender")
    return folder


def written(folder: str | os.PathLike[str], name: str = "objects") -> bool:
    """Whether a folder holds what ``write`` makes of a world, of any size and number, to the last picture."""
    folder = Path(folder)
    try:
        found = read_scene(folder, format="blender")
    except InputError:
        return False
    counts = Counter(photo.split for photo in found.photos)
    views, held_out, size = counts[SPLITS[0]], counts[SPLITS[-1]], found.photos[0].size[0]
    if found.left_out or not (views and held_out):
        return False
    wanted = [
        (_path(folder, split, number), camera)
        for split, cameras in _planned(world(name), views, held_out, size)
        for number, camera in enumerate(cameras)
    ]
    return len(wanted) == len(found.photos) and all(
        photo.path == path
        and photo.size == camera.size
        and np.allclose(photo.focal, camera.focal)
        and np.allclose(photo.pose, camera.pose.numpy())
        for photo, (path, camera) in zip(found.photos, wanted, strict=True)
    )


def _planned(scene: World, views: int, held_out: int, size: int) -> Iterator[tuple[str, list[Camera]]]:
    """The cameras of each split."""
    for number, split in enumerate(SPLITS):
        count = held_out if number else views
        yield split, scene.cameras(count, size=(size, size), first=number / len(SPLITS))


def _path(folder: Path, split: str, number: int) -> Path:
    return folder / split / f"r_{number:03d}.png"


def _photos(folder: Path, split: str, scene: World, cameras: list[Camera], samples: int) -> Iterator[PosedPhoto]:
    """The photos of a split, each once it lies on disk."""
    for number, camera in enumerate(cameras):
        path = _path(folder, split, number)
        view = trace(scene, camera, samples=samples)
        assert view.normals is not None
        write_image(path, (view.straight() if scene.masked else view.colour).numpy(), bits=8)
        write_image(path.with_name(f"{path.stem}_depth.exr"), view.depth[..., None].float().numpy())
        write_image(path.with_name(f"{path.stem}_normal.exr"), view.normals.float().numpy())
        yield PosedPhoto(path, camera.pose.numpy(), camera.focal, camera.centre, camera.size, split=split)
