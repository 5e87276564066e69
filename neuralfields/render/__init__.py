"""From fields to what one looks at. Everything here takes fields as functions."""

from neuralfields.render.imaging import as_light, displayed, image_values
from neuralfields.render.surface import FORMS, Surface

__all__ = ["FORMS", "Surface", "as_light", "displayed", "image_values"]
