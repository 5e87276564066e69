"""From fields to what one looks at. Everything here takes fields as functions."""

from neuralfields.render.dual_contouring import contour
from neuralfields.render.imaging import as_light, displayed, image_values
from neuralfields.render.meshing import Extracted, components, extract
from neuralfields.render.shading import MODES, framed, render_surface
from neuralfields.render.surface import FORMS, Surface
from neuralfields.render.tracing import Hits, sphere_trace

__all__ = [
    "FORMS",
    "MODES",
    "Extracted",
    "Hits",
    "Surface",
    "as_light",
    "components",
    "contour",
    "displayed",
    "extract",
    "framed",
    "image_values",
    "render_surface",
    "sphere_trace",
]
