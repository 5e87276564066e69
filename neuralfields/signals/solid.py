"""Shapes known as functions: spheres, boxes and what is made of them."""

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuralfields.calculus import value_and_gradient
from neuralfields.geometry import Frame, Triangles
from neuralfields.geometry.voxels import Occupancy, lattice_points
from neuralfields.render.meshing import extract
from neuralfields.render.surface import Surface
from neuralfields.signals.shape import Sampling, Shape

_CELLS = 128  # per axis, of the mesh whose points begin the way to the surface
_NEWTON = 4
_CHUNK = 1 << 17


class Solid(Shape):
    """What is inside a level function over the box [-1, 1]^3, as those of ``geometry.solids``.

    Its values are what a field learns: signed distances where the function gives them.

    >>> import neuralfields as nf
    >>> ring = nf.signals.Solid(nf.geometry.solids.torus(0.5, 0.2))
    >>> print(ring.kind, ring.form)
    solid sdf

    Args:
        level: [n, 3] to [n, 1] in the same dtype, negative inside, differentiable.
        name: what it is called in reports.
        form: as for ``Mesh``.
        sampling: as for ``Mesh``.

    Raises:
        InputError: the form is unknown, or, once samples are made, there is no surface in the box.
    """

    kind = "solid"

    def __init__(
        self,
        level: Callable[[Tensor], Tensor],
        *,
        name: str = "solid",
        form: str = "sdf",
        sampling: Sampling | Mapping[str, Any] | None = None,
    ):
        super().__init__(form, sampling)
        self.level, self.name = level, name
        self.frame = Frame.of_box((-1, -1, -1), (1, 1, 1))

    def surface(self) -> Triangles:
        return self._triangles

    @cached_property
    def _triangles(self) -> Triangles:
        return extract(Surface(lambda x: self.level(x.double())), _CELLS, skip=False).triangles

    def on_surface(self, n: int, random: np.random.Generator) -> np.ndarray:
        points, _ = self._triangles.sample(n, random)
        x = torch.from_numpy(points)
        for _ in range(_NEWTON):
            value, slope = (part.detach() for part in value_and_gradient(self.level, x))
            x = x - value * slope / slope.square().sum(-1, keepdim=True).clamp(min=1e-12)
        return x.numpy()

    def distances(self, points: np.ndarray) -> np.ndarray:
        values = self._values(points)
        return np.abs(values) if self.form == "udf" else values

    def inside(self, points: np.ndarray) -> np.ndarray:
        return self._values(points) < 0

    def judged(self, n: int, offset: tuple[float, float, float]) -> Occupancy:
        parts = np.array_split(np.arange(n**3), max(1, n**3 // _CHUNK))
        inside = np.concatenate([self.inside(lattice_points(n, offset, part)) for part in parts]).reshape(n, n, n)
        return Occupancy(inside, np.zeros_like(inside))

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"shape": [3, 1], "sha256": self._sha256}

    @torch.no_grad()
    def _values(self, points: np.ndarray) -> np.ndarray:
        parts = torch.from_numpy(np.ascontiguousarray(points, np.float64)).split(_CHUNK)
        return torch.cat([self.level(part) for part in parts])[:, 0].numpy()

    @cached_property
    def _sha256(self) -> str:
        """Of what the function gives on a lattice."""
        return hashlib.sha256(self._values(lattice_points(16)).tobytes()).hexdigest()
