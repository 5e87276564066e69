"""Planes against torch's own interpolation, against the layout's words, and the laws of its contract."""

import itertools
import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.func import jacrev, vmap
from torch.nn import functional as F

from neuralfields import ops
from neuralfields.errors import InputError, KernelRefused
from neuralfields.ops import PlaneLayout, native, plane_encode

TRI = ((0, 1), (0, 2), (1, 2))
BACKENDS = ["reference"] if native.reason() is not None else ["reference", "cpu"]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def within(n: int, dim: int, reach: float = 0.99) -> Tensor:
    return (torch.rand(n, dim, generator=torch.Generator().manual_seed(1)) * 2 - 1) * reach


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with ops.backend(request.param):
        yield request.param


@pytest.mark.parametrize(
    "axes", [((0, 1), (0, 2), (1, 2)), ((2, 0),), ((0, 1, 2),), ((2, 1, 0), (1, 0)), ((0,), (2, 1))]
)
def test_torchs_own_interpolation(axes: tuple[tuple[int, ...], ...]) -> None:
    layout, x = PlaneLayout(3, axes, (5, 3, 8)), within(50, 3, reach=1.3)
    table = noise(layout.entries, 2)
    parts = []
    for plane in layout.planes:
        # grid_sample takes images [channels, …, y, x] and coordinates (x, y, …); a line is an image one pixel high.
        values = table[plane.start : plane.start + plane.size].t().reshape(2, *reversed(plane.resolution))
        place = x[:, list(plane.axes)]
        if len(plane.axes) == 1:
            values, place = values[:, None], torch.cat([place, torch.zeros_like(place)], 1)
        place = place.reshape(1, 1, *([1] if values.dim() == 4 else []), 50, -1)
        found = F.grid_sample(values[None], place, padding_mode="border", align_corners=True)
        parts.append(found.reshape(2, 50).t())
    torch.testing.assert_close(plane_encode(x, table, layout), torch.cat(parts, 1), rtol=1e-5, atol=1e-5)


def test_vertices_have_the_rows_the_layout_says() -> None:
    layout = PlaneLayout(3, ((1, 0), (2,)), (3, 4, 2))
    assert layout.entries == 14
    numbers = torch.arange(14.0)[:, None]
    for i, j, k in itertools.product(range(3), range(4), range(2)):
        x = torch.tensor([[i / 2, j / 3, k / 1]]) * 2 - 1
        found = plane_encode(x, numbers, layout)[0].tolist()
        assert found == pytest.approx([j + 4 * i, 12 + k], abs=1e-5)


def test_outside_and_not_a_number() -> None:
    layout = PlaneLayout(2, ((0, 1), (1,)), (4, 5))
    table = noise(layout.entries, 3)
    x = torch.tensor([[1.5, 0.2], [1.0, 0.2], [-7.0, -math.inf], [-1.0, -1.0]]).requires_grad_()
    y = plane_encode(x, table, layout)
    torch.testing.assert_close(y[0], y[1])
    torch.testing.assert_close(y[2], y[3])
    (slope,) = torch.autograd.grad(y[[0, 2]].sum(), x)
    assert slope[0, 0] == 0
    assert slope[0, 1] != 0
    assert slope[2].eq(0).all()
    odd = plane_encode(torch.tensor([[math.nan, 0.2], [0.3, math.nan]]), table, layout)
    assert odd[0].isnan().tolist() == [True] * 3 + [False] * 3
    assert odd[1].isnan().all()


def test_lines_multiplied_are_differentiable_twice() -> None:
    """A product over planes has second derivatives though linear interpolation has none along one axis."""
    layout, x = PlaneLayout(2, ((0,), (1,)), (6, 7)), within(5, 2)
    table = noise(layout.entries, 1)

    def product(x: Tensor) -> Tensor:
        return plane_encode(x[None], table, layout).prod()

    with ops.derivatives(2):
        found = vmap(jacrev(jacrev(product)))(x)
    with ops.backend("reference"), ops.derivatives(2):
        wanted = vmap(jacrev(jacrev(product)))(x)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert found[:, 0, 0].abs().max() == 0
    assert found[:, 0, 1].abs().min() > 0


def test_layouts_are_values() -> None:
    layout = PlaneLayout(3, TRI, (8, 8, 4))
    assert layout == PlaneLayout(3, [list(plane) for plane in TRI], [8, 8, 4])
    assert len({layout, PlaneLayout(3, TRI, (8, 8, 4)), PlaneLayout(3, TRI, (8, 8, 5))}) == 2
    assert layout == PlaneLayout(3, TRI, ((8, 8), (8, 4), (8, 4)))
    assert [plane.start for plane in layout.planes] == [0, 64, 96]


