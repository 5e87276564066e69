"""Quality of shapes: intersection over union of what is inside, distances between surfaces, angles of normals."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from neuralfields.errors import InputError
from neuralfields.geometry.proximity import Proximity
from neuralfields.geometry.triangles import Triangles


def iou(prediction: np.ndarray, target: np.ndarray) -> float:
    """Intersection over union of two sets of samples, given as booleans of one shape; 1 where both are empty.

    Raises:
        InputError: the shapes differ.
    """
    if prediction.shape != target.shape:
        raise InputError(f"iou compares samples of one shape, got {list(prediction.shape)} and {list(target.shape)}")
    union = int((prediction | target).sum())
    return int((prediction & target).sum()) / union if union else 1.0


@dataclass(frozen=True)
class SurfaceErrors:
    """Distances between two surfaces, from points spread evenly over each to the nearest point of the other.

    All lengths are in the units of the meshes.

    Attributes:
        chamfer_l1: mean of the two mean distances.
        chamfer_l2: sum of the two mean squared distances.
        normal_error: mean angle between normals there, in degrees from 0 to 90: orientation does not count.
        hausdorff: the largest distance, both ways.
        to_target, to_prediction: the mean distance one way: how much too much, and how much is missing.
    """

    chamfer_l1: float
    chamfer_l2: float
    normal_error: float
    hausdorff: float
    to_target: float
    to_prediction: float

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def surface_errors(
    prediction: Triangles, target: Triangles | Proximity, *, samples: int = 100_000, seed: int = 0
) -> SurfaceErrors:
    """``SurfaceErrors`` of two meshes by so many points on each; infinite where one of them is empty.

    ``target`` may be the ``Proximity`` of a mesh, where that is at hand.
    """
    truth = target.mesh if isinstance(target, Proximity) else target
    if not (prediction.areas.sum() > 0 and truth.areas.sum() > 0):
        return SurfaceErrors(math.inf, math.inf, 90.0, math.inf, math.inf, math.inf)
    random = np.random.default_rng(seed)
    known = target if isinstance(target, Proximity) else Proximity(target)
    there, angle = _one_way(prediction, known, samples, random)
    back, other = _one_way(truth, Proximity(prediction), samples, random)
    return SurfaceErrors(
        chamfer_l1=float(there.mean() + back.mean()) / 2,
        chamfer_l2=float(np.square(there).mean() + np.square(back).mean()),
        normal_error=float(angle.mean() + other.mean()) / 2,
        hausdorff=float(max(there.max(), back.max())),
        to_target=float(there.mean()),
        to_prediction=float(back.mean()),
    )


def _one_way(
    source: Triangles, target: Proximity, samples: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Distances [samples] of points of one surface to the other, and the angles of normals there in degrees."""
    points, faces = source.sample(samples, random)
    nearest = target.nearest(points)
    cosine = np.abs(np.einsum("ij,ij->i", source.normals_of(faces), target.mesh.normals_of(nearest.face))).clip(max=1)
    return nearest.distance, np.degrees(np.arccos(cosine))
