"""Tri-planes: which plane sees which coordinates, sizes, refusals."""

import pytest
import torch
from torch.nn import functional as F

from neuralfields.encodings import TriPlane
from neuralfields.errors import InputError


def test_sum_of_three_images() -> None:
    torch.manual_seed(0)
    field, x = TriPlane(3, resolution=[4, 5, 6], features=2), torch.rand(40, 3) * 2 - 1
    wanted, start = torch.zeros(40, 2), 0
    for (i, j), (a, b) in {(0, 1): (4, 5), (0, 2): (4, 6), (1, 2): (5, 6)}.items():
        image = field.table[start : start + a * b].t().reshape(1, 2, b, a)  # rows are the second axis
        start += a * b
        wanted = wanted + F.grid_sample(image, x[None, None, :, [i, j]], align_corners=True)[0, :, 0].t()
    torch.testing.assert_close(field(x), wanted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_table_of_the_paper() -> None:
    torch.manual_seed(0)
    field = TriPlane(3)
    assert field.table.numel() == 3 * 32 * 256 * 256
    assert field.out_dim == 32
    assert float(field.table.std()) == pytest.approx(0.1, rel=0.01)
    assert abs(float(field.table.mean())) < 1e-3


@pytest.mark.parametrize(("dim", "planes"), [(2, 1), (3, 3), (4, 6), (5, 10)])
def test_all_pairs_of_axes(dim: int, planes: int) -> None:
    field = TriPlane(dim, resolution=3, features=1)
    assert len(field.table) == 9 * planes
    torch.nn.init.ones_(field.table)
    torch.testing.assert_close(field(torch.zeros(1, dim)), torch.full((1, 1), float(planes)))


@pytest.mark.parametrize(
    ("dim", "arguments", "sentence"),
    [
        (1, {}, "in_dim is between 2 and 16, got 1"),
        (17, {}, "in_dim is between 2 and 16, got 17"),
        (3, {"interpolation": "cubic"}, "one of linear, smoothstep, catmull_rom, b_spline, got 'cubic'"),
        (3, {"features": 0}, "features is between 1 and 1024, got 0"),
        (3, {"resolution": 1}, r"between 2 and 2\^20, got \(1, 1, 1\)"),
        (3, {"resolution": [4, 4]}, r"one for each of 3 axes, got \[4, 4\]"),
    ],
)
def test_arguments_out_of_range(dim: int, arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        TriPlane(dim, **arguments)  # type: ignore[arg-type]
