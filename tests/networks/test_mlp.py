"""The plain network: its layers, its initialisation, its refusals."""

import math

import pytest
import torch
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.networks import MLP


def test_it_is_maps_with_activations_between() -> None:
    field = MLP(2, 3, width=5, depth=2, activation="silu")
    x = torch.rand(4, 2)
    first, second, last = field.layers
    torch.testing.assert_close(field(x), last(F.silu(second(F.silu(first(x))))))


def test_depth_zero_is_a_linear_map() -> None:
    field = MLP(2, 3, depth=0)
    x = torch.rand(4, 2)
    torch.testing.assert_close(field(x), field.layers[0](x))


@pytest.mark.parametrize(("bias", "count"), [(True, 32 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3), (False, 6336)])
def test_parameter_counts(bias: bool, count: int) -> None:
    assert sum(p.numel() for p in MLP(32, 3, width=64, depth=2, bias=bias).parameters()) == count


@torch.no_grad()
def test_initialisation() -> None:
    torch.manual_seed(0)
    field = MLP(40, 3, width=200, depth=1)
    bound = math.sqrt(6 / (40 + 200))
    weight = field.layers[0].weight
    assert float(weight.abs().max()) <= bound  # type: ignore[operator]
    assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.05)  # type: ignore[operator]
    assert all((layer.bias == 0).all() for layer in field.layers)  # type: ignore[union-attr]


def test_without_biases_zero_gives_zero() -> None:
    assert (MLP(2, 3, bias=False)(torch.zeros(1, 2)) == 0).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"activation": "sine"}, "one of relu, .*, got 'sine'"),
        ({"depth": -1}, "depth -1"),
        ({"width": 0}, "width 0"),
        ({"in_dim": 0}, "in_dim 0"),
        ({"out_dim": 0}, "out_dim 0"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        MLP(**{"in_dim": 2, "out_dim": 3, **arguments})  # type: ignore[arg-type]
