"""The grid encoding against its paper's figures, against a second implementation in plain loops, and its laws."""

import itertools
import math
from decimal import Decimal, localcontext

import pytest
import torch
from torch import Tensor

from neuralfields.calculus import jacobian, laplacian
from neuralfields.errors import InputError
from neuralfields.ops import GridLayout, grid_encode

FACTORS = (1, 2654435761, 805459861, 3674653429, 2097192037, 1434869437, 2165219737)

# Computed from the layout's definition, apart from this code: see docs/methods and tiny-cuda-nn's parameter counts.
LAYOUTS = [
    (GridLayout(3, 16, 19, 16, 2048), 5, 6_098_120),
    (GridLayout(3, 16, 15, 16, 2048), 3, 472_040),
    (GridLayout(3, 16, 14, 16, 2048), 2, 245_640),
    (GridLayout(3, 8, 19, 16, 2048), 3, 2_920_448),
    (GridLayout(2, 16, 24, 16, 1024), None, 2_467_064),
]
HASHES = [
    ((1, 2, 3), {14: 13788, 19: 128476, 22: 2749916}),
    ((100, 200, 300), {14: 12464, 19: 110768, 22: 2732208}),
    ((2047, 2047, 2047), {14: 6619, 19: 285147, 22: 2906587}),
    ((5, 7), {14: 5074, 19: 283602, 22: 283602}),
]


@pytest.mark.parametrize(("layout", "first_hashed", "entries"), LAYOUTS)
def test_entries_and_first_hashed_level(layout: GridLayout, first_hashed: int | None, entries: int) -> None:
    assert layout.entries == entries
    assert next((i for i, level in enumerate(layout.table) if level.hashed), None) == first_hashed


def test_resolutions() -> None:
    layout = GridLayout(3, 16, 19, 16, 2048)
    wanted = [16, 23, 31, 43, 59, 81, 112, 154, 213, 295, 407, 562, 777, 1073, 1483, 2048]
    assert [level.resolution for level in layout.table] == wanted
    assert layout.growth == pytest.approx(1.38191, abs=5e-6)


@pytest.mark.parametrize("finest", [32, 100, 512, 1000, 2048, 4096, 100_000])
@pytest.mark.parametrize("levels", [2, 3, 7, 8, 16, 24])
def test_the_finest_level_has_the_resolution_asked_for(levels: int, finest: int) -> None:
    assert GridLayout(2, levels, 19, 16, finest).table[-1].resolution == finest


@pytest.mark.parametrize(("vertex", "rows"), HASHES, ids=str)
def test_hash_values(vertex: tuple[int, ...], rows: dict[int, int]) -> None:
    for log2_size, row in rows.items():
        layout = GridLayout(len(vertex), 1, log2_size, 2049, 2049)
        unit = (torch.tensor([vertex], dtype=torch.float64) - 0.5) / 2048
        numbers = torch.arange(layout.entries, dtype=torch.float64)[:, None]
        assert round(float(grid_encode(unit * 2 - 1, numbers, layout, "linear"))) == row


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 1, 19, 16, 32),
        (8, 1, 19, 16, 32),
        (2, 0, 19, 16, 32),
        (2, 65, 19, 16, 32),
        (2, 1, 2, 16, 32),
        (2, 1, 29, 16, 32),
        (2, 1, 19, 1, 32),
        (2, 1, 19, 33, 32),
        (2, 1, 19, 16, 2**20 + 1),
        (2, 1, 19, 16, math.nan),
    ],
)
def test_layouts_out_of_range_are_refused(arguments: tuple[int, int, int, int, float]) -> None:
    with pytest.raises(InputError, match="grid"):
        GridLayout(*arguments)


# The second implementation -------------------------------------------------------------------------------------------


def naive(
    x: list[float], table: list[list[float]], layout: GridLayout, interpolation: str, features: int
) -> list[float]:
    """One point, in loops over levels, corners and axes, from the formulas of Mueller et al. and tiny-cuda-nn."""
    if any(math.isnan(c) for c in x):
        return [math.nan] * (layout.levels * features)
    result: list[float] = []
    start = 0
    for level in range(layout.levels):
        with localcontext(prec=40):
            share = Decimal(level) / max(layout.levels - 1, 1)
            exact = layout.base * (Decimal(layout.finest) / layout.base) ** share - 1
            scale, resolution = float(exact), math.ceil(round(exact, 20)) + 1
        rows = resolution**layout.dim
        rows = min(2**layout.log2_size, rows + -rows % 8)
        value = [0.0] * features
        position = [min(max((c + 1) / 2, 0.0), 1.0) * scale + 0.5 for c in x]
        for corner in itertools.product((0, 1), repeat=layout.dim):
            weight, vertex = 1.0, []
            for bit, p in zip(corner, position, strict=True):
                t = p - math.floor(p)
                if interpolation == "smoothstep":
                    t = 3 * t**2 - 2 * t**3
                weight *= t if bit else 1 - t
                vertex.append(math.floor(p) + bit)
            if resolution**layout.dim <= rows:
                row = sum(v * resolution**axis for axis, v in enumerate(vertex))
            else:
                row = 0
                for v, factor in zip(vertex, FACTORS, strict=False):
                    row ^= v * factor % 2**32
            for f in range(features):
                value[f] += weight * table[start + row % rows][f]
        result += value
        start += rows
    return result


