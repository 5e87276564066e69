"""Signals: what can be fitted. Images, point clouds and scattered samples now; audio, video and others find a place."""

from neuralfields.signals.image import Image
from neuralfields.signals.point_cloud import PointCloud
from neuralfields.signals.reading import KINDS, as_signal, kind_of, read
from neuralfields.signals.samples import Samples

__all__ = ["KINDS", "Image", "PointCloud", "Samples", "as_signal", "kind_of", "read"]
