"""The definition of ``error_sums`` in plain PyTorch."""

import torch
from torch import Tensor


@torch.no_grad()
def error_sums(prediction: Tensor, target: Tensor) -> Tensor:
    p, t = prediction.double(), target.double()
    clamped = (p.clamp(0, 1) - t.clamp(0, 1)).square()
    square, norm = (p - t).square(), t.square()
    return torch.stack([clamped.sum(), (square / (norm + 0.01)).sum(), square.sum(), norm.sum()])
