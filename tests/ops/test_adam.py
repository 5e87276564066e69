"""Adam against torch's, and what laziness means."""

import numpy as np
import pytest
import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError, KernelRefused
from neuralfields.ops import native

needs_core = pytest.mark.skipif(native.reason() is not None, reason="no native core")
SETTINGS = (1e-2, 0.9, 0.99, 1e-8)


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_adam_is_torchs(dtype: torch.dtype) -> None:
    lr, beta1, beta2, epsilon = SETTINGS
    theirs = noise(5, 3, dtype=dtype).requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=lr, betas=(beta1, beta2), eps=epsilon)
    ours = theirs.detach().clone()
    mean, square = torch.zeros_like(ours), torch.zeros_like(ours)
    for step in range(1, 21):
        theirs.grad = noise(5, 3, seed=step, dtype=dtype) * 10.0 ** (step % 5 - 3)
        optimizer.step()
        ops.adam(ours, theirs.grad, mean, square, step, *SETTINGS)
        torch.testing.assert_close(ours, theirs.detach())
    assert mean.ne(0).all()


def test_lazy_adam_is_adam_where_every_row_has_a_gradient() -> None:
    dense, lazy = noise(6, 2), noise(6, 2)
    moments, lazy_moments = torch.zeros(2, 6, 2).double(), torch.zeros(2, 6, 2).double()
    steps = torch.zeros(6, dtype=torch.int32)
    for step in range(1, 21):
        gradient = noise(6, 2, seed=step)
        gradient[2, 0] = 0  # one zero in a row does not make the row idle
        ops.adam(dense, gradient, *moments, step, *SETTINGS)
        ops.lazy_adam(lazy, gradient, *lazy_moments, steps, *SETTINGS)
    torch.testing.assert_close(lazy, dense)
    torch.testing.assert_close(lazy_moments, moments)
    assert steps.tolist() == [20] * 6


def test_rows_without_a_gradient_keep_every_bit() -> None:
    parameter, gradient = noise(8, 2), noise(8, 2, seed=1)
    mean, square, steps = noise(8, 2, seed=2), noise(8, 2, seed=3).square(), torch.arange(8, dtype=torch.int32)
    idle = torch.tensor([0, 3, 4, 7])
    gradient[idle] = 0
    gradient[4, 1] = -0.0
    before = [t.clone() for t in (parameter, mean, square, steps)]
    ops.lazy_adam(parameter, gradient, mean, square, steps, *SETTINGS)
    for old, new in zip(before, (parameter, mean, square, steps), strict=True):
        assert torch.equal(new[idle], old[idle])
        busy = torch.tensor([1, 2, 5, 6])
        assert (new[busy] != old[busy]).all()


