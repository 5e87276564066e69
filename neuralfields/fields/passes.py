"""What fields that are rendered in passes have in common."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neuralfields.errors import InputError
from neuralfields.field import evaluate

_MOST = 1 << 12


def values_of(field: nn.Module, x: Tensor) -> Tensor:
    """Values [m, out_dim] of samples [m, in_dim]; without gradients part by part, so that memory stays bounded."""
    return field(x) if torch.is_grad_enabled() else evaluate(field, x)


def check_samples(samples: Sequence[int], passes: int) -> None:
    """Raise InputError unless each of so many passes has a number of samples, 2 to 4096."""
    if len(samples) != passes or not all(2 <= n <= _MOST for n in samples):
        raise InputError(f"each of the {passes} passes has between 2 and {_MOST} samples, got {list(samples)}")
