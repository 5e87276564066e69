"""The definition of ``sine_mlp`` in plain PyTorch."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def reference(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], omegas: Sequence[float]) -> Tensor:
    for weight, bias, omega in zip(weights[:-1], biases[:-1], omegas, strict=True):
        x = torch.sin(omega * F.linear(x, weight, bias))
    return F.linear(x, weights[-1], biases[-1])
