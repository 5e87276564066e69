"""Step functions along rays: histograms, their densities and their inverse distribution.

Convention: ``edges`` [r, k + 1] ascend along each row; ``weights`` [r, k], 0 or more, are what lies between them, a
histogram that need not add up to one.

@inproceedings{barron2022mipnerf360,
  title={Mip-NeRF 360: Unbounded Anti-Aliased Neural Radiance Fields},
  author={Barron, Jonathan and Mildenhall, Ben and Verbin, Dor and others},
  booktitle={CVPR}, year={2022}}
"""

import torch
from torch import Tensor

from neuralfields.errors import InputError


def distribution(weights: Tensor) -> Tensor:
    """The share [r, k + 1] of a row's weights [r, k] that lies before each edge, from 0 to 1.

    A row without any weight, or with some that are no numbers, is taken as evenly weighted.
    """
    total = weights.sum(-1, keepdim=True)
    sound = (total > 0) & total.isfinite()
    before = torch.where(sound, weights, 1.0).cumsum(-1)
    before = before / before[:, -1:]
    return torch.cat([torch.zeros_like(total), before], -1)


def inverse_distribution(edges: Tensor, weights: Tensor, share: Tensor) -> Tensor:
    """Where [r, n] the histogram has reached a share [r, n], from 0 to 1, of its weight, linear between edges."""
    reached = distribution(weights)
    right = torch.searchsorted(reached, share.contiguous(), right=True).clamp(1, weights.shape[-1])
    low, high = reached.gather(-1, right - 1), reached.gather(-1, right)
    left_edge, right_edge = edges.gather(-1, right - 1), edges.gather(-1, right)
    part = ((share - low) / (high - low).clamp(min=torch.finfo(high.dtype).tiny)).clamp(0, 1)
    return left_edge + part * (right_edge - left_edge)


def shares(rows: int, n: int, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One number [rows, n] in each of n equal parts of [0, 1]: its middle, or a random one."""
    within = (
        torch.rand(rows, n, generator=generator, dtype=like.dtype, device=like.device)
        if generator is not None
        else torch.full((rows, n), 0.5, dtype=like.dtype, device=like.device)
    )
    return (torch.arange(n, dtype=like.dtype, device=like.device) + within) / n


def edges_around(places: Tensor) -> Tensor:
    """The edges [r, n + 1] of intervals around ascending places [r, n] in [0, 1]: half way between neighbours.

    Raises:
        InputError: there is one place or none.
    """
    if places.shape[-1] < 2:
        raise InputError(f"intervals lie around two places or more, got {places.shape[-1]}")
    between = (places[:, 1:] + places[:, :-1]) / 2
    first = (2 * places[:, :1] - between[:, :1]).clamp(min=0)
    last = (2 * places[:, -1:] - between[:, -1:]).clamp(max=1)
    return torch.cat([first, between, last], -1)


def dilated(edges: Tensor, weights: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """The histogram as a density, widened: at each place the largest density within ``reach`` of it, in [0, 1].

    So samples fall beside a thin surface too, which is elsewhere when seen from the next ray (Barron et al. 2022,
    appendix C).

    Returns:
        edges [r, 3 k + 1] and weights [r, 3 k].
    """
    density = weights / (edges[:, 1:] - edges[:, :-1]).clamp(min=torch.finfo(edges.dtype).tiny)
    density = torch.where(edges[:, 1:] > edges[:, :-1], density, 0.0)
    low, high = edges[:, :-1] - reach, edges[:, 1:] + reach
    found = torch.cat([edges, low, high], -1).clamp(0, 1).sort(-1).values
    begin = found[:, :-1].contiguous()
    # The ranges that reach a place follow one another.
    first, after = (torch.searchsorted(side, begin, right=True) for side in (high, low))
    return found, _largest(density, first, after) * (found[:, 1:] - found[:, :-1])


def _largest(values: Tensor, first: Tensor, after: Tensor) -> Tensor:
    """The largest of values [r, k], 0 or more, from number ``first`` to before ``after`` [r, n]; 0 for none of them.

    Of two windows of a length that is a power of two, which together are what is asked for.
    """
    windows, length = [values], 1
    while 2 * length <= values.shape[-1]:
        before = windows[-1]
        windows.append(torch.cat([before[:, :-length].maximum(before[:, length:]), before[:, -length:]], -1))
        length *= 2
    count = after - first
    power = torch.frexp(count.clamp(min=1).float()).exponent.long() - 1
    row = torch.arange(len(values), device=values.device)[:, None]
    ends = first.clamp(max=values.shape[-1] - 1), (after - 2**power).clamp(min=0)
    left, right = (torch.stack(windows)[power, row, end] for end in ends)
    return torch.where(count > 0, left.maximum(right), 0.0)


def annealed(edges: Tensor, weights: Tensor, fraction: float, slope: float = 10.0) -> Tensor:
    """The weights [r, k] flattened for the beginning of a fit: to the power slope f / ((slope - 1) f + 1).

    Barron et al. 2022, equation 18: even weights at the fraction f = 0 of a fit, the weights themselves at 1. What has
    no width keeps a weight of 0.
    """
    power = slope * fraction / ((slope - 1) * fraction + 1)
    return torch.where(edges[:, 1:] > edges[:, :-1], weights**power, 0.0)


def bound(edges: Tensor, outer_edges: Tensor, outer_weights: Tensor) -> Tensor:
    """The weight [r, k] of all parts of another histogram that have something in common with each part of this one.

    Barron et al. 2022, equation 12.
    """
    before = torch.cat([torch.zeros_like(outer_weights[:, :1]), outer_weights.cumsum(-1)], -1)
    most = outer_weights.shape[-1]
    low = torch.searchsorted(outer_edges, edges[:, :-1].contiguous(), right=True).sub(1).clamp(0, most)
    high = torch.searchsorted(outer_edges, edges[:, 1:].contiguous()).clamp(0, most)
    return before.gather(-1, high) - before.gather(-1, low)
