"""FINER++: its Gaussian and its wavelet by hand, ranges, far out. What it shares with FINER is tested there."""

import math

import torch
from torch import Tensor

from neuralfields.networks import FinerGauss, FinerWavelet


def test_parameter_count_of_the_paper() -> None:
    assert sum(p.numel() for p in FinerGauss(2, 3).parameters()) == 198_915


@torch.no_grad()
def test_values_of_the_gaussian() -> None:
    field = FinerGauss(2, 1, width=3, depth=1, omega=2.0, scale=1.5).double()
    x = torch.rand(5, 2).double() * 2 - 1
    first, last = field.layers
    z = first(x)
    torch.testing.assert_close(field(x), last((-((1.5 * (2 * (z.abs() + 1) * z).sin()) ** 2)).exp()))


@torch.no_grad()
def test_values_of_the_wavelet_by_complex_arithmetic() -> None:
    field = FinerWavelet(2, 1, width=6, depth=2, omega=2.0, wave_omega=3.0, scale=1.5).double()
    x = torch.rand(5, 2).double() * 2 - 1

    def psi(z: Tensor) -> Tensor:
        real = (z.real.abs() + 1) * z.real
        s = torch.sin(2 * torch.complex(real, (z.imag.abs() + 1) * z.imag))
        return torch.exp(3j * s - (1.5 * s).abs().square())

    first, second, last = field.layers
    weight, bias = torch.complex(*second.weight), torch.complex(*second.bias.chunk(2))  # type: ignore[misc, union-attr]
    z = psi(psi(first(x).to(torch.complex128)) @ weight.T + bias)
    torch.testing.assert_close(field(x), last(torch.cat([z.real, z.imag], -1)))


def test_far_out_the_wavelet_is_zero_and_its_gradient_finite() -> None:
    field = FinerWavelet(1, 1, width=4, depth=2)
    with torch.no_grad():
        field.layers[1].bias.fill_(1e3)  # type: ignore[operator, union-attr]
        field.layers[2].bias.fill_(0.25)  # type: ignore[operator, union-attr]
    value = field(torch.zeros(1, 1))
    assert torch.equal(value, torch.tensor([[0.25]]))
    value.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in field.parameters())


@torch.no_grad()
def test_ranges_of_the_wavelet() -> None:
    torch.manual_seed(0)
    field = FinerWavelet(2, 3, width=64, depth=2, omega=5.0, wave_omega=4.0, first_bias=3.0)
    for layer, weight, bias in zip(
        field.layers, (1 / 2, *[math.sqrt(6 / 45) / 20] * 2), (3.0, *[45**-0.5] * 2), strict=True
    ):
        for tensor, bound in ((layer.weight, weight), (layer.bias, bias)):
            low = 0.9 if tensor.numel() > 40 else 0.0  # type: ignore[operator, union-attr]
            assert low * bound < float(tensor.abs().max()) <= bound  # type: ignore[operator, union-attr]
