"""Where rays are sampled: evenly, and where an earlier pass saw something."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from neuralfields.checks import one_of
from neuralfields.errors import InputError
from neuralfields.volume import steps
from neuralfields.volume.intervals import Intervals

# The scale along a ray before it is brought to [0, 1], and its inverse.
_SCALES: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "distance": (lambda t: t, lambda g: g),
    "disparity": (lambda t: -1 / t, lambda g: -1 / g),
    "contracted": (lambda t: torch.where(t <= 1, t, 2 - 1 / t), lambda g: torch.where(g <= 1, g, 1 / (2 - g))),
}
SPACINGS = tuple(_SCALES)


@dataclass(frozen=True, eq=False)
class Span:
    """The part of each ray that is sampled, and the scale s from 0 to 1 along it (Barron et al. 2022, equation 11).

    Attributes:
        near, far: [n] finite distances; rays with ``near >= far`` have no samples.
        spacing: in what the scale is even: "distance"; "disparity", the inverse distance, for which ``near`` is
            positive; or "contracted", the distance up to 1 and the disparity beyond, as ``geometry.contract`` has it.

    Raises:
        InputError: the spacing is unknown, or a disparity is asked for at a distance of 0.
    """

    near: Tensor
    far: Tensor
    spacing: str = "distance"

    def __post_init__(self) -> None:
        one_of(SPACINGS, spacing=self.spacing)
        if self.spacing == "disparity" and not (self.near[self.hit] > 0).all():
            raise InputError(f"disparities begin at a positive distance, got near = {float(self.near.min()):.4g}")

    @property
    def hit(self) -> Tensor:
        """[n] bool, which rays have samples; there are r of them."""
        return self.near < self.far

    def distance(self, s: Tensor) -> Tensor:
        """Distances [r, k] of places [r, k] on the scale."""
        scale, inverse = _SCALES[self.spacing]
        near, far = scale(self.near[self.hit, None]), scale(self.far[self.hit, None])
        return inverse(torch.lerp(near, far, s))

    def intervals(self, s: Tensor) -> Intervals:
        """The intervals between these edges [r, k + 1], for the rays that have any."""
        distance, k = self.distance(s), s.shape[-1] - 1
        ends = torch.stack([s[:, :-1], s[:, 1:]], -1).view(-1, 2)
        return Intervals.packed(distance[:, :-1].reshape(-1), distance[:, 1:].reshape(-1), self.hit.long() * k, ends)


def stratified(span: Span, n: int, *, generator: torch.Generator | None = None) -> Intervals:
    """``n`` intervals per ray, evenly along the span's scale.

    With a generator each edge between two of them lies anywhere within half an interval of its even place, so that
    their middles come everywhere (Mildenhall et al. 2020, equation 2).

    Raises:
        InputError: n is less than 1.
    """
    if n < 1:
        raise InputError(f"a ray has 1 interval or more, got {n}")
    r, like = int(span.hit.sum()), span.near
    even = torch.linspace(0, 1, n + 1, dtype=like.dtype, device=like.device).expand(r, -1)
    if generator is None or n == 1:
        return span.intervals(even)
    ends = even[:, :1], even[:, -1:]
    between = (steps.shares(r, n - 1, like, generator) * (n - 1) + 0.5) / n
    return span.intervals(torch.cat([ends[0], between, ends[1]], -1))


@torch.no_grad()
def resampled(
    span: Span,
    intervals: Intervals,
    weights: Tensor,
    n: int,
    *,
    padding: float = 1e-5,
    dilation: float = 0.0,
    fraction: float = 1.0,
    slope: float = 10.0,
    generator: torch.Generator | None = None,
) -> Intervals:
    """``n`` intervals per ray where an earlier pass had weight, as in mip-NeRF 360. Nothing passes gradients on.

    Args:
        span: of the rays.
        intervals: of the earlier pass, all rays' as many, which the same span made.
        weights: [m] of these.
        n: 2 or more.
        padding: added to each weight.
        dilation: how far, on the span's scale, a weight reaches to both sides (``steps.dilated``).
        fraction: of the fit that is over: ``steps.annealed`` flattens weights at its beginning.
        slope: of this annealing; 0 for none.
        generator: makes the places random within equal shares of the weight.

    Raises:
        InputError: the intervals are not as many on all rays, or n is less than 2.
    """
    edges, rows = _histogram(intervals, weights)
    if dilation > 0:
        edges, rows = steps.dilated(edges, rows, dilation)
    rows = rows + padding
    if slope > 0:
        rows = steps.annealed(edges, rows, fraction, slope)
    places = steps.inverse_distribution(edges, rows, steps.shares(len(edges), n, edges, generator))
    return span.intervals(steps.edges_around(places))


@torch.no_grad()
def refined(
    span: Span,
    intervals: Intervals,
    weights: Tensor,
    n: int,
    *,
    padding: float = 1e-5,
    generator: torch.Generator | None = None,
) -> Intervals:
    """The intervals of an earlier pass cut at ``n`` more places where it had weight, as in NeRF: 64 and 128 make 192.

    Mildenhall et al. 2020, section 5.2; arguments as for ``resampled``. Nothing passes gradients on. Weights are spread
    over the intervals themselves, where NeRF's code has those between the middles of neighbours and leaves out the
    first and the last.
    """
    edges, rows = _histogram(intervals, weights)
    places = steps.inverse_distribution(edges, rows + padding, steps.shares(len(edges), n, edges, generator))
    return span.intervals(torch.cat([edges, places], -1).sort(-1).values)


def _histogram(intervals: Intervals, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Edges [r, k + 1] on the scale of the span, and weights [r, k]."""
    if intervals.s is None:
        raise InputError("intervals that a Span made can be sampled again, got some without their scale s")
    s = intervals.rows(intervals.s)
    return torch.cat([s[:, :, 0], s[:, -1:, 1]], -1), intervals.rows(weights)
