"""Fields made for a purpose; surfaces, radiance and tiled fields find their place here."""

from neuralfields.fields.affine import Affine
from neuralfields.fields.sinh import Sinh

__all__ = ["Affine", "Sinh"]
