"""Sums of errors: the kernel against the reference, whatever the length, the layout and the number of threads."""

import math

import pytest
import torch

from neuralfields import ops
from neuralfields.errors import InputError, KernelRefused
from neuralfields.ops import native


@pytest.fixture
def core() -> None:
    if reason := native.reason():
        pytest.skip(f"no native core: it {reason}")


def pair(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(*shape, generator=generator), torch.randn(*shape, generator=generator)


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("shape", [(0,), (1,), (7, 3), (8,), (2**14,), (2**14 + 5, 1), (50_001, 3)], ids=str)
def test_sums_to_the_last_digits(shape: tuple[int, ...]) -> None:
    p, t = pair(*shape)
    with ops.backend("cpu"):
        found = ops.error_sums(p, t)
    torch.testing.assert_close(found, ops.error_sums.reference(p, t), rtol=1e-13, atol=0)


@pytest.mark.usefixtures("core")
def test_threads_and_layout_change_no_bit() -> None:
    p, t = pair(100_003, 3)
    wanted = ops.error_sums(p, t)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        assert torch.equal(ops.error_sums(p, t), wanted)
        assert torch.equal(ops.error_sums(p.t().contiguous().t(), t), wanted)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("strange", [torch.nan, torch.inf, -torch.inf])
def test_what_is_no_number_stays_so(backend: str, strange: float) -> None:
    if backend == "cpu" and native.reason():
        pytest.skip("no native core")
    p, t = pair(21)
    p[17] = strange
    with ops.backend(backend):
        clamped, relative, square, norm = ops.error_sums(p, t).tolist()
    assert norm == pytest.approx(float(t.double().square().sum()))
    if math.isnan(strange):
        assert all(map(math.isnan, (clamped, relative, square)))
    else:
        assert clamped <= 21 and relative == square == torch.inf


def test_no_gradient_is_kept() -> None:
    p, t = pair(5)
    assert not ops.error_sums(p.requires_grad_(), t).requires_grad


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InputError, match=r"values \[3, 1\] cannot be compared with \[3\]"):
        ops.error_sums(torch.zeros(3, 1), torch.zeros(3))
    why = "needs the native core" if native.reason() else "takes float32, not float64"
    with ops.backend("cpu"), pytest.raises(KernelRefused, match=why):
        ops.error_sums(torch.zeros(3).double(), torch.zeros(3).double())
