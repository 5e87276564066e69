"""Dense grids: vertices, levels of detail, refusals."""

import pytest
import torch
from torch.nn import functional as F

from neuralfields.encodings import DenseGrid
from neuralfields.errors import InputError


def test_an_image_as_a_grid() -> None:
    torch.manual_seed(0)
    field, x = DenseGrid(2, resolution=[6, 4], features=3), torch.rand(30, 2) * 2 - 1
    torch.nn.init.normal_(field.table)
    image = field.table.t().reshape(1, 3, 4, 6)
    wanted = F.grid_sample(image, x[None, None], align_corners=True)[0, :, 0].t()
    torch.testing.assert_close(field(x), wanted, rtol=1e-4, atol=1e-5)


def test_levels_add_up() -> None:
    torch.manual_seed(0)
    field, x = DenseGrid(3, resolution=3, levels=3, features=2), torch.rand(5, 4, 3) * 2 - 1
    torch.nn.init.normal_(field.table)
    assert [plane.resolution for plane in field.layout.planes] == [(3,) * 3, (5,) * 3, (9,) * 3]
    levels = field.levels(x)
    assert [tuple(level.shape) for level in levels] == [(5, 4, 2)] * 3
    assert torch.equal(levels[-1], field(x))
    for count in (1, 2):
        prefix = DenseGrid(3, resolution=3, levels=count, features=2)
        with torch.no_grad():
            prefix.table.copy_(field.table[: len(prefix.table)])
        assert torch.equal(prefix(x), levels[count - 1])


def test_a_level_has_the_vertices_of_those_before() -> None:
    """What a coarse level holds, a finer one can hold as well: with it instead, the values are the same."""
    torch.manual_seed(0)
    field = DenseGrid(1, resolution=4, levels=2, features=1)
    x = torch.rand(20, 1) * 2 - 1
    with torch.no_grad():
        field.table[:4] = torch.randn(4, 1)
        field.table[4:] = 0
        coarse = field(x)
        vertices = torch.linspace(-1, 1, 7)[:, None]
        field.table[4:] = field(vertices)
        field.table[:4] = 0
    torch.testing.assert_close(field(x), coarse, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_fresh_table_is_small() -> None:
    field = DenseGrid(4, resolution=8, features=12)
    assert field.table.shape == (4096, 12)
    assert 0.99e-4 < float(field.table.abs().max()) <= 1e-4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"in_dim": 0}, "in_dim is between 1 and 4, got 0"),
        ({"in_dim": 5}, "in_dim is between 1 and 4, got 5"),
        ({"interpolation": "cubic"}, "one of linear, smoothstep, catmull_rom, b_spline, got 'cubic'"),
        ({"levels": 0}, "levels is between 1 and 16, got 0"),
        ({"features": 0}, "features is between 1 and 1024, got 0"),
        ({"resolution": [8, 8, 8]}, r"one for each of 2 axes, got \[8, 8, 8\]"),
        ({"resolution": 1}, r"between 2 and 2\^20, got"),
        ({"resolution": 1 << 14, "levels": 2}, r"at most 2\^28 vertices"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        DenseGrid(**{"in_dim": 2, **arguments})  # type: ignore[arg-type]
