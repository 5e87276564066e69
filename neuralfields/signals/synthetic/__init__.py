"""Worlds made of a few solids, and photos of them by a ray tracer: scenes of which everything is known."""

from neuralfields.signals.synthetic.judging import judge
from neuralfields.signals.synthetic.world import Thing, World, trace
from neuralfields.signals.synthetic.worlds import NAMES, world
from neuralfields.signals.synthetic.writing import write, written

__all__ = ["NAMES", "Thing", "World", "judge", "trace", "world", "write", "written"]
