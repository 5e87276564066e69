"""Signals: what can be fitted: images, meshes, points, posed photos, scattered samples; others find a place."""

from neuralfields.signals import synthetic
from neuralfields.signals.image import Image
from neuralfields.signals.mesh import Mesh
from neuralfields.signals.pictures import Pictures
from neuralfields.signals.point_cloud import PointCloud
from neuralfields.signals.posed_images import JudgedView, PosedImages
from neuralfields.signals.reading import KINDS, as_signal, kind_of, read, read_again
from neuralfields.signals.samples import Samples
from neuralfields.signals.shape import Sampling, Shape
from neuralfields.signals.solid import Solid

__all__ = [
    "KINDS",
    "Image",
    "JudgedView",
    "Mesh",
    "Pictures",
    "PointCloud",
    "PosedImages",
    "Samples",
    "Sampling",
    "Shape",
    "Solid",
    "as_signal",
    "kind_of",
    "read",
    "read_again",
    "synthetic",
]
