"""From fields to what one looks at. Everything here takes fields as functions."""

from neuralfields.render.dual_contouring import contour
from neuralfields.render.framing import framed
from neuralfields.render.imaging import as_light, displayed, image_values
from neuralfields.render.meshing import Extracted, components, extract
from neuralfields.render.shading import BACKGROUNDS, MODES, render_surface
from neuralfields.render.surface import FORMS, Surface
from neuralfields.render.tracing import Hits, sphere_trace
from neuralfields.render.turntable import turntable

__all__ = [
    "BACKGROUNDS",
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
    "turntable",
]
