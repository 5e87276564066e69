"""Real spherical harmonics in plain PyTorch."""

import math

import torch
from torch import Tensor


def spherical_harmonics(v: Tensor, degree: int) -> Tensor:
    """Y_lm(v) for l < degree and m = -l ... l, at index l (l + 1) + m: [*batch, 3] to [*batch, degree^2].

    Y_lm = (-1)^m sqrt(2) K_lm Q_lm(z) Re (x + iy)^m for m > 0, with Im (x + iy)^|m| for m < 0, and K_l0 Q_l0(z) for
    m = 0; Q_lm is the associated Legendre function over (1 - z^2)^(|m|/2), K_lm makes the integral of Y^2 one. The
    caller makes v a unit vector.
    """
    x, y, z = v.unbind(-1)
    cosine, sine = torch.ones_like(x), torch.zeros_like(x)  # of m times the azimuth, times sin(polar angle)^m
    bands: list[list[Tensor]] = [[] for _ in range(degree)]
    for m in range(degree):
        for band, legendre in zip(bands[m:], _legendre(z, m, degree), strict=True):
            # From the middle outwards, so that each band ends up in the order of m.
            band[:] = [legendre * sine, *band, legendre * cosine] if m else [legendre]
        cosine, sine = x * cosine - y * sine, x * sine + y * cosine
    # The constant too is NaN where a coordinate is.
    bands[0][0] = bands[0][0] + 0 * (x + y + z)
    return torch.stack([value for band in bands for value in band], -1)


def _legendre(z: Tensor, m: int, degree: int) -> list[Tensor]:
    """Signed and normalised Q_lm for l = m ... degree - 1, by the recurrence in l."""
    found = [torch.full_like(z, math.prod(range(1, 2 * m, 2)))]
    for order in range(m + 1, degree):
        before = found[-2] if len(found) > 1 else torch.zeros_like(z)
        found.append(((2 * order - 1) * z * found[-1] - (order + m - 1) * before) / (order - m))
    for i, order in enumerate(range(m, degree)):
        factor = (2 * order + 1) / (4 * math.pi) * math.factorial(order - m) / math.factorial(order + m)
        found[i] = found[i] * ((-1) ** m * math.sqrt(2 * factor if m else factor))
    return found
