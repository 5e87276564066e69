"""Values on a lattice over the box, evaluated and written plane by plane."""

import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neuralfields.checks import between
from neuralfields.errors import InputError
from neuralfields.files.atomic import replacing
from neuralfields.geometry import Frame

_MAX_RESOLUTION = 1024


@dataclass(frozen=True)
class Layer:
    """An array of a lattice's file.

    Attributes:
        at: box coordinates [m, 3] float32 of nodes to their values [m, *tail].
        dtype: in which they are written.
        tail: the shape of a value.
    """

    at: Callable[[Tensor], np.ndarray]
    dtype: str = "<f4"
    tail: tuple[int, ...] = ()


def write_lattice(
    path: str | os.PathLike[str], frame: Frame, resolution: int, form: str, layers: Mapping[str, Layer]
) -> tuple[int, int, int]:
    """Write an .npz of ``layers`` [n, n, n, *tail] for x, y, z, the nodes' world coordinates ``x``, ``y``, ``z`` [n],
    their ``spacing`` [3] and ``form``, with n = resolution + 1.

    Returns:
        (n, n, n).

    Raises:
        InputError: the path does not end in .npz or cannot be written, the frame turns, or the resolution is not
            between 2 and 1024.
    """
    if Path(path).suffix.lower() != ".npz":
        raise InputError(f"cannot export a lattice to {path}: the suffix is .npz")
    between(2, _MAX_RESOLUTION, resolution=resolution)
    matrix = np.array(frame.matrix)
    if np.count_nonzero(matrix) > 3 or not np.diag(matrix).all():
        raise InputError(f"a lattice lies along the axes, but the field's frame turns it: {matrix.tolist()}")
    nodes = torch.linspace(-1, 1, resolution + 1, dtype=torch.float64)
    world = frame.to_world(nodes[:, None].expand(-1, 3)).numpy()
    about = dict(zip("xyz", world.T, strict=True)) | {
        "spacing": np.diag(matrix) * 2 / resolution,
        "form": np.array(form),
    }
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in about.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, array.copy(), allow_pickle=False)
        for name, layer in layers.items():
            _write(archive, name, layer, nodes)
    return (len(nodes), len(nodes), len(nodes))


def _write(archive: zipfile.ZipFile, name: str, layer: Layer, nodes: Tensor) -> None:
    shape: Sequence[int] = (len(nodes), len(nodes), len(nodes), *layer.tail)
    flat = torch.cartesian_prod(nodes, nodes).float()
    with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
        header = {"descr": layer.dtype, "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(stream, header)
        for x in nodes.tolist():
            values = layer.at(torch.cat([torch.full_like(flat[:, :1], x), flat], 1))
            stream.write(np.ascontiguousarray(values, layer.dtype).tobytes())
