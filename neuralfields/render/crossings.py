"""Where the edges of a lattice cross a surface."""

from dataclasses import dataclass, replace

import numpy as np

from neuralfields.render.blocks import BLOCK, Blocks, as_input
from neuralfields.render.surface import Surface

_STEPS = 16
_HALVE = range(5, _STEPS, 3)  # steps after which the bracket is halved, for fields with kinks
_FAR = 1e30
_CLOSE = 1e-4  # of a cell: how near to the zero of the field is near enough, and how far from nodes vertices stay


@dataclass(frozen=True, eq=False)
class Crossings:
    """Edges of the lattice whose ends have different signs, and where along them the surface is.

    Attributes:
        blocks: the lattice.
        base: [n, 3] int64, index of the edge's first node.
        axis: [n] int64, the axis along which its other end is one further.
        ends: [n, 2] float32, values at both.
        share: [n] float64 between 0 and 1, how far along the edge the surface is.
    """

    blocks: Blocks
    base: np.ndarray
    axis: np.ndarray
    ends: np.ndarray
    share: np.ndarray

    @classmethod
    def between(cls, blocks: Blocks, base: np.ndarray, axis: np.ndarray, ends: np.ndarray) -> "Crossings":
        """By linear interpolation; on the faces of the box where the surface is cut off there."""
        low, high = ends.astype(np.float64).T
        found = cls(blocks, base, axis, ends, low / (low - high))
        where = base[np.arange(len(base)), axis]
        share = np.where(where == BLOCK - 1, 1.0, np.where(where == BLOCK + blocks.resolution, 0.0, found.share))
        return replace(found, share=share)

    @classmethod
    def of(cls, blocks: Blocks) -> "Crossings":
        """All of them."""
        pieces = [_sign_changes(origin, values) for origin, values in blocks.bricks()]
        return cls.between(blocks, *(np.concatenate(parts) for parts in zip(*pieces, strict=True)))

    @property
    def capped(self) -> np.ndarray:
        """Whether [n] the crossing is not the field's but the box's end."""
        return (self.share == 0) | (self.share == 1)

    @property
    def points(self) -> np.ndarray:
        """Box coordinates [n, 3] float64."""
        return self._points(slice(None), self.share)

    def refined(self, surface: Surface) -> "Crossings":
        """The zeros of the field itself, by bracketed secants and, where these take long, halving.

        Anderson and Björck, A New High Order Method of the Regula Falsi Type for Computing a Root of an Equation, 1973.
        Points stay on their edges, so the surface's topology is kept and no face turns over. A jump, where there is no
        zero, is enclosed.
        """
        found = self.share.copy()
        inner = active = np.flatnonzero(~self.capped)
        values = self.ends[active].T.astype(np.float64)
        allowed = _CLOSE * np.abs(values[1] - values[0])
        bracket, share, last = np.zeros_like(values), self.share[active], np.full(len(active), -1)
        bracket[1] = 1
        for step in range(_STEPS):
            value = level_at(surface, self._points(active, share))
            onward = np.abs(value) > allowed
            active, allowed, value, share, last = (part[onward] for part in (active, allowed, value, share, last))
            if not len(active):
                break
            bracket, values = bracket[:, onward], values[:, onward]
            share, last = _narrowed(bracket, values, share, value, last)
            if step in _HALVE:
                share = bracket.mean(0)
            found[active] = share
        found[inner] = found[inner].clip(_CLOSE, 1 - _CLOSE)
        return replace(self, share=found)

    def _points(self, chosen: "slice | np.ndarray", share: np.ndarray) -> np.ndarray:
        index = self.base[chosen].astype(np.float64)
        index[np.arange(len(index)), self.axis[chosen]] += share
        return self.blocks.place(index)


def level_at(surface: Surface, points: np.ndarray) -> np.ndarray:
    """The level function [n] float64 at ``points`` [n, 3]; what is no number counts as far outside."""
    return surface.values(as_input(surface, points)).cpu().double().nan_to_num(_FAR, _FAR, -_FAR).numpy()


def gradients_at(surface: Surface, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The level function [n] and its gradient [n, 3] at ``points`` [n, 3], both float64."""
    values, gradients = surface.values_and_gradients(as_input(surface, points))
    return values.cpu().double().numpy(), gradients.cpu().double().numpy()


def _sign_changes(origin: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of a brick where the sign changes, but not those in its last planes (the next one's): bases, axes, ends."""
    bases, axes, ends = [], [], []
    for axis in range(3):
        order = [axis, *(other for other in range(3) if other != axis)]
        turned = values.transpose(order)[:, :-1, :-1]
        low, high = turned[:-1], turned[1:]
        found = np.nonzero((low < 0) != (high < 0))
        bases.append(np.stack(found, 1)[:, np.argsort(order)] + origin)
        axes.append(np.full(len(found[0]), axis))
        ends.append(np.stack([low[found], high[found]], 1))
    return np.concatenate(bases), np.concatenate(axes), np.concatenate(ends)


def _narrowed(
    bracket: np.ndarray, values: np.ndarray, share: np.ndarray, value: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Put a point of each bracket [2, n] in place of the end of its sign; the next point, and which end it was."""
    end, column = np.where((value < 0) == (values[0] < 0), 0, 1), np.arange(len(share))
    shrunk = 1 - value / values[end, column]
    bracket[end, column], values[end, column] = share, value
    values[1 - end, column] *= np.where(end != last, 1.0, np.where(shrunk > 0, shrunk, 0.5))
    return (bracket[0] * values[1] - bracket[1] * values[0]) / (values[1] - values[0]), end