def test_each_row_has_its_own_step_number() -> None:
    """A row's course depends on its own gradients only, however long the others have been at it."""
    late, alone = noise(2, 2), noise(2, 2)[1:]
    moments, alone_moments = torch.zeros(2, 2, 2).double(), torch.zeros(2, 1, 2).double()
    steps, alone_steps = torch.zeros(2, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    for step in range(12):
        gradient = noise(2, 2, seed=step)
        if step % 3:
            gradient[1] = 0
        else:
            ops.lazy_adam(alone, gradient[1:], *alone_moments, alone_steps, *SETTINGS)
        ops.lazy_adam(late, gradient, *moments, steps, *SETTINGS)
    assert steps.tolist() == [12, 4]
    torch.testing.assert_close(late[1:], alone, rtol=0, atol=1e-15)


def test_no_gradient_at_all_changes_nothing() -> None:
    parameter, steps = noise(3, 2), torch.zeros(3, dtype=torch.int32)
    before = parameter.clone()
    ops.lazy_adam(parameter, torch.zeros_like(parameter), *torch.zeros(2, 3, 2).double(), steps, *SETTINGS)
    assert torch.equal(parameter, before)
    assert steps.tolist() == [0, 0, 0]


def test_the_first_step_has_the_size_of_the_rate() -> None:
    """With bias correction it does, whatever the gradient's size: 1e-15 for epsilon keeps tiny gradients alive."""
    parameter, gradient = torch.zeros(1, 2).double(), torch.tensor([[1e-9, -1e5]]).double()
    steps = torch.zeros(1, dtype=torch.int32)
    ops.lazy_adam(parameter, gradient, *torch.zeros(2, 1, 2).double(), steps, 1e-2, 0.9, 0.99, 1e-15)
    torch.testing.assert_close(parameter, torch.tensor([[-1e-2, 1e-2]]).double(), rtol=1e-5, atol=0)


def test_a_gradient_that_is_not_a_number_is_not_skipped() -> None:
    parameter, steps = noise(2, 2), torch.zeros(2, dtype=torch.int32)
    gradient = torch.tensor([[0.0, float("nan")], [0.0, 0.0]]).double()
    ops.lazy_adam(parameter, gradient, *torch.zeros(2, 2, 2).double(), steps, *SETTINGS)
    assert parameter[0, 1].isnan()
    assert steps.tolist() == [1, 0]


def state(*shape: int) -> dict[str, Tensor]:
    return {name: torch.zeros(*shape) for name in ("parameter", "gradient", "mean", "square")}


@pytest.mark.parametrize("wrong", ["gradient", "mean", "square"])
def test_tensors_of_other_shapes(wrong: str) -> None:
    given = {**state(4, 2), wrong: torch.zeros(3, 2)}
    with pytest.raises(InputError, match=rf"parameter's shape \[4, 2\], got .*{wrong} \[3, 2\]"):
        ops.adam(*given.values(), 1, *SETTINGS)
    with pytest.raises(InputError, match=rf"parameter's shape \[4, 2\], got .*{wrong} \[3, 2\]"):
        ops.lazy_adam(*given.values(), torch.zeros(4, dtype=torch.int32), *SETTINGS)


def test_what_breaks_the_contract() -> None:
    steps = torch.zeros(4, dtype=torch.int32)
    with pytest.raises(InputError, match="from 1 on, got 0"):
        ops.adam(*state(4, 2).values(), 0, *SETTINGS)
    with pytest.raises(InputError, match=r"takes steps \[4\], one for each row, got \[3\]"):
        ops.lazy_adam(*state(4, 2).values(), steps[:3], *SETTINGS)
    with pytest.raises(InputError, match=r"takes a parameter \[rows, features\], got \[4\]"):
        ops.lazy_adam(*state(4).values(), steps, *SETTINGS)
    for betas in ((1.0, 0.9), (0.9, -0.1), (0.9, float("nan"))):
        with pytest.raises(InputError, match="takes betas from 0 to below 1, got"):
            ops.adam(*state(4, 2).values(), 1, 1e-2, *betas, 1e-8)


@needs_core
def test_counters_the_kernel_does_not_take() -> None:
    steps = torch.zeros(8, dtype=torch.int32)
    for strange in (steps[:4].long(), steps[::2]):
        parameter, _, *moments = state(4, 2).values()
        ops.lazy_adam(parameter, torch.ones(4, 2), *moments, strange, *SETTINGS)
        assert strange.tolist() == [1] * 4 and parameter.lt(0).all()
        with ops.backend("cpu"), pytest.raises(KernelRefused, match="takes contiguous int32 steps on the CPU"):
            ops.lazy_adam(parameter, torch.ones(4, 2), *moments, strange, *SETTINGS)


@pytest.mark.parametrize("beta2", [0.9999, 0.99999, 0.9999999])
def test_a_late_step_with_a_slow_average(beta2: float) -> None:
    settings = (1e-2, 0.9, beta2, 1e-8)
    ours, theirs = ({**state(4, 2), "gradient": torch.ones(4, 2), "square": torch.ones(4, 2)} for _ in range(2))
    ops.adam(*ours.values(), 5_000_000, *settings)
    ops.adam.reference(*theirs.values(), 5_000_000, *settings)
    torch.testing.assert_close(ours["parameter"], theirs["parameter"], rtol=1e-5, atol=0)
    if beta2 > 0.99999 and native.reason() is None:
        with ops.backend("cpu"), pytest.raises(KernelRefused, match=r"takes betas up to 0\.99999, not 0\.9999999"):
            ops.adam(*ours.values(), 5_000_000, *settings)


def test_settings_may_be_numpys() -> None:
    ours, theirs = ({**state(4, 2), "gradient": torch.ones(4, 2)} for _ in range(2))
    ops.adam(*ours.values(), 3, *(np.float64(value) for value in SETTINGS))
    ops.adam(*theirs.values(), 3, *SETTINGS)
    assert torch.equal(ours["parameter"], theirs["parameter"])
