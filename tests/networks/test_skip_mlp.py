"""SkipMLP: sizes of NeRF's and IGR's networks, where the input comes back, and the start as a sphere."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields.errors import InputError
from neuralfields.networks import SkipMLP

IGR = {"width": 512, "depth": 8, "skips": [4], "narrow": True, "activation": "softplus"}


def test_the_sizes_of_the_papers() -> None:
    """NeRF's whole network has 595,844 numbers, of which its heads 102,788; IGR tells of 1.8 million."""
    heads = (256 * 256 + 256) + (256 + 1) + (283 * 128 + 128) + (128 * 3 + 3)
    trunk = sum(p.numel() for p in list(SkipMLP(63, 1).parameters())[:-2])
    assert trunk == 595_844 - heads
    assert sum(p.numel() for p in SkipMLP(3, 1, **IGR).parameters()) == 1_839_614  # type: ignore[arg-type]


@torch.no_grad()
@pytest.mark.parametrize("narrow", [False, True])
def test_the_input_comes_back(narrow: bool) -> None:
    field = SkipMLP(2, 3, width=6, depth=3, skips=[1, 2], activation="tanh", narrow=narrow).double()
    x = torch.randn(5, 2).double()
    scale = math.sqrt(0.5) if narrow else 1
    first, second, third, last = field.layers
    h = first(x).tanh()
    h = second(scale * torch.cat([h, x], -1)).tanh()
    h = third(scale * torch.cat([h, x], -1)).tanh()
    torch.testing.assert_close(field(x), last(h))
    widths = [4, 4, 6, 3] if narrow else [6, 6, 6, 3]
    assert [layer.out_features for layer in field.layers] == widths
    assert all(not layer.bias.any() for layer in field.layers)  # type: ignore[operator, union-attr]


@torch.no_grad()
def test_softplus_has_its_sharpness() -> None:
    field = SkipMLP(1, 1, width=4, depth=1, skips=[], activation="softplus", beta=7.0)
    x = torch.randn(5, 1)
    first, last = field.layers
    torch.testing.assert_close(field(x), last(F.softplus(7 * first(x)) / 7))


def radii_of_zeros(field: SkipMLP) -> Tensor:
    """Along 40 rays from the origin; each passes from negative to positive values once."""
    directions = F.normalize(torch.randn(40, field.in_dim), dim=-1)
    t = torch.linspace(0, 2, 81)
    inside = field(directions[:, None] * t[:, None])[..., 0] < 0
    assert inside[:, 0].all() and not inside[:, -1].any()
    assert (inside.float().diff(dim=-1) <= 0).all()
    return t[inside.sum(-1)]


@torch.no_grad()
@pytest.mark.parametrize("in_dim", [2, 3])
@pytest.mark.parametrize("radius", [0.5, 1.0])
@pytest.mark.parametrize(
    "more",
    [IGR, IGR | {"narrow": False}, IGR | {"activation": "relu", "skips": [2, 5], "narrow": False, "depth": 6}],
    ids=["igr", "wide", "relu"],
)
def test_the_start_as_a_sphere(in_dim: int, radius: float, more: dict[str, Any]) -> None:
    torch.manual_seed(0)
    zeros = radii_of_zeros(SkipMLP(in_dim, 1, geometric=radius, **more))
    assert float(zeros.mean()) == pytest.approx(radius, rel=0.05)
    assert float(zeros.min()) > 0.6 * radius
    assert float(zeros.max()) < 1.4 * radius


@torch.no_grad()
def test_the_slope_of_the_start_is_near_one_also_with_skips_that_are_not_narrow() -> None:
    for seed, narrow in enumerate((False, True)):
        torch.manual_seed(seed)
        field = SkipMLP(3, 1, width=512, depth=6, skips=[1, 2, 3, 4, 5], narrow=narrow, geometric=0.5)
        directions = F.normalize(torch.randn(200, 3), dim=-1)
        slope = (field(2 * directions) - field(directions)).mean()
        assert float(slope) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"depth": 4}, "5"),
        ({"skips": [0]}, "0"),
        ({"skips": [8]}, "8"),
        ({"skips": [2.5]}, "2.5"),
        ({"activation": "sine"}, "sine"),
        ({"beta": 0.0}, "0.0"),
        ({"narrow": True, "width": 2}, "width 2"),
        ({"geometric": 0.0}, "0.0"),
        ({"geometric": -1.0}, "-1.0"),
        ({"geometric": 1.0, "activation": "tanh"}, "tanh"),
        ({"geometric": 1.0, "depth": 0, "skips": []}, "in 0"),
        ({"width": 0}, "width 0"),
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError, match=word):
        SkipMLP(2, 1, **arguments)
