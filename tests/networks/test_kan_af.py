"""AF-KAN: bumps of height 1, each pool by its formula, and values that do not depend on the batch."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.networks import AfKan


def pooled(field: AfKan, x: Tensor) -> Tensor:
    """What the first layer makes of coordinates before its linear map; relu leaves non-negative values."""
    layer = field.layers[0]
    assert layer.activation == "relu"
    layer.map = nn.Identity()
    return layer((x + 1) / 2)


@pytest.mark.parametrize(("pool", "more"), [("linear", 9), ("global", 9 + 1), ("spatial", 8 * 4 + 1)])
def test_the_number_of_parameters(pool: str, more: int) -> None:
    """Near that of an MLP: for each layer 2 (grid + degree) ends of bumps, the pool, the LayerNorm and the map."""
    field = AfKan(2, 3, width=64, depth=2, pool=pool)
    assert sum(p.numel() for p in field.parameters()) == 2 * 64 + 64 * 64 + 64 * 3 + 3 * (16 + more) + 2 * 2 * 64


@torch.no_grad()
@pytest.mark.parametrize(
    ("combination", "height"),
    [("quad1", 1), ("quad2", 3), ("sum", 2), ("prod", 1), ("sum_prod", 3), ("cubic1", 4), ("cubic2", 1)],
)
def test_the_height_of_bumps_does_not_depend_on_the_grid(combination: str, height: float) -> None:
    for grid, degree in ((5, 3), (20, 3), (4, 1)):
        field = AfKan(1, 1, grid=grid, degree=degree, activation="relu", combination=combination, pool="linear")
        layer = field.layers[0]
        layer.score.weight.zero_()[0, degree] = 1  # type: ignore[operator, union-attr, index]
        layer.score.bias.zero_()  # type: ignore[operator, union-attr]
        centre = torch.tensor([[(degree + 1) / (2 * grid)]]) * 2 - 1  # of the bump that starts at 0 of [0, 1]
        assert float(pooled(field, centre)) == pytest.approx(height, rel=1e-5)


@torch.no_grad()
def test_relu_bumps_end() -> None:
    field = AfKan(1, 1, grid=4, degree=1, activation="relu", pool="linear")
    layer = field.layers[0]
    layer.score.weight.zero_()[0, 1] = 1  # type: ignore[operator, union-attr, index]
    layer.score.bias.zero_()  # type: ignore[operator, union-attr]
    u = torch.tensor([-0.1, 0.0, 0.25, 0.5, 0.6])[:, None]
    torch.testing.assert_close(pooled(field, 2 * u - 1)[:, 0], torch.tensor([0.0, 0, 1, 0, 0]))


@torch.no_grad()
@pytest.mark.parametrize("pool", ["global", "spatial", "linear"])
def test_the_formula(pool: str) -> None:
    torch.manual_seed(0)
    field = AfKan(3, 2, width=4, depth=1, grid=3, degree=2, pool=pool).double()
    x = torch.rand(6, 3).double() * 2 - 1
    h = (x + 1) / 2
    for i, layer in enumerate(field.layers):
        low = torch.arange(-2, 3).double() / 3
        a, b = F.silu(h[..., None] - low) * 2, F.silu(low + 1 - h[..., None]) * 2
        f = (a * b) ** 2
        t = math.sqrt(h.shape[-1])
        if pool == "linear":
            h = f @ layer.score.weight[0] + layer.score.bias  # type: ignore[operator, union-attr, index]
        elif pool == "global":
            weights = (f @ layer.score.weight[0] / t).softmax(-1)  # type: ignore[operator, union-attr, index]
            h = f.sum(-1) * weights
        else:
            padded = F.pad(f, (0, 0, 1, 1))
            kernel = layer.score.weight[:, 0]  # type: ignore[union-attr, index]
            inputs = range(h.shape[-1])
            scores = [(padded[:, i : i + 3] * kernel.T).sum(1) + layer.score.bias for i in inputs]  # type: ignore[operator, union-attr]
            h = (f * (torch.stack(scores, 1) / t).softmax(-1)).sum(-1)
        h = F.layer_norm(h, [4]) if i else h
        h = F.silu(h) @ layer.map.weight.T  # type: ignore[operator, union-attr]
    torch.testing.assert_close(field(x), h, rtol=1e-5, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("pool", ["global", "spatial", "linear"])
def test_a_far_point_in_the_batch_changes_nothing(pool: str) -> None:
    """The code's scaling over the whole batch would: its maximum is the far point's."""
    field = AfKan(2, 1, pool=pool).double()
    x = torch.rand(5, 2).double()
    x[4] = 40.0
    torch.testing.assert_close(field(x)[:4], field(x[:4]))


@pytest.mark.parametrize(
    "arguments",
    [
        {"grid": 0},
        {"degree": 9},
        {"width": 0},
        {"depth": -1},
        {"activation": "sine"},
        {"combination": "quad3"},
        {"pool": "local"},
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        AfKan(2, 1, **arguments)
