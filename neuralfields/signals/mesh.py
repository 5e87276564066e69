"""Triangle meshes as signals."""

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from neuralfields.errors import InputError
from neuralfields.geometry import Frame, Triangles
from neuralfields.geometry.proximity import Proximity
from neuralfields.geometry.repair import repaired
from neuralfields.geometry.voxels import Occupancy, lattice_points, occupancy
from neuralfields.signals.shape import Sampling, Shape

_DOUBTS = 20_000  # samples by which two methods of telling inside are compared
_DOUBT_CELLS = 128


class NoFaces(InputError):
    """A file that could hold a mesh holds points."""


class Mesh(Shape):
    """A triangle mesh; its longest side spans [-0.9, 0.9] of the box, all axes have that scale.

    It is cleaned first (``geometry.repair``). Inside is where the winding number exceeds a half, which bears holes,
    flipped faces and several layers; ``doubt`` says how far it can be trusted.

    Args:
        mesh: in any units.
        name: what the mesh is called in reports.
        form: "sdf", "occupancy" or "udf", which is for open surfaces, where inside means little.
        sampling: where it is sampled, also as its values by name.
        distances: by "libigl" or "open3d", see ``geometry.proximity.Proximity``.

    Raises:
        InputError: no faces are left after cleaning, or an argument is unknown.
        MissingExtra: Open3D is not installed.

    Attributes:
        repairs: what was cleaned.
    """

    kind = "mesh"
    options: ClassVar[tuple[str, ...]] = ("form", "sampling", "distances")

    def __init__(
        self,
        mesh: Triangles,
        *,
        name: str = "mesh",
        form: str = "sdf",
        sampling: Sampling | Mapping[str, Any] | None = None,
        distances: str = "libigl",
    ):
        super().__init__(form, sampling)
        self.name = name
        clean, self.repairs = repaired(mesh)
        self.frame = Frame.around(*(side.tolist() for side in clean.bounds))
        self._mesh = Triangles((clean.vertices - self.frame.offset) / self.frame.matrix[0][0], clean.faces)
        self._proximity = Proximity(self._mesh, distances)

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        form: str = "sdf",
        sampling: Sampling | Mapping[str, Any] | None = None,
        distances: str = "libigl",
    ) -> "Mesh":
        """Read OBJ, PLY, STL, GLB, OFF or 3MF.

        Raises:
            NoFaces: it holds points alone.
            InputError: the file is missing or damaged, or as for ``Mesh``.
        """
        from neuralfields.files.meshes import read_mesh

        found = read_mesh(path)
        if not len(found.faces):
            raise NoFaces(f"{path} holds points without faces: read them as points")
        settings = {"name": Path(path).name, "form": form, "sampling": sampling, "distances": distances}
        mesh = Triangles(found.vertices, found.faces)
        del found  # of millions of faces one copy is enough
        try:
            return cls(mesh, **settings)
        except InputError as error:
            raise type(error)(f"{path}: {error}") from error

    def surface(self) -> Triangles:
        return self._mesh

    def proximity(self) -> Proximity:
        return self._proximity

    def on_surface(self, n: int, random: np.random.Generator) -> np.ndarray:
        faces = np.searchsorted(self._course, random.random(n) * self._course[-1], side="right")
        return self._mesh.spread(faces.clip(max=len(self._mesh.faces) - 1), random)

    def distances(self, points: np.ndarray) -> np.ndarray:
        return self.apart(points) if self.form == "udf" else self._proximity.signed(points)

    def apart(self, points: np.ndarray) -> np.ndarray:
        return self._proximity.nearest(points).distance

    def inside(self, points: np.ndarray) -> np.ndarray:
        return self._proximity.inside(points)

    def judged(self, n: int, offset: tuple[float, float, float]) -> Occupancy:
        return occupancy(self._mesh, n, offset)

    @cached_property
    def doubt(self) -> float:
        """Share of samples within a cell of a 128^3 lattice from a change of side where another method disagrees.

        That method counts crossings of lines along the axes; 0 for closed, consistent meshes.
        """
        if self._mesh.balanced:
            return 0.0  # both count how often the surface winds around a sample, a whole number
        offset = (0.1, -0.2, 0.3)
        found = occupancy(self._mesh, _DOUBT_CELLS, offset)
        near = found.disputed.copy()
        for axis in range(3):
            changes = np.diff(found.inside, axis=axis)
            for side in (slice(1, None), slice(None, -1)):
                near[tuple(side if k == axis else slice(None) for k in range(3))] |= changes
        places = np.flatnonzero(near)
        if not len(places):
            return 0.0
        places = np.random.default_rng(0).choice(places, min(_DOUBTS, len(places)), replace=False)
        inside = self.inside(lattice_points(_DOUBT_CELLS, offset, places))
        return float((inside != found.inside.reshape(-1)[places]).mean())

    @property
    def extent(self) -> str:
        """How large it is, for people."""
        mesh = self._mesh
        return f"{len(mesh.faces):,} faces, {'closed' if mesh.closed else 'open'}"

    @property
    def notes(self) -> list[str]:
        """What a user should know: what was cleaned, and how far the sides can be trusted."""
        found = [text] if (text := str(self.repairs)) else []
        if self.form != "udf" and not self._mesh.closed:
            found.append(
                "the surface is not closed: inside is where the winding number exceeds 0.5; by counting crossings "
                f"{self.doubt:.1%} of the samples near it are on the other side (--as udf needs no inside)"
            )
        return found

    def describe(self) -> dict[str, Any]:
        mesh = self._mesh
        return super().describe() | {
            "shape": [len(mesh.vertices), len(mesh.faces)],
            "closed": mesh.closed,
            "doubt": None if self.form == "udf" else self.doubt,
            "repairs": str(self.repairs),
            "distances": self._proximity.backend,
            "sha256": self._sha256,
        }

    @cached_property
    def _course(self) -> np.ndarray:
        """Running sum over the faces of how often each is sampled."""
        areas = self._mesh.areas
        weights = areas / areas.sum()
        share = self.sampling.curvature
        if share and (bent := (areas * self._mesh.bends).sum()) > 0:
            weights = (1 - share) * weights + share * areas * self._mesh.bends / bent
        return np.cumsum(weights)

    @cached_property
    def _sha256(self) -> str:
        digest = hashlib.sha256(f"{self.frame.to_json()}".encode())
        for array in (self._mesh.vertices, self._mesh.faces):
            digest.update(array.data)
        return digest.hexdigest()
