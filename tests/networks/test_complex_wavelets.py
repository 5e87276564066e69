"""Split wavelets: progressive atoms and their powers, what either part can do, placement, locality, bad arguments."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.networks import SplitWavelet
from neuralfields.networks.pairs import gabor


@pytest.mark.parametrize(
    ("omega", "scale", "leaks"),
    [(20, 10, (0.025, 0.0026, 3.4e-5)), (30, 10, (1.5e-3, 1.3e-5, 1e-9)), (20, 30, (0.26, 0.17, 0.09))],
    ids=["2", "3", "2/3"],
)
@pytest.mark.parametrize("power", [1, 2, 4])
def test_powers_of_an_atom_stay_progressive(
    omega: float, scale: float, leaks: tuple[float, float, float], power: int
) -> None:
    """psi^k has the mean frequency k omega, and the part Q(sqrt(k) omega / scale) of its energy below zero."""
    n, side = 1 << 14, 8.0
    x = (torch.arange(n, dtype=torch.float64) / n - 0.5) * side
    psi = torch.complex(*gabor(x, None, omega, scale).chunk(2)) ** power
    energy = torch.fft.fft(psi).abs().square()
    energy /= energy.sum()
    frequency = torch.fft.fftfreq(n, side / n, dtype=torch.float64) * 2 * math.pi
    assert float((energy * frequency).sum()) == pytest.approx(power * omega, rel=1e-6)
    below = float(energy[frequency < 0].sum() + energy[0] / 2)
    assert below == pytest.approx(math.erfc(math.sqrt(power / 2) * omega / scale) / 2, rel=2e-2)
    assert below == pytest.approx(leaks[power.bit_length() - 1], rel=0.15)


def grid(n: int) -> Tensor:
    axis = (torch.arange(n) + 0.5) * 2 / n - 1
    return torch.cartesian_prod(axis, axis)


def fitted(field: SplitWavelet, x: Tensor, y: Tensor, steps: int) -> float:
    adam = torch.optim.Adam(field.parameters(), lr=5e-3)
    for _ in range(steps):
        adam.zero_grad()
        (field(x) - y).square().mean().backward()
        adam.step()
    return float((field(x) - y).detach().square().mean())


@pytest.mark.parametrize(("depth", "least"), [(1, 0.3), (2, 0.1)])
def test_a_constant_needs_the_low_part(depth: int, least: float) -> None:
    x, y = grid(24), torch.ones(576, 1)
    errors = []
    for low_width in (0, 16):
        torch.manual_seed(0)
        errors.append(fitted(SplitWavelet(2, 1, width=12, depth=depth, low_width=low_width), x, y, 60))
    assert errors[0] > least
    assert errors[1] < 0.01


def disk_edge(n: int) -> Tensor:
    angle = torch.arange(n) * (2 * math.pi / n)
    return 0.55 * torch.stack([angle.cos(), angle.sin()], -1)


def test_atoms_at_the_edge_of_a_disk_fit_it_better() -> None:
    x = grid(32)
    y = (x.norm(dim=-1, keepdim=True) < 0.55).float()
    errors = []
    for placed in (False, True):
        torch.manual_seed(0)
        field = SplitWavelet(2, 1, width=32, depth=1, low_width=8)
        if placed:
            field.place(disk_edge)
        errors.append(fitted(field, x, y, 200))
    assert errors[1] < 0.8 * errors[0]


def first_layer(field: SplitWavelet, x: Tensor) -> Tensor:
    """The atoms' values, one by one and by complex arithmetic: [points, atoms]."""
    values = []
    for weight, bias in zip(field.weight.unbind(1), field.bias.unbind(1), strict=True):
        y = x @ weight.T + bias
        omega, scale = field.first
        values.append(torch.exp(1j * omega * y[:, 0] - (scale * y).square().sum(-1)))
    return torch.stack(values, -1)


