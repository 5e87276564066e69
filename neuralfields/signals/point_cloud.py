"""Points on a surface, with normals: the surface of a scan, before anything is known between the points."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from neuralfields.errors import InputError, NoSurface
from neuralfields.field import Field, FieldLike, device_of
from neuralfields.files.meshes import read_mesh
from neuralfields.geometry import Frame, Triangles, estimated_normals
from neuralfields.geometry.proximity import Proximity
from neuralfields.protocols import SurfaceBatch
from neuralfields.render import Surface, components, extract
from neuralfields.signals.lattice import Lattice
from neuralfields.signals.shape import portrait

ROUGH_STEPS = 200  # batches whose places have rough values: those of a point in a large cloud take long
_CELLS = 256  # along each axis, of the mesh by which a field is judged
_SPREAD = 200_000  # places on that mesh
_CHECKED = 1 << 15  # points that a quick look at a field takes
_PLANES, _MARGIN = 8, 0.03  # of a rough distance: neighbours, and room around the points' bounds
_BOX = 2.0  # distance that a point has where the field has no slope: the side of the box


class PointCloud:
    """Points of a surface and the normals there, for a signed distance field in [-1, 1]^3.

    The frame has one scale: the longest side of the points' bounds spans [-0.9, 0.9]. Batches are half points of the
    cloud, in random order, whose value is 0, and half points anywhere in the box, see ``SurfaceBatch``; the latter have
    rough values (``roughly``) in the first 200 batches, and a weight of 0, because theirs are not known.
    ``objectives.OrientedPoints`` is what makes a surface of them.

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
    options: ClassVar[tuple[str, ...]] = ("viewpoint", "neighbours")

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
        self.name, self.estimated, self.left_out = name, normals is None, 0
        self.viewpoint, self.neighbours = None if viewpoint is None else np.asarray(viewpoint, np.float64), neighbours
        self.frame = Frame.around(world.min(0), world.max(0))
        if normals is None:
            normals = estimated_normals(world, neighbours=neighbours, viewpoint=self.viewpoint)
        self.points = self.frame.to_box(torch.from_numpy(world)).float()
        self.normals = torch.from_numpy(_units(_rows("normals", normals, len(world)))).float()
        self._lattice = Lattice((len(world),))

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, viewpoint: Any = None, neighbours: int = 16) -> "PointCloud":
        """Read any mesh or point file: its vertices, with the normals that it has.

        Normals that a file with faces lacks are those of the faces, weighted by the angle; without faces they are
        estimated. Vertices that are not finite, or have no normal where others have, are left out;
        ``left_out`` and ``describe`` tell how many.

        Args:
            path: the file.
            viewpoint, neighbours: for the estimate, as for ``PointCloud``.

        Raises:
            InputError: the file is missing, damaged, or has too few points, or a viewpoint is given and it has normals.
        """
        mesh = read_mesh(path)
        points, normals = mesh.vertices, mesh.normals
        kept = np.asarray(np.isfinite(points).all(1))
        if normals is None and len(mesh.faces):
            normals = Triangles(points, mesh.faces[kept[mesh.faces].all(1)]).vertex_normals
        if normals is not None:
            if viewpoint is not None:
                raise InputError(f"{path} has normals: a viewpoint is for points without, leave it out")
            kept &= np.isfinite(normals).all(1) & normals.any(1)
            normals = normals[kept]
        cloud = cls(points[kept], normals, name=Path(path).name, viewpoint=viewpoint, neighbours=neighbours)
        cloud.left_out = int((~kept).sum())
        return cloud

    @classmethod
    def joined(cls, clouds: Sequence["PointCloud"], *, name: str = "points") -> "PointCloud":
        """Several clouds in one unit and place, such as scans of one thing from several sides, as one.

        Raises:
            InputError: there are none.
        """
        if not clouds:
            raise InputError("one point cloud or more can be joined, got none")
        points = torch.cat([cloud.frame.to_world(cloud.points.double()) for cloud in clouds])
        made = cls(points, torch.cat([cloud.normals for cloud in clouds]), name=name)
        made.estimated = any(cloud.estimated for cloud in clouds)
        made.left_out = sum(cloud.left_out for cloud in clouds)
        return made

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
        rough = self.roughly(anywhere) if step < ROUGH_STEPS else torch.zeros(beside, 1)
        return SurfaceBatch(
            torch.cat([self.points[index], anywhere]),
            torch.cat([torch.zeros(len(index), 1), rough]),
            on.float(),
            normal=torch.cat([self.normals[index], torch.zeros(beside, 3)]),
            on_surface=on,
        )

    def chunks(self, n: int) -> Iterator[SurfaceBatch]:
        """The points of the surface in order, ``n`` at a time."""
        for start in range(0, self.size, n):
            yield self.at(torch.arange(start, min(start + n, self.size)))

    def roughly(self, x: Tensor) -> Tensor:
        """A rough signed distance [n, 1] at ``x`` [n, 3], both in the box: the mean from 8 nearest points' planes.

        Hoppe et al., "Surface Reconstruction from Unorganized Points", SIGGRAPH 1992. Beside the bounds of the
        points it is no less than the distance from these: behind points that are seen from one side all is inside, up
        to there.
        """
        near = self._tree.query(x.numpy(), list(range(1, 1 + min(_PLANES, self.size))))[1]
        apart = ((x[:, None] - self.points[near]) * self.normals[near]).sum(-1).mean(-1, keepdim=True)
        low, high = self.points.amin(0) - _MARGIN, self.points.amax(0) + _MARGIN
        return torch.maximum(apart, torch.maximum(low - x, x - high).amax(-1, keepdim=True))

    def prepare(self) -> None:
        """Nothing: all is made at the start."""

    @property
    def extent(self) -> str:
        """How large it is, for people."""
        return f"{self.size:,} points"

    @property
    def notes(self) -> list[str]:
        """What a user should know: what was left out, and where the normals are from."""
        found = [f"{self.left_out:,} points without finite coordinates or normal"] if self.left_out else []
        if self.estimated:
            side = "they agree with each other" if self.viewpoint is None else "they look to the viewpoint"
            found.append(f"normals are estimated from {self.neighbours} neighbours; {side}")
        return found

    @property
    def awaited(self) -> str:
        return ""

    def preview(self, field: Field) -> np.ndarray:
        """The field's surface, 256 pixels a side."""
        return portrait(Surface(field))

    def cost(self, size_in_bytes: int) -> dict[str, float]:
        """Bits per point of the cloud."""
        return {"bits_per_point": 8 * size_in_bytes / self.size}

    @property
    def headline(self) -> str:
        return "points_to_surface"

    def measure(self, field: FieldLike, *, thorough: bool = False) -> dict[str, float]:
        """How well the surface of a signed distance goes through the points; lengths in box units.

        points_to_surface: mean of |f| / |grad f|, which estimates the distance of a point from the surface, at most 2.
        normal_error: mean angle between gradient and normal, in degrees from 0 to 180. Both of 32768 points, or of all
        if ``thorough``, which adds, of a mesh of 256 cells along each axis: points_to_mesh, mean distance from the
        points to it, and points_to_mesh_max; components, its parts, and components_near, those that are the nearest to
        a point in a thousand or more; unsupported, the share of its area farther than ``reach`` from any point: holes
        that were closed, and what was made up. A field without a surface has no components, and nothing of the rest.
        """
        found = self._fit_of_points(field, self.size if thorough else min(self.size, _CHECKED))
        return found | self._fit_of_mesh(field) if thorough else found

    @cached_property
    def reach(self) -> float:
        """Distance up to which a point vouches for the surface around it, in box units.

        Twice the median distance of points from their sixth neighbours, as many as a triangular lattice has.
        """
        from scipy.spatial import KDTree

        places = np.unique(self.points.numpy(), axis=0)  # of points that repeat, one
        tree: Any = KDTree(places)
        return 2 * float(np.median(tree.query(places, [min(7, len(places))])[0]))

    def _fit_of_points(self, field: FieldLike, count: int) -> dict[str, float]:
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

    def _fit_of_mesh(self, field: FieldLike) -> dict[str, float]:
        try:
            mesh = extract(Surface(field), _CELLS).triangles
        except NoSurface:
            return {"components": 0}
        nearest = Proximity(mesh).nearest(self.points.double().numpy())
        part, areas = components(mesh)
        points = np.bincount(part[nearest.face])
        places, _ = mesh.sample(_SPREAD, np.random.default_rng(0))
        beyond = self._tree.query(places, distance_upper_bound=self.reach)[0] > self.reach
        return {
            "components": len(areas),
            "components_near": int((points >= max(1, self.size / 1000)).sum()),
            "points_to_mesh": float(nearest.distance.mean()),
            "points_to_mesh_max": float(nearest.distance.max()),
            "unsupported": float(beyond.mean()),
            "reach": self.reach,
        }

    @cached_property
    def _tree(self) -> Any:
        """For the nearest points."""
        from scipy.spatial import KDTree

        return KDTree(self.points.numpy())

    def describe(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "shape": [self.size, 3],
            "form": "sdf",
            "left_out": self.left_out,
            "neighbours": self.neighbours,
            "viewpoint": self.viewpoint.tolist() if self.viewpoint is not None and self.viewpoint.ndim == 1 else None,
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
