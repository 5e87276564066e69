"""Losses by hand, weights, and the PSNR that a loss tells."""

import math

import pytest
import torch

from neuralfields.errors import InputError
from neuralfields.objectives import LOSSES, Regression
from neuralfields.protocols import Batch

TARGET = [[0.5, -1.0], [0.0, 2.0]]
VALUES = [[0.55, -1.2], [0.0, 0.0]]

BY_HAND = {
    "l2": (0.05**2 + 0.2**2 + 0 + 4) / 4,
    "l1": (0.05 + 0.2 + 0 + 2) / 4,
    "huber": (0.5 * 0.05**2 + 0.1 * (0.2 - 0.05) + 0 + 0.1 * (2 - 0.05)) / 4,
    "relative_l2": (0.05**2 / (0.55**2 + 0.01) + 0.2**2 / (1.44 + 0.01) + 0 + 4 / 0.01) / 4,
    "bce": ((math.log1p(math.exp(0.55)) - 0.5 * 0.55) + (math.log1p(math.exp(-1.2)) - 1.2) + math.log(2) + math.log(2))
    / 4,
    "clamped_l1": 0.1 / 4,
    "mape": (0.05 / 0.51 + 0.2 / 1.01 + 0 + 2 / 2.01) / 4,
}


def batch(weight: list[float] | None = None) -> Batch:
    y = torch.tensor(TARGET, dtype=torch.float64)
    return Batch(torch.zeros(2, 1), y, None if weight is None else torch.tensor(weight, dtype=torch.float64))


def field(x: torch.Tensor) -> torch.Tensor:
    return torch.tensor(VALUES, dtype=torch.float64)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_by_hand(loss: str) -> None:
    terms = Regression(loss)(field, batch(), 0)
    assert list(terms) == [loss]
    assert float(terms[loss]) == pytest.approx(BY_HAND[loss])


@pytest.mark.parametrize("loss", LOSSES)
def test_weights(loss: str) -> None:
    objective = Regression(loss)
    first, second = (float(LOSSES[loss](field(batch().x), batch().y)[i].mean()) for i in (0, 1))
    assert float(objective(field, batch([1.0, 3.0]), 0)[loss]) == pytest.approx((first + 3 * second) / 4)
    assert float(objective(field, batch([5.0, 5.0]), 0)[loss]) == pytest.approx(BY_HAND[loss])
    assert float(objective(field, batch([0.0, 1.0]), 0)[loss]) == pytest.approx(second)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients(loss: str) -> None:
    """By hand where a denominator is held fixed, by finite differences elsewhere."""
    values = torch.tensor(VALUES, dtype=torch.float64, requires_grad=True)
    Regression(loss)(lambda x: values, batch(), 0)[loss].backward()
    target, at = torch.tensor(TARGET).double(), values.detach()
    if loss == "relative_l2":
        wanted = 2 * (at - target) / (at.square() + 0.01) / 4
    else:
        nudge = 1e-7
        above = LOSSES[loss](at + nudge, target)
        wanted = (above - LOSSES[loss](at - nudge, target)) / (2 * nudge) / 4
    torch.testing.assert_close(values.grad, wanted, rtol=1e-5, atol=1e-7)


def test_cross_entropy_of_large_logits() -> None:
    """Neither infinite nor zero where the exponential is."""
    logits = torch.tensor([[-200.0], [-30.0], [0.0], [30.0], [200.0]], requires_grad=True)
    for target, wanted in ((0.0, [0.0, math.exp(-30), math.log(2), 30.0, 200.0]), (1.0, None)):
        found = LOSSES["bce"](logits, torch.full_like(logits, target))
        expected = wanted or [200.0, 30.0, math.log(2), math.exp(-30), 0.0]
        assert found.flatten().tolist() == pytest.approx(expected, rel=1e-6)
        (slope,) = torch.autograd.grad(found.sum(), logits)
        torch.testing.assert_close(slope, torch.sigmoid(logits.detach()) - target)


def test_distances_beyond_the_clamp_have_no_gradient() -> None:
    values = torch.tensor([[-0.3], [-0.05], [0.05], [0.3]], requires_grad=True)
    target = torch.tensor([[0.5], [-0.5], [0.5], [0.5]])
    found = LOSSES["clamped_l1"](values, target)
    assert found.flatten().tolist() == pytest.approx([0.2, 0.05, 0.05, 0.0])
    found.sum().backward()
    assert values.grad is not None and values.grad.flatten().tolist() == [0, 1, -1, 0]


def test_psnr_is_told_for_l2_only() -> None:
    assert Regression("l2").psnr({"l2": 0.01}) == pytest.approx(20)
    assert Regression("l2").psnr({"l2": 0.0}) == pytest.approx(200)
    assert math.isnan(Regression("l2").psnr({"l2": math.nan}) or 0)
    for loss in LOSSES.keys() - {"l2"}:
        assert Regression(loss).psnr({loss: 0.01}) is None


@pytest.mark.parametrize("shape", [(2, 1), (2,), (1, 2), (2, 3), (4, 2, 2)])
def test_values_of_another_shape_are_refused_and_not_broadcast(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"gives values of shape .* for targets \[2, 2\]"):
        Regression()(lambda x: torch.zeros(shape), batch(), 0)


def test_an_unknown_loss() -> None:
    with pytest.raises(InputError, match="no loss is called 'l3'; there are: l2, relative_l2, l1, huber, mape"):
        Regression("l3")
