"""Emission and absorption along packed rays."""

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import vmap

from neuralfields import ops
from neuralfields.errors import InputError


def random(*count: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(sum(count))
    m = sum(count)
    thickness = torch.rand(m, generator=generator, dtype=dtype) * 0.3
    return thickness, torch.rand(m, 2, generator=generator, dtype=dtype), torch.tensor(count)


def slowly(thickness: Tensor, values: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Interval by interval, as the contract has it."""
    sums, opacity, weights = torch.zeros(len(count), values.shape[1]).double(), [], []
    first = 0
    for ray, n in enumerate(count.tolist()):
        transmittance = 1.0
        for i in range(first, first + n):
            alpha = -math.expm1(-float(thickness[i]))
            weights.append(transmittance * alpha)
            sums[ray] += weights[-1] * values[i]
            transmittance *= 1 - alpha
        opacity.append(1 - transmittance)
        first += n
    return sums, torch.tensor(opacity).double(), torch.tensor(weights).double()


@pytest.mark.parametrize("count", [(5,), (3, 0, 1, 8, 2), (0, 0, 4, 0), (64, 65, 1)])
def test_interval_by_interval(count: tuple[int, ...]) -> None:
    given = random(*count)
    for found, wanted in zip(ops.composite(*given), slowly(*given), strict=True):
        torch.testing.assert_close(found, wanted)


def test_weights_and_what_is_left_add_up_to_one() -> None:
    thickness, values, count = random(100, 3, 0, 40, dtype=torch.float32)
    _, opacity, weights = ops.composite(thickness, values, count)
    left = torch.stack([t.sum().neg().exp() for t in thickness.split(count.tolist())])
    total = torch.stack([w.sum() for w in weights.split(count.tolist())])
    torch.testing.assert_close(total + left, torch.ones(4), rtol=0, atol=1e-6)
    torch.testing.assert_close(opacity, total, rtol=0, atol=1e-6)


def test_gradients() -> None:
    thickness, values, count = random(3, 0, 1, 4)

    def function(t: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return ops.composite(t, v, count)

    given = thickness.requires_grad_(), values.requires_grad_()
    assert gradcheck(function, given) and gradgradcheck(function, given)


def test_many_rays_keep_their_digits() -> None:
    """A sum over all rays would have lost those of the last ones."""
    count = [100] * 3000
    thickness, values, counts = random(*count, dtype=torch.float32)
    thickness[:-100] *= 100
    exact = ops.composite(thickness.double(), values.double(), counts)
    for found, wanted in zip(ops.composite(thickness, values, counts), exact, strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_no_number_stays_on_its_ray(bad: float) -> None:
    thickness, values, count = random(4, 4, 4)
    wanted = ops.composite(thickness, values, count)
    thickness[5] = bad
    sums, opacity, weights = ops.composite(thickness, values, count)
    for found, right in zip(
        (sums[::2], opacity[::2], weights[:4], weights[8:]),
        (wanted[0][::2], wanted[1][::2], wanted[2][:4], wanted[2][8:]),
        strict=True,
    ):
        torch.testing.assert_close(found, right)
    assert torch.equal(weights[4:5], wanted[2][4:5])
    assert bool(weights[6:8].isnan().all()) if math.isnan(bad) else weights[6:8].tolist() == [0, 0]
    assert bool(opacity[1].isnan()) if math.isnan(bad) else float(opacity[1]) == 1


def test_an_opaque_interval_has_finite_gradients() -> None:
    thickness = torch.tensor([0.5, math.inf, 1.0]).requires_grad_()
    _, opacity, weights = ops.composite(thickness, torch.ones(3, 1), torch.tensor([3]))
    (weights.square().sum() + opacity.sum()).backward()
    assert thickness.grad is not None and bool(thickness.grad.isfinite().all())


def test_transforms_and_graphs() -> None:
    thickness, values, count = random(3, 0, 5)
    many = torch.stack([thickness, thickness * 2])
    found = vmap(ops.composite, (0, None, None))(many, values, count)
    for one, two in zip(found, ops.composite(thickness * 2, values, count), strict=True):
        torch.testing.assert_close(one[1], two)
    traced = torch.compile(ops.composite, backend="eager", fullgraph=True)
    for one, two in zip(traced(thickness, values, count), ops.composite(thickness, values, count), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((torch.zeros(3, 1), torch.zeros(3, 1), torch.tensor([3])), r"thickness \[m\].*got \[3, 1\]"),
        ((torch.zeros(3), torch.zeros(2, 1), torch.tensor([3])), r"got \[3\] and \[2, 1\]"),
        ((torch.zeros(3), torch.zeros(3, 1).double(), torch.tensor([3])), "one dtype, got torch.float32 and"),
        ((torch.zeros(3), torch.zeros(3, 1), torch.tensor([3.0])), "int64, got"),
        ((torch.zeros(3), torch.zeros(3, 1), torch.tensor([2, 2])), "the 3 intervals, got a sum of 4"),
        ((torch.zeros(3), torch.zeros(3, 1), torch.tensor([4, -1])), "0 or more"),
    ],
)
def test_what_breaks_the_contract(given: tuple[Tensor, Tensor, Tensor], text: str) -> None:
    with pytest.raises(InputError, match=text):
        ops.composite(*given)
