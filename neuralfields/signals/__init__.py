"""Signals: what can be fitted. Images now; audio, video, meshes and posed images find their place here."""

from neuralfields.signals.image import Image
from neuralfields.signals.reading import KINDS, as_signal, kind_of, read

__all__ = ["KINDS", "Image", "as_signal", "kind_of", "read"]
