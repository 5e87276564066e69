"""FINER: the variable-periodic activation, its two gradients, initialisation; arguments, FINER++'s too."""

import math

import pytest
import torch
from bare import bare
from torch import Tensor, nn

from neuralfields.errors import InputError
from neuralfields.networks import Finer, FinerGauss, FinerWavelet, Siren

LINE = torch.linspace(-2, 2, 21, dtype=torch.float64)[:, None]


def test_the_activation_and_its_true_gradient() -> None:
    z = LINE.clone().requires_grad_()
    h = bare(Finer(1, 1, width=1, depth=1, first_omega=3.0))(z)
    torch.testing.assert_close(h, (3 * (z.abs() + 1) * z).sin())
    torch.testing.assert_close(h, -h.flip(0))
    (slope,) = torch.autograd.grad(h.sum(), z)
    torch.testing.assert_close(slope, 3 * (2 * z.abs() + 1) * (3 * (z.abs() + 1) * z).cos())


def test_the_published_gradient_takes_alpha_as_constant() -> None:
    z = LINE.clone().requires_grad_()
    field = bare(Finer(1, 1, width=1, depth=1, first_omega=3.0, detach=True))
    h = field(z)
    torch.testing.assert_close(h, bare(Finer(1, 1, width=1, depth=1, first_omega=3.0))(z))
    (slope,) = torch.autograd.grad(h.sum(), z)
    torch.testing.assert_close(slope, 3 * (z.abs() + 1) * (3 * (z.abs() + 1) * z).cos())


@pytest.mark.parametrize("cls", [Finer, FinerGauss, FinerWavelet])
def test_detaching_changes_gradients_only(cls: type[Finer]) -> None:
    x = torch.rand(9, 2, dtype=torch.float64) * 2 - 1
    found = []
    for detach in (False, True):
        torch.manual_seed(0)
        field = cls(2, 1, width=6, depth=2, detach=detach).double()
        values = field(x)
        found.append((values.detach(), torch.autograd.grad(values.sum(), list(field.parameters()))))
    (values, true), (same, published) = found
    assert torch.equal(values, same)
    assert (true[0] - published[0]).abs().max() > 0.01 * true[0].abs().max()
    torch.testing.assert_close(true[-1], published[-1])  # the last bias sees no activation


def test_small_arguments_give_siren() -> None:
    """alpha is 1 where |z| is small."""
    torch.manual_seed(0)
    field, siren = Finer(2, 3, width=16, depth=3, first_bias=0.0).double(), Siren(2, 3, width=16, depth=3).double()
    siren.load_state_dict(field.state_dict())
    for network in (field, siren):
        for layer in list(network.layers)[1:-1]:
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    near, far = torch.rand(2, 50, 2, dtype=torch.float64) * 2 - 1
    torch.testing.assert_close(field(near * 1e-6), siren(near * 1e-6), rtol=0, atol=1e-9)
    assert (field(far) - siren(far)).abs().max() > 0.01


def test_parameter_count_of_the_paper() -> None:
    assert sum(p.numel() for p in Finer(2, 3).parameters()) == 198_915


@pytest.mark.parametrize(("bias", "phase"), [(None, 22.7), (20.0, 5900.0)])
@torch.no_grad()
def test_phases_of_a_fresh_network(bias: float | None, phase: float) -> None:
    """The standard deviation of what the sine is taken of, in radians, over several networks."""
    torch.manual_seed(0)
    found: list[list[Tensor]] = [[], []]
    for _ in range(4):
        field = Finer(2, 1, first_bias=bias)
        h = torch.rand(500, 2) * 2 - 1
        for i, layer in enumerate(list(field.layers)[:2]):
            z = layer(h)
            angle = 30 * (z.abs() + 1) * z
            found[i].append(angle)
            h = angle.sin()
    assert float(torch.cat(found[0]).std()) == pytest.approx(phase, rel=0.1)
    assert float(torch.cat(found[1]).std()) == pytest.approx(1.6, rel=0.1)


def test_the_tangent_kernel_grows_with_the_first_bias() -> None:
    sizes = []
    for bias in (0.5, 2.0, 8.0):
        torch.manual_seed(0)
        field = Finer(2, 1, width=64, depth=2, first_bias=bias)
        total = 0.0
        for x in torch.rand(8, 2) * 2 - 1:
            total += sum(float(g.square().sum()) for g in torch.autograd.grad(field(x)[0], list(field.parameters())))
        sizes.append(total)
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("cls", [Finer, FinerGauss, FinerWavelet])
@pytest.mark.parametrize(
    "arguments", [{"depth": 0}, {"width": 0}, {"first_bias": -1.0}, {"first_bias": math.inf}], ids=str
)
def test_arguments_out_of_range(cls: type[Finer], arguments: dict[str, float]) -> None:
    (name, value), *_ = arguments.items()
    with pytest.raises(InputError, match=f"{name}.* {value!r}"):
        cls(2, 1, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (Finer, "first_omega"),
        (Finer, "hidden_omega"),
        (FinerGauss, "omega"),
        (FinerGauss, "scale"),
        (FinerWavelet, "omega"),
        (FinerWavelet, "wave_omega"),
        (FinerWavelet, "scale"),
    ],
)
def test_frequencies_and_scales_are_positive(cls: type[Finer], name: str) -> None:
    for value in (0.0, -1.0, math.nan):
        with pytest.raises(InputError, match=name):
            cls(2, 1, **{name: value})  # type: ignore[arg-type]
