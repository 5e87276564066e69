"""PINs: what one level is, what each level sees, how they begin and join a fit, and that they refine each other."""

import math

import pytest
import torch
from torch import Tensor, nn

from neuralfields.errors import InputError
from neuralfields.fitting import Adam
from neuralfields.networks import Pins
from neuralfields.testing import check_gradients


def points(n: int, dim: int = 2) -> Tensor:
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(1)) * 2 - 1


def speaking(field: Pins) -> Pins:
    """With read-outs that are not zero."""
    for network in field.stack:
        nn.init.normal_(network[-1].weight)  # type: ignore[index]
    return field


def test_one_level_is_a_network_behind_fourier_features() -> None:
    field, x = Pins(2, 3, width=8, levels=1, features=12, sigma=1.0), points(5)
    phase = math.pi * (x + 1) @ field.frequencies
    first, second, last = field.stack[0]  # type: ignore[misc]
    wanted = last(second(first(torch.cat([phase.sin(), phase.cos()], -1)).relu()).relu())
    torch.testing.assert_close(field(x), wanted)
    assert [y.shape for y in field.levels(x)] == [(5, 3)]


def test_the_second_level_by_hand() -> None:
    field, x = speaking(Pins(1, 1, width=4, depth=1, levels=2, features=6, sigma=1.0)), points(5, 1)
    phase = math.pi * (x + 1) @ field.frequencies
    (first, out), (second, more) = field.stack  # type: ignore[misc]
    h = first(torch.cat([phase[:, :1].sin(), phase[:, :1].cos()], -1)).relu()
    finer = second(torch.cat([h, phase[:, 1:].sin(), phase[:, 1:].cos()], -1)).relu()
    coarse, fine = field.levels(x)
    torch.testing.assert_close(coarse, out(h))
    torch.testing.assert_close(fine, out(h) + more(finer))


@pytest.mark.parametrize(("cumulative", "count"), [(False, 594_956), (True, 791_564)])
def test_parameter_counts(cumulative: bool, count: int) -> None:
    """Of four levels of 2 x 256, each with a group of 128 features or all up to its own."""
    field = Pins(2, 3, cumulative=cumulative)
    assert sum(p.numel() for p in field.parameters()) == count


@pytest.mark.parametrize("cumulative", [False, True])
def test_a_level_sees_no_frequency_above_its_group(cumulative: bool) -> None:
    field, x = speaking(Pins(2, 1, width=8, levels=3, features=30, sigma=2.0, cumulative=cumulative)), points(20)
    assert field.frequencies.norm(dim=0).diff().min() >= 0
    before = field.levels(x)
    field.frequencies[:, 10:] = 0
    after = field.levels(x)
    assert torch.equal(before[0], after[0]) and torch.equal(before[1], after[1])
    assert not torch.allclose(before[2], after[2])
    field.frequencies[:, 5:10] = 0
    assert torch.equal(field.levels(x)[0], before[0])
    assert not torch.allclose(field.levels(x)[1], before[1])


def test_all_levels_begin_as_the_first_and_all_can_learn() -> None:
    field, x = Pins(2, 3, width=8, levels=4, features=16), points(7)
    levels = field.levels(x)
    assert all(torch.equal(level, levels[0]) for level in levels)
    (field(x) - 1).square().mean().backward()
    for network in field.stack:
        assert network[-1].weight.grad.abs().max() > 0  # type: ignore[index, union-attr]


def test_levels_join_a_fit_one_after_the_other() -> None:
    field, x = speaking(Pins(2, 1, width=8, levels=4, features=16, sigma=1.0, progressive=True)), points(7)

    def different() -> int:
        return len({tuple(level.flatten().tolist()) for level in field.levels(x)})

    assert different() == 4, "outside of a fit all speak"
    for fraction, count in ((0.0, 1), (0.12, 1), (0.125, 2), (0.3, 3), (0.375, 4), (1.0, 4)):
        field.advance(fraction)
        assert different() == count
    field.advance(0.2)
    check_gradients(field, 2)
    steady = Pins(2, 1, levels=4, features=16)
    steady.advance(0.0)
    assert steady.progress == 1


def test_finer_levels_are_closer_after_a_progressive_fit() -> None:
    torch.manual_seed(0)
    field = Pins(1, 1, width=24, levels=3, features=48, sigma=6.0, progressive=True)
    x = torch.linspace(-1, 1, 200)[:, None]
    y = (2 * x).sin() + 0.5 * (14 * x).sin() + 0.25 * (60 * x).sin()
    adam = Adam(lr=3e-3)(field)
    for step in range(150):
        field.advance(step / 150)
        adam.zero_grad()
        (field(x) - y).square().mean().backward()
        adam.step()
    errors = [float((level - y).detach().square().mean()) for level in field.levels(x)]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2], errors


@pytest.mark.parametrize(
    "arguments",
    [{"levels": 0}, {"levels": 9, "features": 16}, {"features": 7}, {"sigma": -1.0}, {"depth": 0}, {"out_dim": 0}],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, int]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        Pins(**{"in_dim": 2, "out_dim": 1} | arguments)  # type: ignore[arg-type]
