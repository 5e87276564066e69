"""Signals: what can be fitted. Images and scattered samples now; audio, video, meshes and others find a place."""

from neuralfields.signals.image import Image
from neuralfields.signals.reading import KINDS, as_signal, kind_of, read
from neuralfields.signals.samples import Samples

__all__ = ["KINDS", "Image", "Samples", "as_signal", "kind_of", "read"]
