"""What is asked of weights along rays.

@inproceedings{barron2022mipnerf360,
  title={Mip-NeRF 360: Unbounded Anti-Aliased Neural Radiance Fields},
  author={Barron, Jonathan and Mildenhall, Ben and Verbin, Dor and others},
  booktitle={CVPR}, year={2022}}
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from neuralfields.ops.composite.reference import sum_before
from neuralfields.volume import steps
from neuralfields.volume.intervals import Intervals, Rendered

_EPSILON = 1e-7


def distortion(intervals: Intervals, weights: Tensor) -> Tensor:
    """How widely the weights [m] of each ray are spread, [n]: 0 for all of it at one place.

    The sum over all pairs of w_i w_j |m_i - m_j| and a third of the sum of w_i^2 times the width, where middles m and
    widths are those on the scale ``s``, or of distances where there is none (Barron et al. 2022, equation 15). In O(m):
    the pairs' sum is 2 sum of w_i (m_i W_i - M_i), with the sums W of w and M of w m before i.
    """
    start, end = (intervals.start, intervals.end) if intervals.s is None else intervals.s.unbind(-1)
    place = intervals.place
    # Middles from the ray's first one on: what they have in common would only cost digits.
    middle = (start + end) / 2
    middle = middle - middle[torch.arange(len(place), device=place.device) - place]
    pairs = 2 * weights * (middle * sum_before(weights, place) - sum_before(weights * middle, place))
    own = weights.square() * (end - start) / 3
    return weights.new_zeros(len(intervals.count)).index_add(0, intervals.ray, pairs + own)


def interlevel(fine: Rendered, proposal: Rendered) -> Tensor:
    """How far the weights of an earlier pass are from being an upper bound of a later one's, [r].

    Barron et al. 2022, equation 13, for the r rays that have intervals, each ray as many. Only the earlier pass gets
    gradients; the loss is 0 where each of the later weights is at most what the earlier pass has around it.

    Raises:
        InputError: rays have different numbers of intervals.
    """
    weights = fine.intervals.rows(fine.weights.detach())
    outer = steps.bound(_edges(fine.intervals), _edges(proposal.intervals), proposal.intervals.rows(proposal.weights))
    return ((weights - outer).clamp(min=0).square() / (weights + _EPSILON)).sum(-1)


def passes(rendered: Rendered) -> Iterator[Rendered]:
    """The last pass, then the earlier ones that have colours, which are trained on them too."""
    yield rendered
    yield from (earlier for earlier in rendered.earlier if earlier.colour.shape[-1])


def proposals(rendered: Rendered) -> Tensor:
    """The mean over rays of ``interlevel``, summed over the earlier passes that have densities alone."""
    found = (interlevel(rendered, one).sum() for one in rendered.earlier if not one.colour.shape[-1])
    return sum(found, rendered.opacity.new_zeros(())) / max(1, len(rendered))


def _edges(intervals: Intervals) -> Tensor:
    ends = torch.stack([intervals.start, intervals.end], -1) if intervals.s is None else intervals.s
    rows = intervals.rows(ends).detach()
    return torch.cat([rows[:, :, 0], rows[:, -1:, 1]], -1)
