"""Where things are: frames, triangle meshes, solids, points' normals, cameras and their rays, space in a ball."""

from neuralfields.geometry import se3, solids
from neuralfields.geometry.boxes import box_interval
from neuralfields.geometry.cameras import Camera, Cameras, Rays
from neuralfields.geometry.contraction import contract, uncontract
from neuralfields.geometry.focus import Gaze, cube_in_view, gaze, open_frame
from neuralfields.geometry.frame import Frame
from neuralfields.geometry.hull import tightened, visual_hull
from neuralfields.geometry.inverted_sphere import inverted_sphere, sphere_exit
from neuralfields.geometry.lenses import Lens
from neuralfields.geometry.normals import estimated_normals
from neuralfields.geometry.proximity import Nearest, Proximity
from neuralfields.geometry.repair import Repairs, Topology, repaired, topology
from neuralfields.geometry.triangles import Triangles
from neuralfields.geometry.voxels import Occupancy, lattice_points, occupancy

__all__ = [
    "Camera",
    "Cameras",
    "Frame",
    "Gaze",
    "Lens",
    "Nearest",
    "Occupancy",
    "Proximity",
    "Rays",
    "Repairs",
    "Topology",
    "Triangles",
    "box_interval",
    "contract",
    "cube_in_view",
    "estimated_normals",
    "gaze",
    "inverted_sphere",
    "lattice_points",
    "occupancy",
    "open_frame",
    "repaired",
    "se3",
    "solids",
    "sphere_exit",
    "tightened",
    "topology",
    "uncontract",
    "visual_hull",
]
