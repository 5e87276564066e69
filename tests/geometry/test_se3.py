"""Rigid motions: exponential and logarithm against the matrix exponential."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.geometry import se3

ANGLES = (0.0, 1e-9, 1e-4, 0.1, 0.199, 0.201, 1.0, 3.0, math.pi - 1e-7)


def twists(angle: float, count: int = 50) -> Tensor:
    torch.manual_seed(1)
    axis = torch.nn.functional.normalize(torch.randn(count, 3, dtype=torch.float64), dim=-1)
    return torch.cat([torch.randn(count, 3, dtype=torch.float64), angle * axis], -1)


def matrix_exp(twist: Tensor) -> Tensor:
    generator = torch.zeros(*twist.shape[:-1], 4, 4, dtype=twist.dtype)
    generator[..., :3, :3] = se3.skew(twist[..., 3:])
    generator[..., :3, 3] = twist[..., :3]
    return torch.linalg.matrix_exp(generator)[..., :3, :]


@pytest.mark.parametrize("angle", ANGLES)
def test_exp_is_the_matrix_exponential(angle: float) -> None:
    twist = twists(angle)
    torch.testing.assert_close(se3.exp(twist), matrix_exp(twist), rtol=0, atol=2e-14)
    single = se3.exp(twist.float())
    torch.testing.assert_close(single.double(), matrix_exp(twist), rtol=0, atol=2e-6)


@pytest.mark.parametrize("angle", ANGLES)
def test_log_is_its_inverse(angle: float) -> None:
    twist = twists(angle)
    torch.testing.assert_close(se3.log(se3.exp(twist)), twist, rtol=0, atol=1e-8 if angle > 3 else 1e-13)


def test_half_a_turn_has_a_logarithm() -> None:
    for axis in torch.eye(3, dtype=torch.float64):
        turn = torch.cat([2 * axis[:, None] * axis - torch.eye(3), torch.ones(3, 1)], -1)
        found = se3.log(turn)
        assert float(found[3:].abs() @ axis) == pytest.approx(math.pi)
        torch.testing.assert_close(se3.exp(found), turn, rtol=0, atol=1e-14)


def test_derivatives_at_rest() -> None:
    twist = torch.zeros(2, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(se3.exp, (twist,))
    assert torch.autograd.gradcheck(lambda t: se3.log(se3.exp(t)), (twist,))


def test_products_and_inverses() -> None:
    a, b = se3.exp(twists(0.7)), se3.exp(twists(2.0).flip(0))
    point = torch.tensor([0.3, -1.0, 2.0, 1.0], dtype=torch.float64)
    second = b @ point
    first = a @ torch.cat([second, torch.ones(len(second), 1)], -1)[..., None]
    torch.testing.assert_close(se3.product(a, b) @ point, first[..., 0])
    still = se3.product(a, se3.inverse(a))
    torch.testing.assert_close(still, torch.eye(3, 4, dtype=torch.float64).expand_as(still), rtol=0, atol=1e-14)


def test_the_nearest_rotation() -> None:
    turn = se3.exp(twists(1.3))[..., :3]
    torch.manual_seed(2)
    found = se3.nearest_rotation(3 * turn + 1e-4 * torch.randn_like(turn))
    torch.testing.assert_close(found, turn, rtol=0, atol=1e-3)
    torch.testing.assert_close(found @ found.mT, torch.eye(3, dtype=torch.float64).expand_as(found))
    mirrored = se3.nearest_rotation(turn * torch.tensor([1.0, 1, -1]))
    torch.testing.assert_close(torch.linalg.det(mirrored), torch.ones(50, dtype=torch.float64))
