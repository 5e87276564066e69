"""WIRE: the Gabor activation, complex arithmetic by pairs of reals, sizes, spectra and bad arguments."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.networks import RealWire, Wire, Wire2D
from neuralfields.networks.pairs import ComplexLinear, gabor


def as_complex(pair: Tensor) -> Tensor:
    return torch.complex(*pair.chunk(2, -1))


def complex_scalars(field: Wire) -> int:
    """As the paper counts: the numbers of the first map, which is real, and the complex ones of the others."""
    first, *hidden, last = field.layers
    count = sum(p.numel() for p in first.parameters()) + sum(p.numel() // 2 for h in hidden for p in h.parameters())
    return count + last.weight.numel() // 2 + last.bias.numel()  # type: ignore[operator, union-attr]


@pytest.mark.parametrize(("depth", "count"), [(3, 66_973), (4, 99_915)])
def test_parameter_counts_of_the_paper(depth: int, count: int) -> None:
    assert complex_scalars(Wire(2, 3, depth=depth)) == count


def test_widths_are_corrected_to_the_parameters_of_a_real_network() -> None:
    assert Wire(2, 3, width=256).layers[0].out_features == 181
    assert Wire2D(2, 3, width=256).layers[0].out_features == 2 * 128
    real = 256 * 256
    for field in (Wire(2, 3), Wire2D(2, 3)):
        assert field.layers[1].weight.numel() == pytest.approx(real, rel=0.01)  # type: ignore[operator, union-attr]


def test_the_activation_on_the_real_line() -> None:
    x = torch.linspace(-1, 1, 41, dtype=torch.float64)
    psi = torch.complex(*gabor(x, None, 7.0, 3.0).chunk(2))
    assert abs(complex(psi[20]) - 1) < 1e-12
    torch.testing.assert_close(psi.abs(), (-9 * x.square()).exp())
    torch.testing.assert_close(psi, psi.abs() * torch.exp(7j * x))


@pytest.mark.parametrize(("omega", "scale", "most"), [(20.0, 10.0, 2.718), (30.0, 10.0, 9.488), (4.0, 4.0, 1.284)])
def test_the_largest_activation(omega: float, scale: float, most: float) -> None:
    p, q = torch.linspace(-2, 2, 81, dtype=torch.float64), torch.linspace(-0.4, 0.4, 801, dtype=torch.float64)
    p, q = torch.meshgrid(p, q, indexing="ij")
    size = as_complex(gabor(p.reshape(-1, 1), q.reshape(-1, 1), omega, scale)).abs()[:, 0]
    assert float(size.max()) == pytest.approx(most, rel=1e-3)
    assert float(size.max()) == pytest.approx(math.exp(omega**2 / (4 * scale**2)), rel=1e-3)
    place = int(size.argmax())
    assert float(p.flatten()[place]) == pytest.approx(0, abs=1e-9)
    assert float(q.flatten()[place]) == pytest.approx(-omega / (2 * scale**2), abs=1e-3)


def test_a_complex_map_is_one() -> None:
    layer = ComplexLinear(3, 4).double()
    z = torch.randn(5, 3, dtype=torch.complex128)
    found = as_complex(layer(torch.cat([z.real, z.imag], -1)))
    weight = torch.complex(*layer.weight)
    assert layer.bias is not None
    torch.testing.assert_close(found, z @ weight.T + torch.complex(*layer.bias.chunk(2)))


def atoms(z: Tensor, other: Tensor | float = 0.0) -> Tensor:
    """WIRE's activation by complex arithmetic, for omega 4 and scale 3."""
    other = torch.as_tensor(other)
    return torch.exp(4j * z - 9 * (z.abs().square() + other.abs().square()))


def test_values_by_complex_arithmetic() -> None:
    torch.manual_seed(0)
    field = Wire(2, 3, width=10, depth=3, omega=4.0, scale=3.0).double()
    x = torch.rand(6, 2).double() * 2 - 1
    first, *hidden, last = field.layers
    z = atoms(first(x))
    for layer in hidden:
        z = atoms(z @ torch.complex(*layer.weight).T + torch.complex(*layer.bias.chunk(2)))  # type: ignore[misc, union-attr]
    real, minus_imaginary = last.weight.chunk(2, -1)  # type: ignore[union-attr, operator]
    wanted = (z @ torch.complex(real, -minus_imaginary).T).real + last.bias
    torch.testing.assert_close(field(x), wanted)


def test_two_dimensional_values_by_complex_arithmetic() -> None:
    torch.manual_seed(0)
    field = Wire2D(2, 1, width=8, depth=2, omega=4.0, scale=3.0).double()
    x = torch.rand(6, 2).double() * 2 - 1
    first, second, last = field.layers
    z = atoms(*first(x).chunk(2, -1))
    u, v = (z @ torch.complex(*second.weight).T + torch.complex(*second.bias.chunk(2))).chunk(2, -1)  # type: ignore[misc, union-attr]
    h = atoms(u, v)
    torch.testing.assert_close(field(x), last(torch.cat([h.real, h.imag], -1)))


