"""Multi-stage networks: the sum, its frequencies and initialisation, and what a new stage changes."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.networks import MultiStage


def test_the_formula() -> None:
    field = MultiStage(2, 1, width=3, depth=2, kappas=[1.5, 7.0], scales=[2.0, 0.1]).double()
    x = torch.rand(5, 2).double() * 2 - 1

    def network(number: int, x: Tensor) -> Tensor:
        first, second, last = field.networks[number]  # type: ignore[misc]
        phase = (x @ first.weight.T) * (1.5, 7.0)[number] + first.bias
        return last(second(phase.sin() if number else phase.tanh()).tanh())

    torch.manual_seed(0)
    for parameter in field.parameters():
        torch.nn.init.normal_(parameter)  # biases too
    torch.testing.assert_close(field(x), 2 * network(0, x) + 0.1 * network(1, x))
    torch.testing.assert_close(field.part(1, x), network(1, x))


def test_parameter_count() -> None:
    """[1, 20, 20, 20, 1], as in the paper's script."""
    assert sum(p.numel() for p in MultiStage(1, 1).parameters()) == 901
    assert sum(p.numel() for p in MultiStage(1, 1, kappas=[1, 2, 3], scales=[1, 1, 1]).parameters()) == 3 * 901


@torch.no_grad()
def test_fresh_weights_are_a_normal_distribution_cut_off() -> None:
    torch.manual_seed(0)
    layers: Any = MultiStage(1, 3, width=200, depth=2).networks[0]
    deviation = math.sqrt(2 / 400)
    assert 1.9 * deviation < float(layers[1].weight.abs().max()) <= 2 * deviation
    # What lies within two deviations of a normal distribution has 0.88 of its deviation.
    assert float(layers[1].weight.std()) == pytest.approx(0.88 * deviation, rel=0.02)
    assert float(layers[0].weight.abs().max()) <= 2 * math.sqrt(2 / 201)
    assert all(not layer.bias.any() for layer in layers)


@torch.no_grad()
def test_a_new_stage_with_a_zero_read_out_changes_nothing() -> None:
    torch.manual_seed(1)
    field = MultiStage(2, 3, width=6, depth=2).double()
    grown = field.with_stage(5.0, 1e-6)
    x = torch.rand(20, 2).double() * 2 - 1
    assert grown.spec["arguments"]["kappas"] == [1.0, 5.0]
    assert grown.spec["arguments"]["scales"] == [1.0, 1e-6]
    assert 0 < float((grown(x) - field(x)).abs().max()) < 1e-5
    last: Any = grown.networks[1]
    torch.nn.init.zeros_(last[-1].weight)
    assert torch.equal(grown(x), field(x))
    grown.networks[0][0].weight.data.zero_()  # type: ignore[index, union-attr]
    assert not torch.equal(grown(x), field(x)), "the copy must not share memory"


def test_small_stages_are_not_lost_in_the_sum() -> None:
    """1 + 1e-16 is 1, but twice 1e-16 is not lost where the small ones are added up first."""
    field = MultiStage(1, 1, width=1, depth=1, kappas=[1.0] * 3, scales=[1.0, 1.2e-16, 1.2e-16]).double()
    for network in field.networks:
        torch.nn.init.zeros_(network[-1].weight)  # type: ignore[index]
        torch.nn.init.ones_(network[-1].bias)  # type: ignore[index]
    assert field(torch.zeros(1, 1).double()).item() > 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kappas": [1.0, 2.0]}, "each of 1 to 64 stages has a kappa and a scale"),
        ({"kappas": [], "scales": []}, "1 to 64 stages"),
        ({"kappas": [1.0] * 65, "scales": [1.0] * 65}, "1 to 64 stages"),
        ({"kappas": [0.0]}, "kappa is positive and finite, got 0"),
        ({"scales": [math.inf]}, "scale is positive and finite, got inf"),
        ({"depth": 0}, "depth 1 or more"),
        ({"width": 0}, "width 0"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MultiStage(2, 1, **arguments)
