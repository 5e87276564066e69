"""Spherical harmonics: tiny-cuda-nn's constants, orthonormality, Unsöld's identity, rotations."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.encodings import SphericalHarmonics
from neuralfields.errors import InputError


def directions(count: int, seed: int = 0) -> Tensor:
    v = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return v / v.norm(dim=-1, keepdim=True)


def test_the_sixteen_polynomials() -> None:
    v = directions(50)
    x, y, z = v.unbind(-1)
    wanted = [
        0.28209479 * torch.ones_like(x),
        -0.48860251 * y,
        0.48860251 * z,
        -0.48860251 * x,
        1.09254843 * x * y,
        -1.09254843 * y * z,
        0.94617470 * z**2 - 0.31539157,
        -1.09254843 * x * z,
        0.54627422 * (x**2 - y**2),
        0.59004359 * y * (y**2 - 3 * x**2),
        2.89061144 * x * y * z,
        0.45704580 * y * (1 - 5 * z**2),
        0.37317633 * z * (5 * z**2 - 3),
        0.45704580 * x * (1 - 5 * z**2),
        1.44530572 * z * (x**2 - y**2),
        0.59004359 * x * (3 * y**2 - x**2),
    ]
    torch.testing.assert_close(SphericalHarmonics()(v), torch.stack(wanted, -1), rtol=0, atol=2e-8)


@pytest.mark.parametrize("degree", range(1, 9))
def test_unsoeld(degree: int) -> None:
    """The squares of a band's values sum to (2 l + 1) / 4 pi in every direction."""
    y = SphericalHarmonics(degree)(directions(20))
    for band in range(degree):
        squares = y[:, band**2 : (band + 1) ** 2].square().sum(-1)
        torch.testing.assert_close(squares, torch.full_like(squares, (2 * band + 1) / (4 * math.pi)))


def test_orthonormal() -> None:
    """Exactly, by a quadrature for polynomials of degree 14: equal azimuths, Chebyshev nodes with weights."""
    n = 32
    polar = math.pi * (torch.arange(n, dtype=torch.float64) + 0.5) / n
    # Fejér's first rule for the integral over z = cos(polar).
    k = torch.arange(1, n // 2 + 1, dtype=torch.float64)
    weights = 2 / n * (1 - 2 * ((2 * k * polar[:, None]).cos() / (4 * k**2 - 1)).sum(-1))
    azimuth = 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
    p, a = torch.meshgrid(polar, azimuth, indexing="ij")
    v = torch.stack([p.sin() * a.cos(), p.sin() * a.sin(), p.cos()], -1)
    y = SphericalHarmonics(8)(v)
    gram = torch.einsum("pai,paj,p->ij", y, y, weights) * 2 * math.pi / n
    torch.testing.assert_close(gram, torch.eye(64, dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_rotation_mixes_values_within_a_band_only() -> None:
    """The values of a rotated direction are one linear map per band of those of the direction."""
    v = directions(200, seed=1)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    y, turned = SphericalHarmonics(6)(v), SphericalHarmonics(6)(v @ rotation)
    for band in range(6):
        own = slice(band**2, (band + 1) ** 2)
        mixing = torch.linalg.lstsq(y[:, own], turned[:, own]).solution
        torch.testing.assert_close(y[:, own] @ mixing, turned[:, own])


@pytest.mark.parametrize("degree", [0, 9, -1])
def test_arguments_out_of_range(degree: int) -> None:
    with pytest.raises(InputError, match=f"got {degree}"):
        SphericalHarmonics(degree)
