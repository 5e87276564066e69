"""The hash grid as a field: its table, its refusals. What it computes is tested in ops/test_grid_encode.py."""

import pytest
import torch

from neuralfields.encodings import HashGrid
from neuralfields.errors import InputError
from neuralfields.ops import GridLayout


@torch.no_grad()
def test_table_and_outputs() -> None:
    torch.manual_seed(0)
    field = HashGrid(3, levels=16, features=2, log2_size=14, base=16, finest=2048)
    assert field.table.shape == (245_640, 2)
    assert (field.in_dim, field.out_dim) == (3, 32)
    assert field.layout == GridLayout(3, 16, 14, 16, 2048)
    assert 0.99e-4 < float(field.table.abs().max()) <= 1e-4
    assert abs(float(field.table.mean())) < 1e-6


def test_values_are_level_after_level() -> None:
    field = HashGrid(2, levels=3, features=2, log2_size=12, base=2, finest=8)
    starts = [level.start for level in field.layout.table]
    with torch.no_grad():
        for number, start in enumerate(starts):
            field.table[start:, 0] = number
            field.table[start:, 1] = number + 10
    torch.testing.assert_close(field(torch.zeros(1, 2)), torch.tensor([[0.0, 10.0, 1.0, 11.0, 2.0, 12.0]]))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"interpolation": "cubic"}, "one of linear, smoothstep, got 'cubic'"),
        ({"layout": "mine"}, "the layout is tcnn-1, got 'mine'"),
        ({"features": 0}, "between 1 and 64, got 0"),
        ({"features": 65}, "between 1 and 64, got 65"),
        ({"levels": 0}, "levels is between 1 and 64, got 0"),
        ({"log2_size": 29}, "log2_size is between 3 and 28, got 29"),
        ({"base": 1}, "2 <= base"),
        ({"finest": 8}, "base 16, finest 8"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        HashGrid(2, **arguments)  # type: ignore[arg-type]
