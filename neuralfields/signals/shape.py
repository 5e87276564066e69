"""What shapes have in common as signals: a pool of samples, and how a field is judged."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuralfields import metrics
from neuralfields.checks import one_of
from neuralfields.errors import InputError, NoSurface
from neuralfields.field import Field, FieldLike
from neuralfields.geometry import Frame, Triangles
from neuralfields.geometry.proximity import Proximity
from neuralfields.geometry.voxels import Occupancy, lattice_points
from neuralfields.protocols import Batch
from neuralfields.render import framed, render_surface
from neuralfields.render.crossings import level_at
from neuralfields.render.meshing import extract
from neuralfields.render.surface import FORMS, Surface

_BLOCK = 1 << 18  # samples that are made, or asked of a field, at once
_ASKED = 1 << 22  # samples whose truth is asked for at once
_LATTICE, _COARSE = 256, 128  # samples per axis when quality is measured, thoroughly or not
_BAND = 0.01  # distance from the surface within which iou_near counts
_PREVIEW_PIXELS = 256
_JUDGING_SEED = 20_011  # of what a field is judged by; training never uses it


@dataclass(frozen=True)
class Sampling:
    """Where a shape is sampled.

    Attributes:
        surface, near, box: shares of samples on the surface, near it, and anywhere in the box.
        spreads: standard deviations of the distance of those near it, in box units; each gets an equal part.
        curvature: share of the samples on and near the surface that are drawn where it bends, 0 to 1; the others are
            spread evenly by area.
        samples: how many there are in all.

    Raises:
        InputError: a value is out of range.
    """

    surface: float = 0.25
    near: float = 0.55
    box: float = 0.2
    spreads: tuple[float, ...] = (0.02, 0.005, 0.0015)
    curvature: float = 0.0
    samples: int = 1 << 21

    def __post_init__(self) -> None:
        object.__setattr__(self, "spreads", tuple(self.spreads))  # JSON has lists
        shares = (self.surface, self.near, self.box)
        if not (min(shares) >= 0 and math.isclose(sum(shares), 1, abs_tol=1e-6)):
            raise InputError(f"the shares surface, near and box are from 0 on and make 1, got {shares}")
        if not self.spreads or not all(0 < spread < math.inf for spread in self.spreads):
            raise InputError(f"spreads are positive, one or more, got {self.spreads}")
        if not 0 <= self.curvature <= 1:
            raise InputError(f"curvature is a share from 0 to 1, got {self.curvature}")
        if not (isinstance(self.samples, int) and self.samples >= 1):
            raise InputError(f"a shape is sampled at a whole number of points from 1 on, got {self.samples}")


class Shape(ABC):
    """A surface in space, of which a field learns signed distances, unsigned ones, or what is inside.

    A pool of samples is made once, before the first step, in blocks; batches are windows of it, one after the other, so
    that drawing costs next to nothing. A seed says where they begin.

    Attributes:
        form: "sdf", "occupancy" (values 1 inside, 0 outside, for logits) or "udf"; see ``render.Surface``.
        sampling: where the samples lie.
    """

    in_dim, out_dim = 3, 1
    frame: Frame
    name: str
    kind: str

    def __init__(self, form: str, sampling: "Sampling | Mapping[str, Any] | None"):
        one_of(FORMS, form=form)
        self.form = form
        try:
            self.sampling = sampling if isinstance(sampling, Sampling) else Sampling(**(sampling or {}))
        except TypeError as error:
            raise InputError(f"the sampling has values by the names of Sampling's, got {sampling}: {error}") from error

    @abstractmethod
    def on_surface(self, n: int, random: np.random.Generator) -> np.ndarray:
        """Points [n, 3] float64 of the surface, in box coordinates."""

    @abstractmethod
    def distances(self, points: np.ndarray) -> np.ndarray:
        """Of ``points`` [n, 3] in box coordinates from the surface [n] float64, in box units; signed but for "udf"."""

    def apart(self, points: np.ndarray) -> np.ndarray:
        """Unsigned distances [n] of ``points`` [n, 3] from the surface."""
        return np.abs(self.distances(points))

    @abstractmethod
    def inside(self, points: np.ndarray) -> np.ndarray:
        """Whether ``points`` [n, 3] in box coordinates are inside [n]."""

    @abstractmethod
    def judged(self, n: int, offset: tuple[float, float, float]) -> Occupancy:
        """What a lattice finds inside, by another method than training's, see ``geometry.voxels``."""

    @abstractmethod
    def surface(self) -> Triangles:
        """The surface as a mesh in box coordinates."""

    def proximity(self) -> Proximity:
        """For distances to ``surface``."""
        return Proximity(self.surface())

    @property
    def size(self) -> int:
        return self.sampling.samples

    @property
    def awaited(self) -> str:
        """The making of samples."""
        return f"making {self.size:,} samples"

    def preview(self, field: Field) -> np.ndarray:
        """The field's surface, 256 pixels a side."""
        return portrait(Surface(field, self.form))

    def cost(self, size_in_bytes: int) -> dict[str, float]:
        """Nothing: what a shape's own size is cannot be said."""
        return {}

    def prepare(self) -> None:
        """Make the pool of samples."""
        _ = self._pool

    def draw(self, n: int, *, seed: int, step: int) -> Batch:
        x, y = self._pool
        n = min(n, self.size)
        start = (seed * 0x9E3779B97F4A7C15 + step * n) % self.size
        end = start + n
        if end <= self.size:
            return Batch(x[start:end], y[start:end])
        parts = [(x[start:], y[start:]), (x[: end - self.size], y[: end - self.size])]
        return Batch(*(torch.cat(both) for both in zip(*parts, strict=True)))

    def chunks(self, n: int) -> Iterator[Batch]:
        for x, y in zip(*(part.split(n) for part in self._pool), strict=True):
            yield Batch(x, y)

    @property
    def headline(self) -> str:
        """ "iou", but for unsigned distances "distance_error"."""
        return "distance_error" if self.form == "udf" else "iou"

    def measure(self, field: FieldLike, *, thorough: bool = False) -> dict[str, float]:
        """Quality in box units, by a lattice, a method and a seed that training does not use.

        iou: of a lattice of 128^3 samples, 256^3 if thorough, NaN where nothing is inside; iou_near: of those within
        0.01 of the surface, if thorough. distance_error: mean |f - d| of samples near the surface, for distances.
        ``thorough`` adds those of ``metrics.surface_errors``, of a mesh extracted at that resolution, and the numbers
        of samples.
        """
        surface, found = Surface(field, self.form), {}
        resolution = _LATTICE if thorough else _COARSE
        random = np.random.default_rng(_JUDGING_SEED)
        if self.form != "udf":
            found |= self._overlap(surface, resolution, random, near=thorough)
        if self.form != "occupancy":
            found |= self._distance_error(surface, random)
        if thorough:
            found |= self._surface_errors(surface, resolution)
        return found

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "form": self.form,
            "sampling": asdict(self.sampling),
        }

    @cached_property
    def _pool(self) -> tuple[Tensor, Tensor]:
        """Coordinates [samples, 3] and values [samples, 1], in random order."""
        random = np.random.default_rng(0)
        points, known = np.empty((self.size, 3), np.float32), np.empty(self.size, bool)
        for start in range(0, self.size, _BLOCK):
            part = slice(start, min(start + _BLOCK, self.size))
            points[part], known[part] = self._block(part.stop - part.start, random)
        # In few parts: a large mesh is asked piece by piece. The truth is that of the rounded coordinates, which is
        # what the field gets.
        values, index = np.zeros((self.size, 1), np.float32), np.flatnonzero(~known)
        truth = self.inside if self.form == "occupancy" else self.distances
        for start in range(0, len(index), _ASKED):
            part = index[start : start + _ASKED]
            values[part, 0] = truth(points[part].astype(np.float64))
        return torch.from_numpy(points), torch.from_numpy(values)

    def _block(self, n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """``n`` mixed points [n, 3] float32, and which of them [n] lie on the surface."""
        shares = self.sampling
        # Whether a point of the surface is inside cannot be said, so occupancy has those near it instead.
        boxed = round(n * shares.box)
        count = 0 if self.form == "occupancy" else min(round(n * shares.surface), n - boxed)
        bases = self.on_surface(n - boxed, random)
        spread = random.choice(self.sampling.spreads, (len(bases) - count, 1))
        bases[count:] += spread * random.standard_normal((len(bases) - count, 3))
        points = np.concatenate([bases, random.uniform(-1, 1, (boxed, 3))]).clip(-1, 1).astype(np.float32)
        order = random.permutation(n)
        return points[order], order < count

    def _overlap(self, surface: Surface, n: int, random: np.random.Generator, *, near: bool) -> dict[str, float]:
        x, y, z = random.uniform(-0.5, 0.5, 3)
        truth = self.judged(n, (x, y, z)).inside.reshape(-1)
        inside = np.empty_like(truth)
        for start in range(0, n**3, _BLOCK):
            part = np.arange(start, min(start + _BLOCK, n**3))
            inside[part] = level_at(surface, lattice_points(n, (x, y, z), part)) < 0
        if not truth.any():
            return {"iou": math.nan}  # nothing is inside
        found = {"iou": metrics.iou(inside, truth)}
        if near:
            band = _beside(truth.reshape(n, n, n), 1 + math.ceil(_BAND * n / 2)).reshape(-1)
            places = np.flatnonzero(band)
            places = places[self.apart(lattice_points(n, (x, y, z), places)) <= _BAND]
            found |= {"iou_near": metrics.iou(inside[places], truth[places])}
            found |= {"iou_samples": n**3, "iou_near_samples": len(places)}
        return found

    def _distance_error(self, surface: Surface, random: np.random.Generator) -> dict[str, float]:
        points = self.on_surface(_BLOCK // 8, random)
        points += 0.01 * random.standard_normal(points.shape)
        points = points.clip(-1, 1).astype(np.float32).astype(np.float64)
        found = level_at(surface, points) + (surface.shell if self.form == "udf" else 0)
        return {"distance_error": float(np.abs(found - self.distances(points)).mean())}

    def _surface_errors(self, surface: Surface, resolution: int) -> dict[str, float]:
        samples = 100_000
        surface = surface.for_cells(resolution)
        try:
            found = extract(surface, resolution)
            # Of an unsigned distance it is the shell around the surface, which lies so far within.
            within = found.normals * surface.shell if self.form == "udf" else 0.0
            mesh = Triangles(found.triangles.vertices - within, found.triangles.faces)
        except NoSurface:
            mesh = Triangles(np.zeros((0, 3)), np.zeros((0, 3)))
        errors = metrics.surface_errors(mesh, self.proximity(), samples=samples, seed=_JUDGING_SEED)
        return errors.to_json() | {"surface_samples": samples}


def portrait(surface: Surface) -> np.ndarray:
    """A small picture [256, 256, 3] of a surface on white."""
    camera = framed(surface, size=(_PREVIEW_PIXELS, _PREVIEW_PIXELS))
    return render_surface(surface, camera, background="white", samples=1)


def _beside(inside: np.ndarray, cells: int) -> np.ndarray:
    """The samples [n, n, n] that have another side within so many cells along each axis."""
    from scipy.ndimage import maximum_filter, minimum_filter

    size = 2 * cells + 1
    return maximum_filter(inside, size, mode="nearest") != minimum_filter(inside, size, mode="nearest")
