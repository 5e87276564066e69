"""All of space in a ball."""

import pytest
import torch
from torch.autograd import gradcheck

from neuralfields.geometry import contract, uncontract


def directions(n: int) -> torch.Tensor:
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x / x.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("radius", [0.0, 0.3, 1.0, 1.5, 30.0, 1e4])
def test_there_and_back(radius: float) -> None:
    x = directions(100) * radius
    z = contract(x)
    expected = radius if radius <= 1 else 2 - 1 / radius
    torch.testing.assert_close(z, directions(100) * expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(uncontract(z), x, rtol=1e-10, atol=1e-6 if radius > 1 else 0)


@pytest.mark.parametrize("radius", [0.0, 1.0, 3.0])
def test_gradients_at_the_origin_and_where_the_pieces_meet(radius: float) -> None:
    # Steps whose error stays small across the jump of the second derivative.
    given = (directions(4) * radius).requires_grad_()
    assert gradcheck(contract, given, eps=1e-7, atol=1e-6)
    if radius < 2:
        assert gradcheck(uncontract, given, eps=1e-7, atol=1e-6)


def test_inside_nothing_changes_to_the_last_bit() -> None:
    x = torch.rand(100, 3) - 0.5
    assert torch.equal(contract(x), x) and torch.equal(uncontract(x), x)


def test_far_away_in_float32() -> None:
    x = torch.tensor([[1e18, 0, 0], [0.0, 0, -1e9]])
    torch.testing.assert_close(contract(x), torch.tensor([[2.0, 0, 0], [0, 0, -2]]))
    assert not uncontract(torch.tensor([[2.0, 0.1, 0], [0, 3.0, 0.1]])).isfinite().any()
