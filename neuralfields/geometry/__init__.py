"""Where things are: frames now; boxes, rays and cameras come with shapes and radiance fields."""

from neuralfields.geometry.frame import Frame

__all__ = ["Frame"]
