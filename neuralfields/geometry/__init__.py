"""Where things are: frames and triangle meshes."""

from neuralfields.geometry import solids
from neuralfields.geometry.frame import Frame
from neuralfields.geometry.normals import estimated_normals
from neuralfields.geometry.triangles import Triangles

__all__ = ["Frame", "Triangles", "estimated_normals", "solids"]
