"""Radial bases: kernels, their normalisation and frequencies, and where they are placed."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.encodings import RadialBasis
from neuralfields.errors import InputError


def points(n: int, dim: int = 2) -> Tensor:
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_values_by_hand() -> None:
    field = RadialBasis(2, centres=2, features=3, neighbours=2, lowest=0.5, highest=2.0).double()
    field.nearest.anchors.copy_(torch.tensor([[0.0, 0.0], [0.5, 0.0]]))
    field.shapes.copy_(torch.tensor([[[2.0, 1.0], [1.0, 3.0]], [[1.0, 0.0], [0.0, 1.0]]]))
    torch.nn.init.normal_(field.table)
    x, y = 0.2, -0.4
    first = 1 / (1 + 2 * x * x + 2 * x * y + 3 * y * y)
    second = 1 / (1 + (x - 0.5) ** 2 + y * y)
    shares = first / (first + second), second / (first + second)
    wanted = [
        sum(float(field.table[i, j].detach()) * math.sin(share * m) for i, share in enumerate(shares))
        for j, m in enumerate((0.5, 1.0, 2.0))
    ]
    found = field(torch.tensor([x, y], dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64), rtol=1e-7, atol=1e-7)


def test_weights_sum_to_one_and_are_largest_at_a_centre() -> None:
    field = RadialBasis(3, centres=200, features=2, neighbours=8)
    _, weights = field.weights(points(300, 3))
    torch.testing.assert_close(weights.sum(-1), torch.ones(300), rtol=0, atol=1e-6)
    field = RadialBasis(2, centres=2, neighbours=2)
    field.nearest.anchors.copy_(torch.tensor([[0.1, 0.0], [0.5, 0.3]]))
    ray = torch.tensor([0.1, 0.0]) + torch.linspace(0, 1, 20)[:, None] * torch.tensor([0.4, 0.3])
    near, weights = field.weights(ray)
    own = weights.where(near == 0, torch.zeros(())).sum(-1)
    assert (own.diff() < 0).all() and own[0] > 0.5 > own[-1]
    torch.testing.assert_close(own[0] + own[-1], torch.tensor(1.0))


def test_low_frequencies_make_it_linear_in_the_weights() -> None:
    """sin(m s) / m goes to s."""
    field, x = RadialBasis(2, centres=50, features=2, lowest=1e-4, highest=1e-4).double(), points(20).double()
    near, weights = field.weights(x)
    linear = (weights[..., None] * field.table[near]).sum(-2)
    torch.testing.assert_close(field(x) / 1e-4, linear, rtol=1e-7, atol=1e-12)


def test_placed_where_detail_is() -> None:
    torch.manual_seed(0)
    field = RadialBasis(2, centres=60, features=4, highest=8.0)
    table = field.table.clone()
    asked = []

    def detail(n: int) -> Tensor:
        asked.append(n)
        x = points(n)
        x[: n * 3 // 4, 0] = 0.3 + 0.002 * x[: n * 3 // 4, 0]
        return x

    before = field(points(5))
    field.place(detail)
    assert asked == [960]
    centres, shapes = field.nearest.anchors, field.shapes
    edge = (centres[:, 0] - 0.3).abs() < 0.05
    assert edge.sum() > 20
    assert (shapes[edge, 0, 0] / shapes[edge, 1, 1]).median() > 5, "kernels are slim across the edge"
    torch.linalg.cholesky(shapes)
    assert torch.equal(field.table, table)
    assert not torch.allclose(field(points(5)), before)
    other = RadialBasis(2, centres=60, features=4, highest=8.0)
    other.load_state_dict(field.state_dict())
    assert torch.equal(other(points(5)), field(points(5)))


def test_a_sharper_alpha() -> None:
    shapes = []
    for alpha in (0.25, 0.5):
        torch.manual_seed(0)
        field = RadialBasis(2, centres=30, features=2, alpha=alpha)
        fresh = field.shapes.clone()
        field.place(points)
        shapes.append((fresh, field.shapes))
    for wide, slim in zip(*shapes, strict=True):
        torch.testing.assert_close(2 * wide, slim)


def test_only_the_features_are_fitted() -> None:
    field = RadialBasis(2, centres=100)
    assert sum(p.numel() for p in field.parameters()) == 3200
    assert float(field.table.detach().abs().max()) <= 1e-4


@pytest.mark.parametrize(
    "arguments",
    [
        {"centres": 3},
        {"neighbours": 0},
        {"features": 0},
        {"lowest": 0.0},
        {"highest": 0.1},
        {"alpha": 0.0},
        {"in_dim": 4},
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, int]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        RadialBasis(**{"in_dim": 2} | arguments)  # type: ignore[arg-type]
