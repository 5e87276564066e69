"""TensoRF: separable functions, sizes of the paper, other resolutions, refusals."""

import pytest
import torch

from neuralfields.encodings import TensorCP, TensorVM
from neuralfields.errors import InputError


def test_vm_multiplies_each_plane_with_the_third_axis() -> None:
    """Tables that hold the vertices' own coordinates: planes hold products, lines a coordinate."""
    field = TensorVM(3, resolution=[5, 4, 3], components=1)
    axes = [torch.linspace(-1, 1, n) for n in (5, 4, 3)]
    with torch.no_grad():
        planes = [(axes[j][:, None] * axes[i]).flatten() for i, j in ((0, 1), (0, 2), (1, 2))]
        field.table.copy_(torch.cat([*planes, *[axes[d] + 2 for d in (2, 1, 0)]])[:, None])
    x = torch.rand(50, 3) * 2 - 1
    a, b, c = x.unbind(-1)
    wanted = torch.stack([a * b * (c + 2), a * c * (b + 2), b * c * (a + 2)], -1)
    torch.testing.assert_close(field(x), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 3, 7])
def test_cp_is_exact_for_products_of_lines(dim: int) -> None:
    field = TensorCP(dim, resolution=6, components=2)
    with torch.no_grad():
        line = torch.linspace(-1, 1, 6).repeat(dim)
        field.table.copy_(torch.stack([line + 1, 2 - line], -1))
    x = torch.rand(50, dim) * 2 - 1
    wanted = torch.stack([(x + 1).prod(-1), (2 - x).prod(-1)], -1)
    torch.testing.assert_close(field(x), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cls", [TensorVM, TensorCP])
def test_the_sum_is_that_of_all_products(cls: type) -> None:
    torch.manual_seed(0)
    every, total = cls(3, resolution=4, components=3), cls(3, resolution=4, components=3, combine="sum")
    total.load_state_dict(every.state_dict())
    x = torch.rand(9, 3)
    assert total(x).shape == (9, 1)
    torch.testing.assert_close(total(x), every(x).sum(-1, keepdim=True))


@torch.no_grad()
def test_sizes_and_statistics_of_the_paper() -> None:
    torch.manual_seed(0)
    count = sum(sum(p.numel() for p in TensorVM(components=r).parameters()) for r in (16, 48))
    assert count == 64 * 3 * (300 * 300 + 300)  # 17.3 M of VM-192's 17.95 M; the rest are basis and network
    field = TensorCP(3)
    assert field.table.shape == (1500, 288)
    assert float(field.table.std()) == pytest.approx(0.1, rel=0.01)
    for dim in (2, 6):
        # Products of Gaussian factors: their standard deviation is the product of the factors'.
        lines = TensorCP(dim).table.view(dim, 500, 288)
        assert float(lines.prod(0).std()) == pytest.approx(1e-3, rel=0.25)


@pytest.mark.parametrize("cls", [TensorVM, TensorCP])
def test_old_vertices_keep_their_values(cls: type) -> None:
    torch.manual_seed(0)
    field = cls(3, resolution=[4, 3, 5], components=2).double()
    finer = field.resampled([10, 5, 5])
    assert type(finer) is cls
    assert finer.table.dtype == torch.float64
    assert finer.table.is_leaf
    assert finer.spec["arguments"] == {**field.spec["arguments"], "resolution": [10, 5, 5]}
    for old, new in zip(field.layout.planes, finer.layout.planes, strict=True):
        before = field.table[old.start :][: old.size].view(*reversed(old.resolution), 2)
        after = finer.table[new.start :][: new.size].view(*reversed(new.resolution), 2)
        for axis, d in enumerate(reversed(old.axes)):
            step = (3, 2, 1)[d]
            after = after.index_select(axis, torch.arange(0, after.shape[axis], step))
        assert torch.equal(before, after)
    # Finer vertices that hold the old ones: the same function everywhere.
    x = torch.rand(50, 3).double() * 2 - 1
    torch.testing.assert_close(finer(x), field(x))
    coarser = finer.resampled([4, 3, 5])
    assert torch.equal(coarser.table, field.table)


@pytest.mark.parametrize(
    ("cls", "arguments", "sentence"),
    [
        (TensorVM, {"in_dim": 2}, "VM decomposition has 3 coordinates, got 2"),
        (TensorCP, {"in_dim": 8}, "in_dim is between 1 and 7, got 8"),
        (TensorVM, {"components": 0}, "components is between 1 and 1024, got 0"),
        (TensorCP, {"components": 0}, "components is between 1 and 1024, got 0"),
        (TensorVM, {"combine": "product"}, "one of concat, sum, got 'product'"),
        (TensorCP, {"combine": "product"}, "one of concat, sum, got 'product'"),
        (TensorVM, {"resolution": 1}, r"between 2 and 2\^20"),
    ],
)
def test_arguments_out_of_range(cls: type, arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        cls(**{"in_dim": 3, **arguments})