def test_planes_with_a_resolution_each() -> None:
    """Two resolutions of the same plane are what two layouts give."""
    coarse, fine = PlaneLayout(2, ((0, 1),), (3, 4)), PlaneLayout(2, ((0, 1),), (6, 5))
    both = PlaneLayout(2, ((0, 1), (0, 1)), ((3, 4), (6, 5)))
    table, x = noise(both.entries, 2), within(20, 2)
    parts = table.split([12, 30])
    wanted = [plane_encode(x, part, layout) for part, layout in zip(parts, (coarse, fine), strict=True)]
    assert torch.equal(plane_encode(x, table, both), torch.cat(wanted, 1))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((3, TRI, (8, 8)), r"one resolution for each of 3 axes, .* got \(8, 8\)"),
        ((0, TRI, ()), "one resolution for each of 0 axes"),
        ((3, TRI, (8, 8, 1)), r"between 2 and 2\^20, got \(8, 8, 1\)"),
        ((3, (), (8, 8, 8)), "one plane or more"),
        ((3, ((0, 3),), (8, 8, 8)), r"different axes from 0 to 2, got \(0, 3\)"),
        ((3, ((0, 0),), (8, 8, 8)), r"different axes from 0 to 2, got \(0, 0\)"),
        ((3, ((),), (8, 8, 8)), r"1 to 7 different axes"),
        ((3, TRI, ((8, 8), (8, 8))), "each axis of each plane"),
        ((3, TRI, ((8, 8), (8, 8), (8,))), "each axis of each plane"),
        ((3, ((0,), (1,), (2,)), (8, (8,), 8)), "each axis of each plane"),
        ((2, ((0,), (1,)), ((8,), (1,))), r"between 2 and 2\^20, got \(\(8,\), \(1,\)\)"),
        ((2, ((0, 1),), (1 << 15, 1 << 14)), r"at most 2\^28 vertices in all, these have 536870912"),
    ],
)
def test_layouts_out_of_range_are_refused(
    arguments: tuple[int, tuple[tuple[int, ...], ...], tuple[int, ...]], text: str
) -> None:
    with pytest.raises(InputError, match=text):
        PlaneLayout(*arguments)


def test_calls_that_break_the_contract() -> None:
    layout = PlaneLayout(3, TRI, (4, 4, 4))
    x, table = torch.zeros(3, 3), torch.zeros(layout.entries, 2)
    for arguments, text in (
        ((x[:, :2], table, layout), r"coordinates \[n, 3\], got \[3, 2\]"),
        ((x, table[1:], layout), r"a table \[48, features\], got \[47, 2\]"),
        ((x.double(), table, layout), "of one dtype"),
    ):
        with pytest.raises(InputError, match=text):
            plane_encode(*arguments)
    with pytest.raises(InputError, match="one of linear, smoothstep, catmull_rom, b_spline, got 'cubic'"):
        plane_encode(x, table, layout, "cubic")


def test_planes_over_more_axes_than_the_core_has(backend: str) -> None:
    layout = PlaneLayout(5, ((0, 1), (0, 1, 2, 3, 4)), (2, 2, 2, 2, 2))
    arguments = torch.zeros(3, 5), torch.zeros(layout.entries, 2), layout
    if backend == "cpu":
        with pytest.raises(KernelRefused, match="takes planes over 1 to 4 axes, not 5"):
            plane_encode(*arguments)
    else:
        assert plane_encode(*arguments).shape == (3, 4)


def test_cubic_planes_over_more_axes_than_the_core_has(backend: str) -> None:
    layout = PlaneLayout(4, ((0, 1, 2, 3),), (2, 3, 2, 2))
    arguments = torch.zeros(3, 4), torch.ones(layout.entries, 2), layout, "b_spline"
    if backend == "cpu":
        with pytest.raises(KernelRefused, match="takes cubic planes over 1 to 3 axes, not 4"):
            plane_encode(*arguments)
    else:
        torch.testing.assert_close(plane_encode(*arguments), torch.ones(3, 2))


def test_smoothstep_is_flat_at_vertices() -> None:
    layout = PlaneLayout(1, ((0,),), (3,))
    x = torch.tensor([[-1.0], [-0.75], [0.0]]).requires_grad_()
    y = plane_encode(x, torch.tensor([[0.0], [1.0], [0.0]]), layout, "smoothstep")
    torch.testing.assert_close(y[:, 0], torch.tensor([0.0, 3 / 16 - 2 / 64, 1.0]))
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(slope[:, 0], torch.tensor([0.0, 9 / 8, 0.0]))
