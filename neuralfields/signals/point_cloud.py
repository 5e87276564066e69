"""Points on a surface, with normals: the surface of a scan, before anything is known between the points."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.field import FieldLike, device_of
from neuralfields.geometry import Frame, estimated_normals
from neuralfields.protocols import SurfaceBatch
from neuralfields.render import Surface
from neuralfields.signals.lattice import Lattice

_SPAN = 0.9  # of the box's half side, for the longest side of the cloud
_CHECKED = 1 << 15  # points that a quick look at a field takes
_BOX = 2.0  # distance that a point has where the field has no slope: the side of the box


class PointCloud:
    """Points of a surface and the normals there, for a signed distance field in [-1, 1]^3.

    The frame has one scale: the longest side of the points' bounds spans [-0.9, 0.9]. Batches are half points of the
    cloud, in random order, and half points anywhere in the box, see ``SurfaceBatch``; values are 0, and the latter,
    whose value is not known, have a weight of 0. ``objectives.OrientedPoints`` is what makes a surface of them.

    >>> import torch, neuralfields as nf
    >>> sphere = torch.nn.functional.normalize(torch.randn(1000, 3), dim=-1)
    >>> cloud = nf.signals.PointCloud(sphere, sphere)
    >>> batch = cloud.draw(8, seed=0, step=0)
    >>> print(cloud.size, batch.x.shape, int(batch.on_surface.sum()))
    1000 torch.Size([8, 3]) 4

    Args:
        points: [n, 3] in any unit, three or more that do not coincide.
        normals: [n, 3] of any length, outwards; estimated if None (``geometry.estimated_normals``).
        name: what the cloud is called in reports.
        viewpoint: for the estimate, in the points' unit: where the scanner stood, [3], or [n, 3] for each point.
        neighbours: for the estimate.

    Raises:
        InputError: an array has another shape, numbers that are not finite, or a normal without length; or all points
            are the same, or lie on a line and have no normals.
    """

    kind, in_dim, out_dim = "points", 3, 1

    def __init__(
        self,
        points: Any,
        normals: Any = None,
        *,
        name: str = "points",
        viewpoint: Any = None,
        neighbours: int = 16,
    ):
        world = _rows("points", points)
        self.name, self.estimated = name, normals is None
        self.frame = _frame(world)
        if normals is None:
            normals = estimated_normals(world, neighbours=neighbours, viewpoint=viewpoint)
        self.points = self.frame.to_box(torch.from_numpy(world)).float()
        self.normals = torch.from_numpy(_units(_rows("normals", normals, len(world)))).float()
        self._lattice = Lattice((len(world),))

    @property
    def size(self) -> int:
        """Number of points of the surface."""
        return len(self.points)

    def at(self, index: Tensor) -> SurfaceBatch:
        """The points of the surface with these numbers [n]."""
        on = torch.ones(len(index), dtype=torch.bool)
        zeros = torch.zeros(len(index), 1)
        return SurfaceBatch(self.points[index], zeros, index=index, normal=self.normals[index], on_surface=on)

    def draw(self, n: int, *, seed: int, step: int) -> SurfaceBatch:
        """Batch number ``step``: n / 2 points of the surface, at most all, then n / 2 anywhere in the box."""
        beside = n // 2
        index = self._lattice.draw(n - beside, seed=seed, step=step)
        random = torch.Generator().manual_seed(hash((seed, step)) % (1 << 63))
        anywhere = torch.rand(beside, 3, generator=random, device="cpu") * 2 - 1
        on = torch.arange(len(index) + beside) < len(index)
        return SurfaceBatch(
            torch.cat([self.points[index], anywhere]),
            torch.zeros(len(on), 1),
            on.float(),
            normal=torch.cat([self.normals[index], torch.zeros(beside, 3)]),
            on_surface=on,
        )

    def chunks(self, n: int) -> Iterator[SurfaceBatch]:
        """The points of the surface in order, ``n`` at a time."""
        for start in range(0, self.size, n):
            yield self.at(torch.arange(start, min(start + n, self.size)))

    @property
    def headline(self) -> str:
        return "points_to_surface"

    def measure(self, field: FieldLike, *, thorough: bool = False) -> dict[str, float]:
        """How well the surface of a signed distance goes through the points; lengths in box units.

        points_to_surface: mean of |f| / |grad f|, which estimates the distance of a point from the surface, at most 2.
        normal_error: mean angle between gradient and normal, in degrees from 0 to 180. Of 32768 points, or of all if
        ``thorough``.
        """
        count = self.size if thorough else min(self.size, _CHECKED)
        index = torch.linspace(0, self.size - 1, count, dtype=torch.float64).round().long()
        device = device_of(field)
        values, slopes = Surface(field).values_and_gradients(self.points[index].to(device))
        steep = slopes.norm(dim=-1)
        distance = torch.where(steep > 0, values.abs() / steep, _BOX).clamp(max=_BOX)
        cosine = torch.nn.functional.cosine_similarity(slopes, self.normals[index].to(device), dim=-1)
        return {
            "points_to_surface": float(distance.double().mean()),
            "normal_error": float(cosine.clamp(-1, 1).double().acos().rad2deg().mean()),
        }

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "shape": [self.size, 3],
            "form": "sdf",
            "normals": "estimated" if self.estimated else "given",
            "sha256": self._sha256,
        }

    @cached_property
    def _sha256(self) -> str:
        digest = hashlib.sha256(f"{self.frame.to_json()}".encode())
        for array in (self.points, self.normals):
            digest.update(array.numpy().data)
        return digest.hexdigest()


def _rows(what: str, given: Any, count: int | None = None) -> np.ndarray:
    """[n, 3] finite numbers in float64, ``count`` of them if that is told."""
    try:
        array = np.array(given.detach().cpu().numpy() if isinstance(given, Tensor) else given, np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{what} are an array [n, 3] of numbers: {error}") from error
    if array.ndim != 2 or array.shape[1] != 3 or not len(array) or count not in (None, len(array)):
        wanted = "[n, 3]" if count is None else f"[{count}, 3], one for each point"
        raise InputError(f"{what} are {wanted}, got {list(array.shape)}")
    bad = ~np.isfinite(array).all(1)
    if bad.any():
        raise InputError(f"{int(bad.sum())} of {len(array)} {what} are not finite: leave them out")
    return array


def _units(normals: np.ndarray) -> np.ndarray:
    largest = np.abs(normals).max(1, keepdims=True)
    if not largest.all():
        count = int((largest == 0).sum())
        raise InputError(f"{count} of {len(normals)} normals have no length: give None to have all estimated")
    normals = normals / largest  # squares of tiny numbers would vanish
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _frame(points: np.ndarray) -> Frame:
    low, high = points.min(0), points.max(0)
    half = float((high - low).max()) / (2 * _SPAN)
    if not 0 < half < np.inf:
        raise InputError(f"{len(points)} points that have no extent make no surface: all are at {low.tolist()}")
    middle = low / 2 + high / 2
    return Frame.of_box(*((middle + side * half).tolist() for side in (-1, 1)))
