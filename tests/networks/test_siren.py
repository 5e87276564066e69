"""SIREN: sizes, statistics of a fresh network, and ranges of its initialisation."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.networks import Siren


@pytest.mark.parametrize(
    ("in_dim", "out_dim", "width", "count"),
    [(2, 1, 256, 198_401), (2, 3, 256, 198_915), (1, 1, 256, 198_145), (3, 3, 1024, 3_155_971)],
)
def test_parameter_counts_of_the_paper(in_dim: int, out_dim: int, width: int, count: int) -> None:
    assert sum(p.numel() for p in Siren(in_dim, out_dim, width=width, depth=4).parameters()) == count


def phases_and_activations(field: Siren, x: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Before and after the sine, layer by layer."""
    found = []
    for layer in list(field.layers)[:-1]:
        phase = 30 * layer(x)
        x = phase.sin()
        found.append((phase, x))
    return found


@pytest.mark.parametrize(
    ("biases", "first", "later", "activations"),
    # Phases of the first layer, of the others, activations, as computed from the official code; see methods/siren.md.
    [("zero", (6.8, 6.8), (0.90, 1.01), (0.63, 0.71)), ("default", (14, 14), (1.45, 1.50), (0.71, 0.73))],
)
def test_statistics_of_a_fresh_network(
    biases: str, first: tuple[float, float], later: tuple[float, float], activations: tuple[float, float]
) -> None:
    torch.manual_seed(0)
    field = Siren(2, 1, width=256, depth=4)
    if biases == "zero":
        for layer in field.layers:
            torch.nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def near(value: float, low: float, high: float) -> bool:
        return 0.9 * low <= value <= 1.1 * high

    with torch.no_grad():
        for i, (phase, activation) in enumerate(phases_and_activations(field, torch.rand(20_000, 2) * 2 - 1)):
            assert near(float(phase.std()), *(later if i else first)), f"phase of layer {i}: {phase.std():.3f}"
            assert near(float(activation.std()), *activations), f"activation {i}: {activation.std():.3f}"
            assert abs(float(activation.mean())) < 0.05


@torch.no_grad()
def test_the_range_of_every_tensor() -> None:
    torch.manual_seed(0)
    field = Siren(3, 2, width=256, depth=3, first_omega=50.0, hidden_omega=20.0)
    bounds = [1 / 3, *[math.sqrt(6 / 256) / 20] * 3]
    for layer, bound in zip(field.layers, bounds, strict=True):
        bias_bound = 1 / math.sqrt(layer.in_features)  # type: ignore[arg-type, union-attr]
        for tensor, limit in ((layer.weight, bound), (layer.bias, bias_bound)):
            assert float(tensor.abs().max()) <= limit  # type: ignore[operator, union-attr]
            if tensor.numel() > 100:  # type: ignore[operator, union-attr]
                assert float(tensor.abs().max()) > 0.97 * limit  # type: ignore[operator, union-attr]
                assert float(tensor.std()) == pytest.approx(limit / math.sqrt(3), rel=0.1)  # type: ignore[operator, union-attr]


def test_the_frequencies_act_where_they_should() -> None:
    field = Siren(1, 1, width=3, depth=2, first_omega=7.0, hidden_omega=11.0).double()
    x = torch.rand(5, 1).double()
    first, second, last = field.layers
    wanted = last((11 * second((7 * first(x)).sin())).sin())
    torch.testing.assert_close(field(x), wanted)


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 0},
        {"depth": -1},
        {"depth": 257},
        {"width": 0},
        {"width": 65537},
        {"first_omega": 0.0},
        {"first_omega": math.nan},
        {"first_omega": math.inf},
        {"hidden_omega": -1.0},
        {"in_dim": 0},
        {"out_dim": 0},
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, float]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        Siren(**{"in_dim": 2, "out_dim": 1} | arguments)  # type: ignore[arg-type]
