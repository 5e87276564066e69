"""From fields to what one looks at. Everything here takes fields as functions."""

from neuralfields.render.camera_map import CameraGroup, camera_map
from neuralfields.render.dual_contouring import contour
from neuralfields.render.framing import framed
from neuralfields.render.imaging import as_light, displayed, image_values
from neuralfields.render.meshing import Extracted, components, extract
from neuralfields.render.paths import CameraPath, slerp
from neuralfields.render.shading import BACKGROUNDS, MODES, render_surface
from neuralfields.render.surface import FORMS, Surface, outward_slopes
from neuralfields.render.surroundings import Surroundings
from neuralfields.render.tracing import Hits, sphere_trace
from neuralfields.render.turntable import turntable
from neuralfields.render.views import VIEW_MODES, Renderable, View, pixel_rays, render_view

__all__ = [
    "BACKGROUNDS",
    "FORMS",
    "MODES",
    "VIEW_MODES",
    "CameraGroup",
    "CameraPath",
    "Extracted",
    "Hits",
    "Renderable",
    "Surface",
    "Surroundings",
    "View",
    "as_light",
    "camera_map",
    "components",
    "contour",
    "displayed",
    "extract",
    "framed",
    "image_values",
    "outward_slopes",
    "pixel_rays",
    "render_surface",
    "render_view",
    "slerp",
    "sphere_trace",
    "turntable",
]