@torch.no_grad()
def test_two_dimensions_without_the_second_are_one() -> None:
    flat, wide = Wire(2, 1, width=9, depth=2).double(), Wire2D(2, 1, width=12, depth=2).double()
    one, two = flat.layers, wide.layers
    for a, b in zip(one, two, strict=True):
        for name, given in a.named_parameters():
            target = getattr(b, name)
            if b is two[-1]:
                target.copy_(given)
            elif name == "bias" and a is one[1]:  # real parts of both maps, then imaginary ones
                target.zero_().view(2, 2, 6)[:, 0].copy_(given.view(2, 6))
            else:
                target.zero_().narrow(-2 if name == "weight" else -1, 0, 6).copy_(given)
    wide.omega, wide.scale = flat.omega, flat.scale
    x = torch.rand(7, 2).double() * 2 - 1
    torch.testing.assert_close(wide(x), flat(x))


def test_real_values_by_hand() -> None:
    field = RealWire(2, 1, width=3, depth=1, omega=4.0, scale=3.0).double()
    x = torch.rand(6, 2).double() * 2 - 1
    wave, window = field.layers[0](x).chunk(2, -1)
    torch.testing.assert_close(field(x), field.layers[1]((4 * wave).cos() * (-9 * window**2).exp()))


@pytest.mark.parametrize(("ratio", "leak"), [(1, 0.159), (2, 0.0228), (3, 0.00135)])
def test_the_spectrum_of_an_atom(ratio: int, leak: float) -> None:
    """A Gaussian around omega w; the power's standard deviation is scale |w|, its part below zero Q(omega / scale)."""
    n, side, scale, slope = 1 << 14, 8.0, 5.0, 1.5
    x = (torch.arange(n, dtype=torch.float64) / n - 0.5) * side
    psi = torch.complex(*gabor(slope * x, None, ratio * scale, scale).chunk(2))
    power = torch.fft.fft(psi).abs().square()
    power /= power.sum()
    frequency = torch.fft.fftfreq(n, side / n, dtype=torch.float64) * 2 * math.pi
    mean = float((power * frequency).sum())
    assert mean == pytest.approx(ratio * scale * slope, rel=1e-6)
    assert float((power * (frequency - mean).square()).sum().sqrt()) == pytest.approx(scale * slope, rel=1e-6)
    # The bin at zero belongs to both sides.
    below = float(power[frequency < 0].sum() + power[0] / 2)
    assert below == pytest.approx(math.erfc(ratio / math.sqrt(2)) / 2, rel=1e-2)
    assert below == pytest.approx(leak, rel=1e-2)


@torch.no_grad()
def test_a_fresh_network() -> None:
    """Parts are uniform with PyTorch's bounds; with omega 20 and scale 30 most atoms are silent at most points."""
    torch.manual_seed(0)
    field = Wire(2, 3)
    for layer, bound in zip(field.layers, (2**-0.5, 181**-0.5, 181**-0.5, 181**-0.5), strict=True):
        for parameter in layer.parameters():
            assert float(parameter.abs().max()) <= bound
            if parameter.numel() > 100:
                assert float(parameter.std()) == pytest.approx(bound / math.sqrt(3), rel=0.1)
    x = torch.rand(2000, 2) * 2 - 1
    size = (-(30 * field.layers[0](x)).square()).exp()
    assert float((size < 1e-3).float().mean()) == pytest.approx(0.88, abs=0.03)


@pytest.mark.parametrize("cls", [Wire, RealWire, Wire2D])
@pytest.mark.parametrize(
    "arguments",
    [
        {"depth": 0},
        {"width": 0},
        {"width": 1 << 18},
        {"omega": 0.0},
        {"scale": -1.0},
        {"scale": math.inf},
        {"in_dim": 0},
    ],
    ids=str,
)
def test_arguments_out_of_range(cls: type[Wire], arguments: dict[str, float]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value}"):
        cls(**{"in_dim": 2, "out_dim": 1} | arguments)  # type: ignore[arg-type]


def test_one_value_wide_is_too_narrow_for_complex_ones() -> None:
    with pytest.raises(InputError, match="width 2 or more, got 3 and 1"):
        Wire(2, 1, width=1)


@pytest.mark.parametrize("real", [False, True])
def test_derivatives_of_the_activation(real: bool) -> None:
    """They are written out, so checked against differences of values, to the second order."""
    p = torch.linspace(-0.5, 0.5, 6, dtype=torch.float64, requires_grad=True)
    inputs = (p,) if real else (p, torch.linspace(0.3, -0.2, 6, dtype=torch.float64, requires_grad=True))

    def activation(p: Tensor, q: Tensor | None = None) -> Tensor:
        return gabor(p, q, 4.0, 3.0)

    assert torch.autograd.gradcheck(activation, inputs)
    assert torch.autograd.gradgradcheck(activation, inputs)
