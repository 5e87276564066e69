"""What the networks share: factors on weights, exponentials that do not underflow."""

import torch
from torch import nn

from neuralfields.networks.layers import bell, fading, linears, scaled, through


def test_a_factor_on_the_weights_is_one_on_the_values() -> None:
    layers, x = linears(2, 3, 4, 2).double(), torch.randn(5, 2).double()
    first, second, last = layers
    torch.testing.assert_close(scaled(first, 7.0, x), 7 * first(x))
    torch.testing.assert_close(through(x, layers, torch.sin, 7.0), last((7 * second((7 * first(x)).sin())).sin()))
    torch.testing.assert_close(
        through(x, layers, torch.tanh), nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), last)(x)
    )


def test_fading_is_the_exponential_down_to_1e_26_and_stays_there() -> None:
    exponent = torch.tensor([30.0, 0.0, -1.0, -59.9, -60.1, -1e30, -torch.inf]).double().requires_grad_()
    values = fading(exponent)
    torch.testing.assert_close(values, exponent.clamp(min=-60).exp(), rtol=1e-12, atol=0)
    (slope,) = torch.autograd.grad(values.sum(), exponent)
    torch.testing.assert_close(slope, torch.where(exponent > -60, exponent.exp(), 0.0), rtol=1e-12, atol=0)
    torch.testing.assert_close(bell(torch.tensor([0.0, -0.5, 1e30])), torch.tensor([1.0, 0.7788008, 0.0]))
