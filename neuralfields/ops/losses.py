"""Losses of a prediction against a target, element by element."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F


def _relative_l2(prediction: Tensor, target: Tensor) -> Tensor:
    # The denominator is a weight, not part of the error: no gradient goes through it.
    return (prediction - target).square() / (prediction.detach().square() + 0.01)


def _mape(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction - target).abs() / (target.abs() + 0.01)


def _huber(prediction: Tensor, target: Tensor) -> Tensor:
    return F.huber_loss(prediction, target, reduction="none", delta=0.1)


def _bce(prediction: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(prediction, target, reduction="none")


def _clamped_l1(prediction: Tensor, target: Tensor) -> Tensor:
    return (prediction.clamp(-0.1, 0.1) - target.clamp(-0.1, 0.1)).abs()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l2": lambda prediction, target: (prediction - target).square(),
    "relative_l2": _relative_l2,
    "l1": lambda prediction, target: (prediction - target).abs(),
    "huber": _huber,
    "mape": _mape,
    "bce": _bce,
    "clamped_l1": _clamped_l1,
}


def mean_loss(loss: str, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """Mean over samples and outputs, each sample weighted if there are weights [n]."""
    error = LOSSES[loss](prediction, target)
    if weight is None:
        return error.mean()
    return (error.mean(-1) * weight).sum() / weight.sum()
