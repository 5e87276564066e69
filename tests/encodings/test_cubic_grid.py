"""The cubic grid: what its kernels reproduce, how smooth they are, its border, refusals."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfields import calculus
from neuralfields.encodings import CubicGrid
from neuralfields.errors import InputError

KINDS = ("catmull_rom", "b_spline")
SIZE = 9  # vertices per axis; those of the outermost cells see the border


def holding(values: Tensor, interpolation: str) -> CubicGrid:
    """A grid with the vertices' values [..., y, x, features]."""
    field = CubicGrid(
        values.dim() - 1,
        resolution=list(reversed(values.shape[:-1])),
        features=values.shape[-1],
        interpolation=interpolation,
    )
    with torch.no_grad():
        field.table.copy_(values.flatten(0, -2))
    return field.double()


def vertices(dim: int) -> Tensor:
    """Coordinates of all vertices, [..., y, x, dim]."""
    axes = torch.meshgrid(*[torch.linspace(-1, 1, SIZE, dtype=torch.float64)] * dim, indexing="ij")
    return torch.stack(axes[::-1], -1)


def interior(n: int, dim: int) -> Tensor:
    """Points in cells whose four vertices along each axis all exist."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(n, dim, dtype=torch.float64, generator=generator) * 2 - 1) * (1 - 2 / (SIZE - 1))


def quadratic(x: Tensor) -> Tensor:
    return ((x * torch.tensor([0.7, -0.4, 0.9]).to(x)[: x.shape[-1]] + 0.3).sum(-1, keepdim=True)).square() - x[..., :1]


def linear(x: Tensor) -> Tensor:
    return (x * torch.tensor([0.7, -0.4, 0.9]).to(x)[: x.shape[-1]]).sum(-1, keepdim=True) + 0.3


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize(("kind", "function"), [("catmull_rom", quadratic), ("b_spline", linear)])
def test_what_is_reproduced(kind: str, function, dim: int) -> None:  # type: ignore[no-untyped-def]
    field, x = holding(function(vertices(dim)), kind), interior(60, dim)
    torch.testing.assert_close(field(x), function(x), rtol=1e-6, atol=1e-6)
    wanted, found = calculus.gradient(function, x), calculus.gradient(field, x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_add_up_to_one(kind: str) -> None:
    """A grid of ones is one everywhere, the border and the outside included."""
    field = holding(torch.ones(3, 5, 1), kind)
    x = torch.rand(100, 2, dtype=torch.float64) * 3 - 1.5
    torch.testing.assert_close(field(x), torch.ones(100, 1, dtype=torch.float64))


def test_values_at_vertices() -> None:
    values = torch.randn(6, 1, generator=torch.Generator().manual_seed(0)).double()
    at = torch.linspace(-1, 1, 6, dtype=torch.float64)[:, None]
    torch.testing.assert_close(holding(values, "catmull_rom")(at), values)
    padded = torch.cat([values[:1], values, values[-1:]])
    smoothed = (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / 6
    torch.testing.assert_close(holding(values, "b_spline")(at), smoothed)


def test_torchs_bicubic_with_the_kernel_of_keys() -> None:
    """Torch's kernel has a = -3/4; the difference to Keys' is (a + 1/2) times another kernel, so both must agree."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(5, 7, 2, generator=generator).double()
    x = torch.rand(40, 2, generator=generator).double() * 2 - 1

    def kernel(t: Tensor, a: float) -> Tensor:
        t = t.abs()
        near, far = (a + 2) * t**3 - (a + 3) * t**2 + 1, a * (t**3 - 5 * t**2 + 8 * t - 4)
        return torch.where(t <= 1, near, torch.where(t < 2, far, 0.0))

    def direct(a: float) -> Tensor:
        place = (x + 1) / 2 * torch.tensor([6, 4])
        total = torch.zeros(40, 2, dtype=torch.float64)
        for i in range(-2, 9):
            for j in range(-2, 7):
                weight = kernel(place[:, 0] - i, a) * kernel(place[:, 1] - j, a)
                total += weight[:, None] * values[min(max(j, 0), 4), min(max(i, 0), 6)]
        return total

    image = values.permute(2, 0, 1)[None]
    found = F.grid_sample(image, x[None, None], mode="bicubic", padding_mode="border", align_corners=True)[0, :, 0].t()
    torch.testing.assert_close(direct(-0.75), found)  # the sum above is what torch means
    torch.testing.assert_close(holding(values, "catmull_rom")(x), direct(-0.5))


@pytest.mark.parametrize(("kind", "smooth"), [("catmull_rom", 1), ("b_spline", 2)])
def test_derivatives_are_continuous_across_cells(kind: str, smooth: int) -> None:
    values = torch.randn(SIZE, 1, generator=torch.Generator().manual_seed(0))
    field = holding(values, kind)
    borders = torch.linspace(-1, 1, SIZE, dtype=torch.float64)[2:-2, None]
    sides = [borders - 1e-9, borders + 1e-9]

    def derivatives(x: Tensor) -> list[Tensor]:
        return [field(x), calculus.gradient(field, x), calculus.laplacian(field, x)]

    below, above = map(derivatives, sides)
    for order, (left, right) in enumerate(zip(below, above, strict=True)):
        jump = float((left - right).detach().abs().max())
        assert jump < 1e-5 if order <= smooth else jump > 1, f"derivative {order} jumps by {jump}"


def test_a_laplacian() -> None:
    """Along a parabola's vertices a B-spline has the parabola's second derivative."""
    field = holding(vertices(2).square().sum(-1, keepdim=True), "b_spline")
    found = calculus.laplacian(field, interior(30, 2))
    torch.testing.assert_close(found, torch.full_like(found, 4.0), rtol=1e-6, atol=1e-6)


def test_outside_the_box() -> None:
    field = holding(torch.randn(4, 5, 2), "catmull_rom")
    x = torch.tensor([[1.7, 0.2], [1.0, 0.2], [-math.inf, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    y = field(x)
    torch.testing.assert_close(y[[0, 2]], y[[1, 3]])
    slope = calculus.gradient(lambda x: field(x)[..., :1], x)
    assert slope[[0, 2], 0].eq(0).all()
    assert slope[[0, 2], 1].ne(0).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"in_dim": 0}, "in_dim is between 1 and 3, got 0"),
        ({"in_dim": 4}, "in_dim is between 1 and 3, got 4"),
        ({"features": 0}, "features is between 1 and 1024, got 0"),
        ({"interpolation": "linear"}, "one of catmull_rom, b_spline, got 'linear'"),
        ({"resolution": [4]}, r"one for each of 2 axes, got \[4\]"),
        ({"resolution": 1}, r"between 2 and 2\^20, got"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        CubicGrid(**{"in_dim": 2, **arguments})  # type: ignore[arg-type]