def points(dim: int) -> Tensor:
    """Random ones, all corners and face centres of the box, some outside, some not a number."""
    generator = torch.Generator().manual_seed(dim)
    inside = torch.rand(40, dim, generator=generator, dtype=torch.float64) * 2 - 1
    outside = torch.randn(10, dim, generator=generator, dtype=torch.float64) * 3
    border = torch.tensor(list(itertools.product((-1.0, 0.0, 1.0), repeat=min(dim, 3))), dtype=torch.float64)
    border = torch.cat([border, border[:, :1].expand(-1, dim - border.shape[1])], 1)
    far = torch.tensor([[math.inf] * dim, [-math.inf] * dim, [1e30] * dim], dtype=torch.float64)
    nan = inside[:dim].clone().fill_diagonal_(math.nan)
    return torch.cat([inside, outside, border, far, nan])


@pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
@pytest.mark.parametrize(
    ("layout", "features"),
    [
        (GridLayout(1, 4, 10, 2, 16), 2),
        (GridLayout(1, 3, 3, 4, 64), 1),
        (GridLayout(2, 4, 12, 2, 16), 2),
        (GridLayout(2, 5, 6, 3, 48), 1),
        (GridLayout(2, 1, 5, 4, 4), 3),
        (GridLayout(3, 3, 10, 2, 8), 4),
        (GridLayout(3, 4, 7, 2, 128), 2),
        (GridLayout(4, 3, 6, 2, 8), 1),
        (GridLayout(7, 2, 8, 2, 4), 2),
    ],
    ids=str,
)
def test_loops_give_the_same(layout: GridLayout, features: int, interpolation: str) -> None:
    generator = torch.Generator().manual_seed(0)
    table = torch.rand(layout.entries, features, generator=generator, dtype=torch.float64) * 2 - 1
    x = points(layout.dim)
    rows = table.tolist()
    wanted = [naive(point, rows, layout, interpolation, features) for point in x.tolist()]
    found = grid_encode(x, table, layout, interpolation)
    torch.testing.assert_close(
        found, torch.tensor(wanted, dtype=torch.float64), rtol=0, atol=1e-12 * layout.finest, equal_nan=True
    )


