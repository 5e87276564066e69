"""Zeros along the edges of a lattice, also where the level function has kinks and jumps."""

import numpy as np
import pytest
import torch

from neuralfields.geometry import solids
from neuralfields.render import Surface
from neuralfields.render.blocks import Blocks
from neuralfields.render.crossings import Crossings

SPHERE = solids.sphere(0.7)


def bent(x: torch.Tensor) -> torch.Tensor:
    """The ball's distance, ten times flatter from an eighth of a cell inside on: lines through ends mislead."""
    level = SPHERE(x)
    return torch.where(level < -0.004, 0.1 * (level + 0.004) - 0.004, level)


@pytest.mark.parametrize(("level", "error"), [
    (SPHERE, 1e-3), (bent, 1e-3), (lambda x: SPHERE(x) ** 3, 0.05), (lambda x: SPHERE(x).sign(), 0.03),
])  # fmt: skip
def test_zeros_are_found(level, error) -> None:
    surface = Surface(level)
    found = Crossings.of(Blocks.of(surface, 64))
    cell = found.blocks.cell
    off = SPHERE(torch.from_numpy(found.refined(surface).points)).abs().max()
    assert off < error * cell
    if level is not SPHERE:
        assert SPHERE(torch.from_numpy(found.points)).abs().max() > 0.05 * cell


def test_points_stay_on_their_edges() -> None:
    surface = Surface(bent)
    found = Crossings.of(Blocks.of(surface, 40)).refined(surface)
    index = (found.points + 1) / found.blocks.cell + 8
    along = np.take_along_axis(index - found.base, found.axis[:, None], 1)
    assert along.min() > 0 and along.max() < 1
    np.put_along_axis(index, found.axis[:, None], 0, 1)
    assert np.abs(index - index.round()).max() < 1e-9
    assert ((found.ends[:, 0] < 0) != (found.ends[:, 1] < 0)).all()


def test_each_crossed_edge_is_found_once() -> None:
    found = Crossings.of(Blocks.of(Surface(SPHERE), 72))
    keys = np.column_stack([found.base, found.axis])
    assert len(np.unique(keys, axis=0)) == len(keys)
    nodes = torch.linspace(-1, 1, 73)
    inside = SPHERE(torch.stack(torch.meshgrid(nodes, nodes, nodes, indexing="ij"), -1))[..., 0] < 0
    assert len(keys) == sum(int(inside.diff(dim=axis).sum()) for axis in range(3))
