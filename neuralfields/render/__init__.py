"""From fields to what one looks at. Everything here takes fields as functions."""

from neuralfields.render.dual_contouring import contour
from neuralfields.render.imaging import as_light, displayed, image_values
from neuralfields.render.meshing import Extracted, components, extract
from neuralfields.render.surface import FORMS, Surface

__all__ = ["FORMS", "Extracted", "Surface", "as_light", "components", "contour", "displayed", "extract", "image_values"]
