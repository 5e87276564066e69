"""FAN: sizes, by hand, the period of a layer without its other part, and periods beyond the samples."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from neuralfields.errors import InputError
from neuralfields.networks import Fan


@pytest.mark.parametrize("share", [0.25, 0.3, 0.1])
def test_parameter_counts(share: float) -> None:
    """A layer has 1 - share of those of a dense one, for whole numbers of cosines."""
    field = Fan(2, 3, width=64, depth=3, share=share)
    count = sum(p.numel() for p in field.parameters())
    layer = (64 - int(64 * share)) * 65
    assert count == 3 * 64 + 3 * layer + 3 * 65
    gated = Fan(2, 3, width=64, depth=3, share=share, gated=True)
    assert sum(p.numel() for p in gated.parameters()) == count + 3


def test_the_count_of_siren() -> None:
    assert sum(p.numel() for p in Fan(2, 3).parameters()) == 198_915


@torch.no_grad()
@pytest.mark.parametrize("gated", [False, True])
def test_by_hand(gated: bool) -> None:
    field = Fan(2, 1, width=5, depth=2, first_omega=7.0, gated=gated).double()
    x = torch.rand(6, 2).double()
    h = field.first(x)
    for i, omega in enumerate((7.0, 1.0)):
        phase, other = omega * field.periodic[i](h), field.others[i](h)
        other = other * (1 + torch.erf(other / math.sqrt(2))) / 2
        g = 1 / (1 + (-field.gates[i]).exp()) if field.gates is not None else None
        waves, rest = (1, 1) if g is None else (g, 1 - g)
        h = torch.cat([waves * phase.cos(), waves * phase.sin(), rest * other], -1)
    assert h.shape == (6, 5)
    torch.testing.assert_close(field(x), field.last(h))


@torch.no_grad()
def test_the_period_of_a_layer_without_its_other_part() -> None:
    """One cosine: the values return where the phase has gained 2 pi, at x + 2 pi / (omega V A)."""
    field = Fan(1, 1, width=4, depth=1, first_omega=30.0).double()
    for parameter in field.others.parameters():
        nn.init.zeros_(parameter)
    x = torch.linspace(-1, 1, 9).double()[:, None]
    slope = float(30 * field.periodic[0].weight @ field.first.weight)  # type: ignore[operator]
    torch.testing.assert_close(field(x + 2 * math.pi / slope), field(x))
    assert not torch.allclose(field(x + math.pi / slope), field(x), atol=1e-3)


@torch.no_grad()
def test_the_frequency_scales_the_first_phase_only() -> None:
    torch.manual_seed(0)
    fast = Fan(2, 1, width=8, depth=2, first_omega=12.0).double()
    torch.manual_seed(0)
    slow = Fan(2, 1, width=8, depth=2, first_omega=1.0).double()
    for parameter in slow.periodic[0].parameters():
        parameter.mul_(12)
    x = torch.rand(5, 2).double()
    torch.testing.assert_close(fast(x), slow(x))


def test_a_period_is_learnt_beyond_the_samples() -> None:
    """sin on a third of the box, then on all of it: ReLUs cannot."""
    errors = {}
    for name in ("fan", "relu"):
        torch.manual_seed(0)
        field: nn.Module = Fan(1, 1, width=32, depth=1, first_omega=120.0)
        if name == "relu":
            field = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
        optimizer = torch.optim.Adam(field.parameters(), lr=3e-3)
        x = torch.linspace(-1 / 3, 1 / 3, 256)[:, None]
        for _ in range(400):
            optimizer.zero_grad()
            (field(x) - (18 * math.pi * x).sin()).square().mean().backward()
            optimizer.step()
        far = torch.linspace(-1, 1, 999)[:, None]
        with torch.no_grad():
            errors[name] = float((field(far) - (18 * math.pi * far).sin()).square().mean())
    assert errors["fan"] < 0.25 and errors["relu"] > 0.45


@pytest.mark.parametrize(
    "arguments",
    [
        {"share": 0.0},
        {"share": 0.5},
        {"share": math.nan},
        {"width": 3},
        {"first_omega": 0.0},
        {"depth": 0},
        {"depth": 257},
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, Any]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        Fan(2, 1, **arguments)
