"""Fields made for a purpose: output maps, and radiance fields with the ways they are rendered."""

from neuralfields.fields.affine import Affine
from neuralfields.fields.density import Density
from neuralfields.fields.hierarchical import Hierarchical
from neuralfields.fields.inverted_sphere import InvertedSphere
from neuralfields.fields.marched import Marched
from neuralfields.fields.radiance import Radiance
from neuralfields.fields.sinh import Sinh

__all__ = ["Affine", "Density", "Hierarchical", "InvertedSphere", "Marched", "Radiance", "Sinh"]
