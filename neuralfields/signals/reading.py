"""From a path or an array to the right kind of signal."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neuralfields.errors import InputError
from neuralfields.files.images import IMAGE_SUFFIXES
from neuralfields.files.meshes import MESH_SUFFIXES, read_mesh
from neuralfields.files.posed import recognise
from neuralfields.protocols import Signal, Source
from neuralfields.signals.image import Image
from neuralfields.signals.mesh import Mesh, NoFaces
from neuralfields.signals.point_cloud import PointCloud
from neuralfields.signals.posed_images import PosedImages
from neuralfields.signals.samples import Samples

_MEMBERS = ("in_dim", "out_dim", "kind", "frame", "size", "headline", "draw", "chunks", "measure", "describe")
KINDS: dict[str, type[Image] | type[Mesh] | type[PointCloud] | type[PosedImages]] = {
    "image": Image,
    "mesh": Mesh,
    "points": PointCloud,
    "scene": PosedImages,
}


class ForeignOptions(InputError):
    """Options of reading that the kind of signal does not take.

    Attributes:
        kind: of the signal.
        takes, foreign: names of the options that it takes, and of those it was given and does not.
    """

    def __init__(self, path: str | os.PathLike[str], kind: str, foreign: Sequence[str]):
        self.kind, self.takes, self.foreign = kind, KINDS[kind].options, tuple(foreign)
        super().__init__(f"{path} is read as {kind}, which takes {', '.join(self.takes)}, not {', '.join(foreign)}")


def kind_of(path: str | os.PathLike[str]) -> str:
    """The kind of signal a path most likely holds, judged by its suffix; what holds no mesh may hold points.

    A folder is a scene, and so is the file in it that tells the cameras.

    Raises:
        InputError: nothing here reads such a file, or the folder holds no scene.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if path.is_dir() or suffix == ".json" or path.name == "poses_bounds.npy":
        recognise(path)
        return PosedImages.kind
    for kind, suffixes in ((Image.kind, IMAGE_SUFFIXES), (Mesh.kind, MESH_SUFFIXES)):
        if suffix in suffixes:
            return kind
    images, meshes = (" ".join(sorted(suffixes)) for suffixes in (IMAGE_SUFFIXES, MESH_SUFFIXES))
    raise InputError(
        f"{path}: the name does not tell what it holds; an image is one of {images}, a mesh one of {meshes}, "
        f"a scene is a folder (or say it: nf fit image {path})"
    )


def read(path: str | os.PathLike[str], *, kind: str | None = None, **options: Any) -> Source:
    """Read a signal; its kind is inferred from the path unless given.

    Args:
        path: the file.
        kind: one of ``KINDS``.
        options: of that kind's ``read``, such as ``holdout`` for images and ``form`` for meshes; None is left out.

    Raises:
        InputError: the file is missing, damaged, of no known kind, or not of the kind given.
        ForeignOptions: the kind has no such option.
    """
    chosen = kind or kind_of(path)
    if chosen not in KINDS:
        raise InputError(f"no kind of signal is called {chosen!r}; there are: {', '.join(KINDS)}")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return _read(path, chosen, given)
    except ForeignOptions:
        if kind is not None or chosen != Mesh.kind or len(read_mesh(path).faces):
            raise
        return _read(path, PointCloud.kind, given)
    except NoFaces:
        if kind is not None:
            raise
        return _read(path, PointCloud.kind, given)


def _read(path: str | os.PathLike[str], kind: str, options: dict[str, Any]) -> Source:
    foreign = [name for name in options if name not in KINDS[kind].options]
    if foreign:
        raise ForeignOptions(path, kind, foreign)
    return KINDS[kind].read(path, **options)


def read_again(path: str | os.PathLike[str], described: dict[str, Any]) -> Source:
    """Read the signal that ``Signal.describe`` described, from this path.

    Raises:
        InputError: as for ``read``.
        KeyError: the description lacks its kind.
    """
    kind = described["kind"]
    names = KINDS[kind].options if kind in KINDS else ()
    return read(path, kind=kind, **{name: described[name] for name in names})


def as_signal(thing: Any) -> Signal:
    """A signal as it is; a path read; an array [height, width] or [height, width, channels] as an image.

    A pair of arrays (x, y) becomes ``Samples`` in float32, which is what fields have by default.

    Raises:
        InputError: nothing of that can be made of it.
    """
    if isinstance(thing, Signal):
        return thing
    if isinstance(thing, str | os.PathLike):
        return read(thing)
    if hasattr(thing, "__array__"):
        return Image.from_array(np.asarray(thing))
    if isinstance(thing, tuple) and len(thing) == 2 and all(hasattr(part, "__array__") for part in thing):
        return Samples(*(torch.as_tensor(part).float() for part in thing))
    lacks = [name for name in _MEMBERS if not hasattr(thing, name)]
    why = f", which lacks {', '.join(lacks)}" if len(lacks) < len(_MEMBERS) else ""
    raise InputError(f"a signal, an array, a pair (x, y) or a path can be fitted, not a {type(thing).__name__}{why}")