def test_loops_give_the_same_where_resolutions_are_not_whole() -> None:
    layout = GridLayout(2, 6, 8, 3, 50)
    table = torch.rand(layout.entries, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = points(2)
    wanted = torch.tensor([naive(p, table.tolist(), layout, "linear", 2) for p in x.tolist()], dtype=torch.float64)
    # A scale is kept to 6 decimals, which moves a point by half of that in units of cells.
    torch.testing.assert_close(grid_encode(x, table, layout, "linear"), wanted, rtol=0, atol=2 * 0.5e-6, equal_nan=True)


# Laws -----------------------------------------------------------------------------------------------------------------


def vertices(layout: GridLayout) -> Tensor:
    """The places of a dense level's vertices in the box, x fastest."""
    (level,) = layout.table
    axis = (torch.arange(level.resolution, dtype=torch.float64) - 0.5) / level.scale * 2 - 1
    return torch.cartesian_prod(*[axis] * layout.dim).reshape(-1, layout.dim).flip(-1)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_linear_function_is_reproduced(dim: int) -> None:
    layout = GridLayout(dim, 1, 12, 8, 8)
    slope = torch.tensor([2.0, -3.0, 0.5], dtype=torch.float64)[:dim]
    table = torch.zeros(layout.entries, 1, dtype=torch.float64)
    table[: 8**dim, 0] = vertices(layout) @ slope + 7
    # Up to the last vertex; beyond it, half a cell before the border, the grid wraps.
    x = torch.rand(50, dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * (2 - 1 / 7) - 1
    torch.testing.assert_close(grid_encode(x, table, layout, "linear")[:, 0], x @ slope + 7)
    found = jacobian(lambda p: grid_encode(p, table, layout, "linear"), x)
    torch.testing.assert_close(found[:, 0], slope.expand(50, dim))


@pytest.mark.parametrize("interpolation", ["linear", "smoothstep"])
@pytest.mark.parametrize("layout", [GridLayout(2, 3, 12, 2, 9), GridLayout(3, 3, 4, 4, 40)], ids=str)
def test_the_weights_of_a_point_sum_to_one(layout: GridLayout, interpolation: str) -> None:
    ones = torch.ones(layout.entries, 2, dtype=torch.float64)
    x = points(layout.dim)
    x = x[~x.isnan().any(-1)]
    torch.testing.assert_close(grid_encode(x, ones, layout, interpolation), torch.ones(len(x), 6, dtype=torch.float64))
    slopes = jacobian(lambda p: grid_encode(p, ones, layout, interpolation), x)
    assert float(slopes.abs().max()) < 1e-11


@pytest.mark.parametrize(
    ("interpolation", "course"),
    [("linear", lambda t: t), ("smoothstep", lambda t: 3 * t**2 - 2 * t**3)],
)
def test_one_vertex_gives_a_tent(interpolation: str, course: object) -> None:
    layout = GridLayout(1, 1, 6, 9, 9)
    table = torch.zeros(layout.entries, 1, dtype=torch.float64)
    table[3] = 1
    centre = (3 - 0.5) / 8 * 2 - 1
    x = torch.linspace(-1, 0.9, 101, dtype=torch.float64)[:, None]
    height = (1 - (x - centre).abs() * 4).clamp(min=0)
    torch.testing.assert_close(grid_encode(x, table, layout, interpolation), course(height))  # type: ignore[operator]


@pytest.mark.parametrize("layout", [GridLayout(2, 3, 12, 2, 9), GridLayout(2, 3, 4, 4, 40)], ids=str)
def test_outside_the_box_the_gradient_is_zero(layout: GridLayout) -> None:
    table = torch.rand(layout.entries, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = torch.tensor([[1.5, 0.3], [0.3, -2.0], [7.0, 7.0]], dtype=torch.float64)
    edge = x.clamp(-1, 1)
    torch.testing.assert_close(grid_encode(x, table, layout, "linear"), grid_encode(edge, table, layout, "linear"))
    slopes = jacobian(lambda p: grid_encode(p, table, layout, "linear"), x)
    assert (slopes[0, :, 0] == 0).all()
    assert (slopes[0, :, 1] != 0).any()
    assert (slopes[1, :, 1] == 0).all()
    assert (slopes[1, :, 0] != 0).any()
    assert (slopes[2] == 0).all()


def test_second_derivatives() -> None:
    layout = GridLayout(2, 1, 8, 6, 6)
    table = torch.rand(layout.entries, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = torch.tensor([[0.12, -0.43], [0.55, 0.31]], dtype=torch.float64)

    def field(interpolation: str) -> object:
        return lambda p: grid_encode(p, table, layout, interpolation)

    assert (laplacian(field("linear"), x) == 0).all()  # type: ignore[arg-type]
    assert (laplacian(field("smoothstep"), x).abs() > 1e-3).all()  # type: ignore[arg-type]
    mixed = jacobian(lambda p: jacobian(field("linear"), p)[..., 0, :], x)  # type: ignore[arg-type]
    assert (mixed[:, 0, 1].abs() > 1e-3).all()
    torch.testing.assert_close(mixed[:, 0, 1], mixed[:, 1, 0])


def test_the_slope_of_smoothstep_is_continuous() -> None:
    layout = GridLayout(1, 1, 6, 9, 9)
    table = torch.rand(layout.entries, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    border = (4 - 0.5) / 8 * 2 - 1
    x = torch.tensor([[border - 1e-9], [border + 1e-9]], dtype=torch.float64)
    below, above = jacobian(lambda p: grid_encode(p, table, layout, "smoothstep"), x)
    torch.testing.assert_close(below, above, rtol=0, atol=1e-6)
    below, above = jacobian(lambda p: grid_encode(p, table, layout, "linear"), x)
    assert (below - above).abs() > 0.1


def test_a_point_only_moves_the_rows_around_it() -> None:
    layout = GridLayout(2, 1, 8, 6, 6)
    table = torch.zeros(layout.entries, 1, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[0.12, -0.43]], dtype=torch.float64)
    grid_encode(x, table, layout, "linear").sum().backward()
    assert table.grad is not None
    assert int((table.grad != 0).sum()) == 4
    assert float(table.grad.sum()) == pytest.approx(1)
