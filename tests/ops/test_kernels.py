"""Every op's reference and kernels on a list of calls. A new op is a few lines in ``CALLS``; a new kernel is none."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.ops import GridLayout, Op
from neuralfields.ops.mlp import ACTIVATIONS
from neuralfields.testing import check_op


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def within(*shape: int, seed: int = 0, reach: float = 0.95) -> Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1) * reach


def layers(*sizes: int) -> tuple[list[Tensor], list[Tensor]]:
    pairs = list(itertools.pairwise(sizes))
    weights = [noise(b, a, seed=i) / a**0.5 for i, (a, b) in enumerate(pairs)]
    return weights, [noise(b, seed=i + 9) * 0.3 for i, (_, b) in enumerate(pairs)]


def grid(dim: int, features: int, points: int, *, hashed: bool, mode: str = "linear", reach: float = 0.95) -> Any:
    layout = GridLayout(dim, 4, 6 if hashed else 12, 2, 14)
    return within(points, dim, reach=reach), noise(layout.entries, features), layout, mode


def moments(*shape: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    gradient = noise(*shape, seed=1)
    gradient[::3] = 0
    return noise(*shape), gradient, noise(*shape, seed=2), noise(*shape, seed=3).square()


ADAM = (1e-2, 0.9, 0.999, 1e-8)
STEPS = torch.arange(37, dtype=torch.int32)
CALLS: dict[str, tuple[Op, int, tuple[Any, ...]]] = {
    **{
        f"grid {d}-D F={f}": (ops.grid_encode, 2, grid(d, f, 37, hashed=d > 2)) for d in (1, 2, 3, 4) for f in (1, 2, 4)
    },
    "grid smoothstep dense": (ops.grid_encode, 3, grid(2, 2, 20, hashed=False, mode="smoothstep")),
    "grid smoothstep hashed": (ops.grid_encode, 3, grid(3, 2, 20, hashed=True, mode="smoothstep")),
    "grid outside the box": (ops.grid_encode, 1, grid(2, 2, 40, hashed=True, reach=3.0)),
    "grid no point": (ops.grid_encode, 1, grid(2, 2, 0, hashed=True)),
    "grid one point": (ops.grid_encode, 1, grid(3, 2, 1, hashed=True)),
    "grid F=3": (ops.grid_encode, 1, grid(2, 3, 9, hashed=True)),
    "grid on the border": (
        ops.grid_encode,
        0,
        (torch.tensor([[-1.0, 1.0], [1.0, 1.0], [0.0, -1.0]]), *grid(2, 2, 0, hashed=True)[1:]),
    ),
    "grid not a number": (
        ops.grid_encode,
        0,
        (torch.tensor([[torch.nan, 0.3], [0.2, 0.1], [torch.nan, torch.inf]]), *grid(2, 2, 0, hashed=False)[1:]),
    ),
    **{f"mlp {name}": (ops.mlp, 2, (noise(37, 3), *layers(3, 8, 8, 2), name)) for name in ACTIVATIONS},
    "mlp no bias": (ops.mlp, 2, (noise(37, 4), layers(4, 16, 3)[0], None, "relu")),
    "mlp one map": (ops.mlp, 2, (noise(5, 4), *layers(4, 3), "relu")),
    "mlp no point": (ops.mlp, 1, (noise(0, 4), *layers(4, 16, 3), "relu")),
    "mlp not a number": (
        ops.mlp,
        0,
        (torch.tensor([[torch.nan, 1.0], [1.0, torch.nan], [1.0, 1.0]]), *layers(2, 8, 3), "relu"),
    ),
    "sine_mlp": (ops.sine_mlp, 3, (within(37, 2), *layers(2, 8, 8, 3), [5.0, 3.0])),
    "sine_mlp one layer": (ops.sine_mlp, 3, (within(1, 3), *layers(3, 16, 1), [10.0])),
    "sine_mlp no point": (ops.sine_mlp, 2, (within(0, 3), *layers(3, 16, 1), [10.0])),
    "adam": (ops.adam, 0, (*moments(37, 2), 3, *ADAM)),
    "adam first step": (ops.adam, 0, (*moments(11), 1, *ADAM)),
    "lazy_adam": (ops.lazy_adam, 0, (*moments(37, 2), STEPS, *ADAM)),
    "lazy_adam one feature": (ops.lazy_adam, 0, (*moments(37, 1), STEPS, *ADAM)),
    "shuffled": (ops.shuffled, 0, (3, 300, ((1000, (1, 2)), (1500, (3,))))),
    "shuffled by no order": (ops.shuffled, 0, (5, 7, ())),
    "shuffled none": (ops.shuffled, 0, (0, 0, ((10, (1,)),))),
    "cell_centres": (ops.cell_centres, 0, (torch.arange(3, 105), (5, 3, 7))),
    "cell_centres none": (ops.cell_centres, 0, (torch.arange(0), (5, 3))),
    "take_values": (ops.take_values, 0, (torch.arange(60).to(torch.uint8).view(20, 3), torch.arange(19, -1, -1))),
    "take_values floats": (ops.take_values, 0, (noise(20, 2), torch.arange(0, 20, 3))),
    "take_values none": (ops.take_values, 0, (noise(20, 2), torch.arange(0))),
    "error_sums one": (ops.error_sums, 0, (noise(1, seed=1), noise(1))),
    "error_sums": (ops.error_sums, 0, (torch.arange(37) / 8 - 2, torch.arange(37).flip(0) / 8 - 2)),
    "error_sums none": (ops.error_sums, 0, (noise(0, 3), noise(0, 3))),
    "lazy_adam no row": (ops.lazy_adam, 0, (*(torch.zeros(37, 2) for _ in range(4)), STEPS, *ADAM)),
}


@pytest.mark.parametrize("call", CALLS)
def test_call(call: str) -> None:
    op, order, arguments = CALLS[call]
    check_op(op, *arguments, order=order)


def test_every_op_is_called() -> None:
    assert {op.name for op, _, _ in CALLS.values()} == {op.name for op in ops.ALL}