@torch.no_grad()
def test_place_centres_the_atoms() -> None:
    field = SplitWavelet(3, 1, width=5).double()
    points = torch.rand(5, 3).double() * 2 - 1
    asked = []
    field.place(lambda n: asked.append(n) or points)  # type: ignore[func-returns-value]
    assert asked == [5]
    torch.testing.assert_close(first_layer(field, points).diagonal(), torch.ones(5, dtype=torch.complex128))


@torch.no_grad()
def test_values_by_complex_arithmetic() -> None:
    field = SplitWavelet(
        2, 1, width=5, depth=2, first_omega=3.0, first_scale=1.0, hidden_omega=2.0, hidden_scale=1.5, low_width=4
    ).double()
    x = torch.rand(7, 2).double() * 2 - 1
    hidden, last = field.layers
    z = first_layer(field, x) @ torch.complex(*hidden.weight).T  # type: ignore[misc, union-attr]
    h = torch.exp(2j * z - (1.5 * z).abs().square()) - 1
    assert field.low is not None
    one, two, three = field.low
    low = three((5 * two((5 * one(x)).sin())).sin())
    torch.testing.assert_close(field(x), last(torch.cat([h.real, h.imag], -1)) + low)


@torch.no_grad()
def test_a_fresh_network() -> None:
    torch.manual_seed(0)
    field = SplitWavelet(2, 1, width=400, spread=3.0)
    weight = field.weight.transpose(0, 1)
    squares = weight @ weight.mT  # orthogonal times a factor: the factor's square on the diagonal
    factors = squares[:, 0, 0].sqrt()
    torch.testing.assert_close(squares, factors.square()[:, None, None] * torch.eye(2).expand(400, 2, 2))
    assert 1 / 3 <= float(factors.min()) < 0.35
    assert 2.85 < float(factors.max()) <= 3 + 1e-5
    assert abs(float(factors.log().mean())) < 0.1
    assert float(weight[:, 0, 0].min()) > 0, "all waves into one half-space"
    across = weight[:, 0, 1] / factors
    assert float(across.min()) < -0.95 < 0.95 < float(across.max()), "and every direction of it"
    centres = -torch.linalg.solve(weight, field.bias.T)
    assert 0.97 < float(centres.abs().max()) <= 1 + 1e-5
    assert float(centres.std()) == pytest.approx(1 / math.sqrt(3), rel=0.1)


@torch.no_grad()
def test_far_atoms_do_not_matter() -> None:
    """Without the atoms whose windows miss a patch, the patch is as before; with one that does not, it changes."""
    torch.manual_seed(0)
    field = SplitWavelet(2, 1, width=64, spread=1.5, low_width=0).double()
    patch = torch.rand(50, 2).double() * 0.2 - 0.1
    alive = first_layer(field, patch).abs().amax(0)
    far = alive < 1e-12
    assert 10 < int(far.sum()) < 60
    before = field(patch)

    def without(gone: Tensor) -> Tensor:
        kept = field.bias.clone()
        field.bias[:, gone] = 1e3
        values = field(patch)
        field.bias.copy_(kept)
        return values

    torch.testing.assert_close(without(far), before, rtol=0, atol=1e-9)
    strongest = torch.zeros_like(far)
    strongest[alive.argmax()] = True
    assert (without(strongest) - before).abs().max() > 1e-3


@torch.no_grad()
def test_where_no_atom_is_the_band_is_zero() -> None:
    field = SplitWavelet(2, 3, width=8, depth=3, low_width=0)
    torch.testing.assert_close(field(torch.full((4, 2), 1e3)), torch.zeros(4, 3), rtol=0, atol=1e-20)


@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 0},
        {"width": 0},
        {"low_width": -1},
        {"low_omega": 0.0},
        {"first_omega": -1.0},
        {"first_scale": 0.0},
        {"hidden_omega": math.nan},
        {"hidden_scale": math.inf},
        {"spread": 0.5},
        {"spread": math.nan},
    ],
    ids=str,
)
def test_arguments_out_of_range(arguments: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f" {next(iter(arguments.values()))}"):
        SplitWavelet(2, 1, **arguments)  # type: ignore[arg-type]
