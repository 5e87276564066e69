"""Where things are: frames and triangle meshes."""

from neuralfields.geometry import solids
from neuralfields.geometry.frame import Frame
from neuralfields.geometry.normals import estimated_normals
from neuralfields.geometry.repair import Repairs, Topology, repaired, topology
from neuralfields.geometry.triangles import Triangles

__all__ = ["Frame", "Repairs", "Topology", "Triangles", "estimated_normals", "repaired", "solids", "topology"]
