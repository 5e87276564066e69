"""What rays see: samples along them, emission and absorption, the losses of radiance fields.

Functions of tensors alone; the fields that use them are in ``neuralfields.fields``.

>>> rendered = render(intervals, density, colour)
>>> rendered.over(torch.ones(3))
"""

from neuralfields.volume.intervals import Intervals, Rendered, render

__all__ = ["Intervals", "Rendered", "render"]
