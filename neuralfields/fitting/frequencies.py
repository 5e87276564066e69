"""Which frequencies values at points hold: on regular grids as they are, elsewhere averaged over cells."""

from math import prod

import torch
from torch import Tensor


def main_frequency(x: Tensor, values: Tensor) -> float:
    """The strongest component's frequency along the axis where it is highest, in periods per unit of ``x``.

    It is 0 along an axis on which all points are at one place.

    Args:
        x: points [n, axes].
        values: [n, m], of which the powers are added up.
    """
    power, lengths = _spectrum(x, values)
    at = torch.unravel_index(power.argmax(), power.shape)
    periods = [min(int(k), count - int(k)) for k, count in zip(at, power.shape, strict=True)]
    return max(k / length for k, length in zip(periods, lengths, strict=True))


def flatness(x: Tensor, values: Tensor) -> float:
    """Geometric over arithmetic mean of the powers, their mean value left out: 0 for one wave, 0.56 for white noise."""
    power = _spectrum(x, values)[0].flatten()[1:]
    mean = float(power.mean()) if len(power) else 0.0
    return float(power.log().mean().exp()) / mean if mean else 1.0


def _spectrum(x: Tensor, values: Tensor) -> tuple[Tensor, list[float]]:
    """Power of each component, and how long a period of the first one is along each axis."""
    x = x[:, x.amin(0) < x.amax(0)]  # along the others all points are at one place
    if not x.shape[1]:
        return values.new_zeros(1), [1.0]
    cells, lengths = _on_grid(x, values)
    return torch.fft.fftn(cells, dim=list(range(x.shape[1]))).abs().square().sum(-1), lengths


def _on_grid(x: Tensor, values: Tensor) -> tuple[Tensor, list[float]]:
    """Values [cells along the axes…, m] and the length of the axes: that of all cells, not between first and last."""
    n, dims = x.shape
    found = [column.unique(return_inverse=True) for column in x.unbind(-1)]
    shape = [len(ticks) for ticks, _ in found]
    places = torch.zeros(n, dtype=torch.int64)
    for (_, index), count in zip(found, shape, strict=True):
        places = places * count + index
    if prod(shape) == n == len(places.unique()) and all(_even(ticks) for ticks, _ in found):
        lengths = [float(ticks[-1] - ticks[0]) * len(ticks) / (len(ticks) - 1) for ticks, _ in found]
    else:
        # Two samples per cell, so that few cells are empty; an empty one counts as zero.
        side = max(2, int((n / 2) ** (1 / dims)))
        low, high = x.amin(0), x.amax(0)
        columns = ((x - low) / (high - low) * side).long().clamp(0, side - 1)
        shape, lengths = [side] * dims, (high - low).tolist()
        places = (columns * side ** torch.arange(dims).flip(0)).sum(-1)
    sums = torch.zeros(prod(shape), values.shape[1], dtype=values.dtype).index_add_(0, places, values)
    counts = places.bincount(minlength=prod(shape)).clamp(min=1)
    return (sums / counts[:, None]).view(*shape, -1), lengths


def _even(ticks: Tensor) -> bool:
    """Whether there are two or more and all steps between them are the same."""
    steps = ticks.diff()
    return len(ticks) > 1 and bool(steps.max() - steps.min() < 1e-3 * steps.mean())
