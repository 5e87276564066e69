"""What rays see: samples along them, emission and absorption, the losses of radiance fields.

Functions of tensors alone; the fields that use them are in ``neuralfields.fields``.

>>> intervals = stratified(Span(near, far), 64)
>>> x = intervals.points(rays)
>>> rendered = render(intervals, density(x), colour(x))
>>> rendered.over(torch.ones(3))
"""

from neuralfields.volume import losses, steps
from neuralfields.volume.intervals import Intervals, Rendered, Seen, render, transmittance
from neuralfields.volume.sampling import Span, refined, resampled, stratified

__all__ = [
    "Intervals",
    "Rendered",
    "Seen",
    "Span",
    "losses",
    "refined",
    "render",
    "resampled",
    "steps",
    "stratified",
    "transmittance",
]
