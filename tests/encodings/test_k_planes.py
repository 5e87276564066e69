"""K-Planes: initialisation, selectivity of products, scales, time."""

import pytest
import torch

from neuralfields.encodings import CoarseToFine, KPlanes
from neuralfields.errors import InputError


@pytest.mark.parametrize(("combine", "value"), [("product", 1.0), ("sum", 3.0), ("concat", 1.0)])
def test_planes_of_ones(combine: str, value: float) -> None:
    field = KPlanes(3, resolution=4, scales=[1, 2], features=2, combine=combine)
    torch.nn.init.ones_(field.table)
    y = field(torch.rand(20, 3) * 2 - 1)
    assert y.shape == (20, 12 if combine == "concat" else 4)
    torch.testing.assert_close(y, torch.full_like(y, value))


def test_a_product_selects_a_place() -> None:
    """One vertex of each plane set: the product is there alone, and in a plane's other vertices nothing is."""
    field = KPlanes(3, resolution=3, scales=[1], features=1)
    with torch.no_grad():
        field.table.zero_()
        for plane in field.layout.planes:
            field.table[plane.start + 4] = 2.0  # the middle
    found = field(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [-0.5, 0.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[8.0], [0.0], [2.0]]))


@torch.no_grad()
def test_a_fresh_field() -> None:
    torch.manual_seed(0)
    field = KPlanes(3)
    assert field.out_dim == 96
    assert field.table.numel() == 32 * 3 * (128**2 + 256**2 + 512**2)
    assert 0.1 <= float(field.table.min()) < 0.1001
    assert 0.4999 < float(field.table.max()) <= 0.5
    assert float(field.table.mean()) == pytest.approx(0.3, abs=1e-3)


def test_a_fresh_field_in_time_is_static() -> None:
    torch.manual_seed(0)
    field = KPlanes(4, resolution=[6, 5, 4, 3], scales=[1, 2], features=2, time=True)
    space, time = torch.rand(10, 1, 3) * 2 - 1, torch.linspace(-1, 1, 7)[None, :, None]
    y = field(torch.cat([space.expand(10, 7, 3), time.expand(10, 7, 1)], -1))
    torch.testing.assert_close(y, y[:, :1].expand_as(y))
    assert y.std(0).min() > 0
    assert [plane.resolution for plane in field.layout.planes] == [
        *[(6, 5), (6, 4), (6, 3), (5, 4), (5, 3), (4, 3)],
        *[(12, 10), (12, 8), (12, 3), (10, 8), (10, 3), (8, 3)],
    ]
    assert KPlanes(4, resolution=2, scales=[1], features=1).table.max() <= 0.5  # without time no plane is of ones


def test_scales_are_fields_side_by_side() -> None:
    torch.manual_seed(0)
    both = KPlanes(2, resolution=3, scales=[1, 4], features=2)
    one = KPlanes(2, resolution=12, scales=[1], features=2)
    with torch.no_grad():
        one.table.copy_(both.table[9:])
    x = torch.rand(9, 2) * 2 - 1
    torch.testing.assert_close(both(x)[:, 2:], one(x))


@pytest.mark.parametrize("combine", ["product", "concat"])
def test_scales_open_from_coarse_to_fine(combine: str) -> None:
    field = KPlanes(3, resolution=3, scales=[1, 2], features=2, combine=combine)
    each = field.out_dim // 2
    assert field.bands == [0] * each + [1] * each
    x, masked = torch.rand(9, 3) * 2 - 1, CoarseToFine(field)
    before = field(x)
    assert torch.equal(masked(x), before)
    masked.advance(0.0)
    with torch.no_grad():  # only the table of the finer scale
        field.table[field.layout.planes[3].start :] += 1
    assert torch.equal(masked(x)[:, :each], before[:, :each])
    assert masked(x)[:, each:].abs().max() == 0
    assert (field(x)[:, each:] != before[:, each:]).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"in_dim": 1}, "in_dim is between 2 and 16, got 1"),
        ({"features": 1025}, "features is between 1 and 1024, got 1025"),
        ({"interpolation": "cubic"}, "one of linear, smoothstep, catmull_rom, b_spline, got 'cubic'"),
        ({"combine": "mean"}, "one of product, sum, concat, got 'mean'"),
        ({"scales": []}, r"one whole number or more, each positive, got \[\]"),
        ({"scales": [2, 0]}, r"each positive, got \[2, 0\]"),
        ({"resolution": [8]}, r"one for each of 3 axes, got \[8\]"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        KPlanes(**{"in_dim": 3, **arguments})  # type: ignore[arg-type]
