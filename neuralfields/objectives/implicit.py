"""Surfaces from points alone: no distances are known, only where the field is zero and where its gradient points."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields.calculus import value_and_gradient
from neuralfields.errors import InputError
from neuralfields.field import FieldLike
from neuralfields.geometry.frame import HALF_SIDE
from neuralfields.protocols import Batch, SurfaceBatch


@dataclass(frozen=True)
class OrientedPoints:
    """A signed distance from points with normals, for a field f with one output; each term a mean over all samples.

    on_surface: |f| at points of the surface. off_surface: exp(-sharpness |f|) at the others, so that f is not zero
    there. normals: 1 - cos(grad f, normal) at points of the surface. eikonal: ||grad f| - 1| everywhere. outside:
    max(-f, 0) beyond [-0.9, 0.9]^n, where no shape is: it closes a surface that has points on one side alone before it
    reaches the box. A term is zero at samples that it is not for, which count in its mean all the same. Where the
    gradient vanishes, no derivative comes from its length or direction.

    The first ``start`` steps have none of these: they bring the field near to ``batch.y`` everywhere, by the squared
    difference. Without them bubbles may remain where there are no points, made of what the network was by chance.
    ``batch.weight`` has no part in any of it.

    The defaults, without the last term, are those of Sitzmann et al., "Implicit Neural Representations with Periodic
    Activation Functions", NeurIPS 2020, 4.2 and code. ``OrientedPoints(1, 0, 1, 0.1)`` has the weights of Gropp et al.,
    "Implicit Geometric Regularization for Learning Shapes", ICML 2020 (whose eikonal term is squared, and whose normals
    are compared by their difference).

    Args:
        on_surface, off_surface, normals, eikonal, outside: weights of the terms; 0 leaves a term out.
        sharpness: of the off-surface term, per unit of f.
        start: number of steps to begin with that fit the batches' values.

    Raises:
        InputError: a weight is negative or not finite, or none is positive; on a call, the field has more than one
            output, or the batch does not tell which samples are on the surface, or has no normals and
            ``normals`` is not 0.
    """

    on_surface: float = 3000.0
    off_surface: float = 100.0
    normals: float = 100.0
    eikonal: float = 50.0
    outside: float = 0.0
    sharpness: float = 100.0
    start: int = 0

    def __post_init__(self) -> None:
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        if not all(0 <= value < math.inf for value in values.values()):
            raise InputError(f"weights and sharpness are finite and from 0 on, got {values}")
        if not any(self._weights.values()):
            raise InputError(f"one weight at least is above 0, got {values}")

    def __call__(self, field: FieldLike, batch: Batch, step: int) -> Mapping[str, Tensor]:
        on, normal = self._surface_of(batch)
        if step < self.start:
            return {"start": (field(batch.x) - batch.y).square().mean()}
        values, gradient = value_and_gradient(field, batch.x)
        size = values[:, 0].abs()
        terms = {
            "on_surface": size * on,
            "off_surface": torch.exp(-self.sharpness * size) * ~on,
            "eikonal": (gradient.norm(dim=-1) - 1).abs(),
            "outside": (-values[:, 0]).relu() * (batch.x.abs().amax(-1) > HALF_SIDE),
        }
        if normal is not None:
            terms["normals"] = (1 - F.cosine_similarity(gradient, normal, dim=-1)) * on
        return {name: weight * terms[name].mean() for name, weight in self._weights.items() if weight}

    @property
    def _weights(self) -> dict[str, float]:
        names = ("on_surface", "off_surface", "normals", "eikonal", "outside")
        return {name: getattr(self, name) for name in names}

    def _surface_of(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Which samples are on the surface [n], and the normals [n, in_dim] if they are wanted."""
        if not isinstance(batch, SurfaceBatch) or batch.on_surface is None:
            given = type(batch).__name__
            raise InputError(f"which samples are on the surface is told by such as PointCloud, not by this {given}")
        if self.normals and batch.normal is None:
            raise InputError("the samples have no normals: estimate them (geometry.estimated_normals) or use normals=0")
        return batch.on_surface, batch.normal if self.normals else None
