"""Fields made for a purpose; surfaces, radiance and tiled fields find their place here."""

from neuralfields.fields.affine import Affine

__all__ = ["Affine"]
