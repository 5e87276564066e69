"""SAPE: which cells open when, the mask between them, and its frequencies."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields import Chain
from neuralfields.encodings import Sape
from neuralfields.errors import InputError
from neuralfields.fitting import Adam
from neuralfields.networks import MLP
from neuralfields.testing import check_gradients


def told(field: Sape, loss: float | Tensor, x: Tensor | None = None, *, until: int = 40, steps: int = 80) -> Sape:
    """The field after the first steps of a fit whose errors are these everywhere."""
    generator = torch.Generator().manual_seed(0)
    for step in range(until + 1):
        field.advance(step / steps)
        points = torch.rand(400, field.in_dim, generator=generator) * 2 - 1 if x is None else x
        field.feedback(points, torch.as_tensor(loss).expand(len(points)))
    return field


def points(n: int, dim: int = 2) -> Tensor:
    return torch.rand(n, dim, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("blocks", [None, 6])
def test_without_a_threshold_all_is_open_at_half_of_a_fit(blocks: int | None) -> None:
    field = Sape(2, features=18, cells=11, blocks=blocks, epsilon=0.0)
    size = field.out_dim // field.blocks
    field.advance(0.0)
    assert torch.equal(field.mask(points(50))[:, :size], torch.ones(50, size))
    assert (field.mask(points(50))[:, size:] < 1e-6).all()
    told(field, 1e-9, until=39)
    assert (field.mask(points(50))[:, -1] < 1e-6).all()
    told(field, 1e-9, until=40)
    assert torch.equal(field.mask(points(50)), torch.ones(50, 20))


def test_below_the_threshold_only_the_first_block_is_ever_open() -> None:
    field = told(Sape(2, features=18, cells=11, epsilon=1e30), 1.0, until=80)
    wanted = (torch.arange(20) < 2).float().expand(50, 20)
    torch.testing.assert_close(field.mask(points(50)), wanted, rtol=0, atol=1e-6)


def test_a_cell_that_has_stopped_never_goes_on() -> None:
    field = told(Sape(1, features=20, cells=4, epsilon=0.5), 1.0, until=20)
    half = field.open.clone()
    assert 5 < half[0] < 15
    for step in range(21, 81):
        field.advance(step / 80)
        field.feedback(points(200, 1), torch.full((200,), 0.1 if step < 30 else 9.0))
    assert (field.open - half).max() <= 1


def test_the_mask_grows_within_0_and_1_and_follows_the_error() -> None:
    field, x = Sape(2, features=30, sigma=3.0, cells=16, epsilon=0.5), points(3000)
    loss = (x[:, 0] > 0).float()
    before = torch.zeros(len(x), 32)
    for step in range(60):
        field.advance(step / 60)
        field.feedback(x, loss)
        mask = field.mask(x)
        assert (mask >= before - 1e-6).all() and mask.min() >= 0 and mask.max() <= 1
        before = mask
    assert (mask[x[:, 0] > 0.4] == 1).all()
    assert (mask[x[:, 0] < -0.4][:, 2:] < 1e-6).all()
    between = mask[x[:, 0].abs() < 0.2][:, -1]
    assert ((between > 0.1) & (between < 0.9)).any()


@pytest.mark.parametrize(("dim", "cells"), [(1, 12), (2, 12), (3, 5), (2, 3)])
def test_the_mask_is_the_blurred_table_interpolated(dim: int, cells: int) -> None:
    """Against the long way: a mask of every cell and block, box blur with replicated edges, linear interpolation."""
    field = Sape(dim, features=6 * dim, cells=cells, sigma=1.0)
    field.open.copy_(torch.randint(0, field.blocks, field.open.shape))
    table = (field.open[:, None] >= torch.arange(field.blocks)).float()
    blurred = torch.stack([field._blur(column) for column in table.T], 0).view(1, -1, *[cells] * dim)
    x = points(40, dim)
    # grid_sample has two axes or more, and the last one first.
    grid = (x if dim > 1 else torch.cat([torch.zeros_like(x), x], -1)).flip(-1)
    blurred = blurred if dim > 1 else blurred[:, :, None]
    found = torch.nn.functional.grid_sample(
        blurred, grid.view(1, -1, *[1] * (max(dim, 2) - 1), max(dim, 2)), padding_mode="border", align_corners=False
    )
    wanted = found.view(field.blocks, 40).T.repeat_interleave(dim, -1)
    torch.testing.assert_close(field.mask(x), wanted, rtol=0, atol=1e-5)


def test_the_blur_keeps_constants_and_fills_what_was_not_seen() -> None:
    field = Sape(2, features=4, cells=16)
    torch.testing.assert_close(field._blur(torch.full((256,), 0.3)), torch.full((256,), 0.3))
    field.feedback(points(30), torch.full((30,), 0.7))
    assert (field.visits == 0).any()
    torch.testing.assert_close(field._mean_losses(), torch.full((256,), 0.7))


def test_outside_of_a_fit_it_is_plain_fourier_features() -> None:
    field, x = Sape(2, features=40, sigma=2.0), points(20)
    phase = math.pi * (x + 1) @ field.frequencies
    waves = torch.stack([phase.sin(), phase.cos()], -1).flatten(-2)
    assert torch.equal(field(x), torch.cat([x, waves], -1))
    told(field, 1.0, until=80)
    assert torch.equal(field(x), torch.cat([x, waves], -1))
    field.advance(0.0)
    assert (field(x)[:, 2:].abs() < 1e-6).all(), "another fit begins anew"


def test_frequencies_are_sorted_and_of_every_direction() -> None:
    frequencies = Sape(2, features=20_000, sigma=3.0).frequencies
    lengths = frequencies.norm(dim=0)
    assert (lengths.diff() > -1e-5).all()
    assert float(lengths.square().mean().sqrt()) == pytest.approx(3, rel=0.03)
    # Half-normal lengths, which are not those of a Gaussian vector.
    assert float(lengths.mean()) == pytest.approx(3 * math.sqrt(2 / math.pi), rel=0.03)
    angle = torch.atan2(*frequencies)
    assert float(angle.cos().mean()) == pytest.approx(0, abs=0.03)


def test_derivatives_are_right_where_the_mask_varies() -> None:
    field = Sape(2, features=8, sigma=0.5, cells=6)
    field.open.copy_(torch.randint(0, field.blocks, (36,), generator=torch.Generator().manual_seed(0)))
    check_gradients(field, 2)


def test_a_flat_half_keeps_a_coarser_mask_than_a_noisy_one() -> None:
    torch.manual_seed(0)
    encoding = Sape(2, features=64, sigma=8.0, cells=10, epsilon=2e-2)
    field, x = Chain(encoding, MLP(66, 1, width=32, depth=1)), points(800)
    y = torch.where(x[:, 0] < 0, 0.5, torch.rand(len(x)))[:, None]
    adam = Adam(lr=1e-2)(field)
    for step in range(100):
        encoding.advance(step / 100)
        loss = (field(x) - y).square()
        adam.zero_grad()
        loss.mean().backward()
        adam.step()
        encoding.feedback(x, loss.detach().mean(-1))
    mask = encoding.mask(x).mean(-1)
    assert mask[x[:, 0] < -0.3].mean() < 0.8 * mask[x[:, 0] > 0.3].mean()


def test_the_state_is_saved() -> None:
    field, x = told(Sape(2, features=20, sigma=1.0, cells=8, epsilon=0.5), 1.0, until=20), points(10)
    other = Sape(2, features=20, sigma=1.0, cells=8, epsilon=0.5)
    other.load_state_dict(field.state_dict())
    assert torch.equal(other(x), field(x))
    assert torch.equal(told(other, 1.0, until=40).open, told(field, 1.0, until=40).open)


@pytest.mark.parametrize(
    "arguments",
    [
        {"in_dim": 4},
        {"features": 3},
        {"cells": 0},
        {"cells": 162, "in_dim": 3},
        {"blocks": 0},
        {"blocks": 600},
        {"epsilon": -1.0},
        {"sigma": math.inf},
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, int]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        Sape(**{"in_dim": 2} | arguments)  # type: ignore[arg-type]
