"""The definition of ``composite`` in plain PyTorch."""

import torch
from torch import Tensor


def composite(thickness: Tensor, values: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    last = count.cumsum(0)
    index = torch.arange(len(thickness), device=count.device)
    ray = torch.searchsorted(last, index, right=True)
    weights = sum_before(thickness, index - (last - count)[ray]).neg().exp() * -thickness.neg().expm1()
    sums = values.new_zeros(len(count), values.shape[1]).index_add(0, ray, weights[:, None] * values)
    opacity = -thickness.new_zeros(len(count)).index_add(0, ray, thickness).neg().expm1()
    return sums, opacity, weights


def sum_before(values: Tensor, place: Tensor) -> Tensor:
    """The sum of the values before each one [m] on its ray, where it has the number ``place`` [m] from 0 on.

    Each round doubles how many values a sum reaches (Hillis and Steele, Data parallel algorithms, CACM 1986). A sum
    over all rays, from which that up to a ray's start is taken away, would lose digits and spread NaN and infinity.
    """
    # A graph is made without looking at numbers.
    most = len(values) if torch.compiler.is_compiling() or not len(values) else int(place.max())
    reach, sums = 1, torch.where(place >= 1, values.roll(1), 0)
    while reach < most:
        sums = sums + torch.where(place > reach, sums.roll(reach), 0)
        reach *= 2
    return sums
