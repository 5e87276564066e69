"""Where things are: frames and triangle meshes."""

from neuralfields.geometry.frame import Frame
from neuralfields.geometry.triangles import Triangles

__all__ = ["Frame", "Triangles"]
