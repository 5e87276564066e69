"""The definitions of ``adam`` and ``lazy_adam`` in plain PyTorch."""

import torch
from torch import Tensor


@torch.no_grad()
def adam(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    mean.lerp_(gradient, 1 - beta1)
    square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    denominator = (square / (1 - beta2**step)).sqrt_().add_(epsilon)
    parameter.addcdiv_(mean, denominator, value=-lr / (1 - beta1**step))


@torch.no_grad()
def lazy_adam(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    steps: Tensor,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> None:
    rows = gradient.any(1).nonzero().squeeze(1)
    if not len(rows):
        return
    g, step = gradient.index_select(0, rows), steps.index_select(0, rows) + 1
    m = mean.index_select(0, rows).lerp_(g, 1 - beta1)
    v = square.index_select(0, rows).mul_(beta2).addcmul_(g, g, value=1 - beta2)
    # Each row has its own step number; few different ones exist, so the bias corrections are looked up.
    counts = torch.arange(int(step.max()) + 1, dtype=torch.float64, device=g.device)
    rate = (lr / (1 - beta1**counts)).to(g).index_select(0, step)
    unbias = (1 / (1 - beta2**counts)).to(g).index_select(0, step)
    denominator = (v * unbias[:, None]).sqrt_().add_(epsilon)
    change = m.mul(rate[:, None]).div_(denominator)
    parameter.index_copy_(0, rows, parameter.index_select(0, rows).sub_(change))
    mean.index_copy_(0, rows, m)
    square.index_copy_(0, rows, v)
    steps.index_copy_(0, rows, step)
