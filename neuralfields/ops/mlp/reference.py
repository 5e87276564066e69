"""The definition of ``mlp`` in plain PyTorch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def reference(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor] | None, activation: str) -> Tensor:
    act = ACTIVATIONS[activation]
    last = len(weights) - 1
    for i, weight in enumerate(weights):
        x = F.linear(x, weight, None if biases is None else biases[i])
        if i < last:
            x = act(x)
    return x
