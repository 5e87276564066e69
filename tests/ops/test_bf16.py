"""Networks whose matrices are bf16, against float64."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neuralfields import ops
from neuralfields.fitting import Adam, steps
from neuralfields.networks import MLP, Siren
from neuralfields.ops.native import build_name
from neuralfields.signals import Image

pytestmark = pytest.mark.skipif(build_name() != "v4bf16", reason="this CPU, or this build of the core, has no bf16")

POINTS = 500
NETWORKS = {
    "siren": lambda: Siren(2, 3, width=64, depth=3),
    "siren of odd sizes": lambda: Siren(3, 1, width=47, depth=2),
    "sines of many features": lambda: Siren(33, 2, width=32, depth=2),
    "gelu of odd sizes": lambda: MLP(19, 5, width=33, depth=3, activation="gelu"),
    "no bias": lambda: MLP(16, 4, width=20, depth=1, activation="silu", bias=False),
    "wide": lambda: MLP(2, 3, width=256, depth=2, activation="tanh"),
    "relu": lambda: MLP(32, 3, width=64, depth=2),
    "leaky relu of coordinates": lambda: MLP(2, 3, width=64, depth=2, activation="leaky_relu"),
}


@pytest.fixture(autouse=True)
def medium():
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision("highest")


def values_and_gradients(field: nn.Module, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    field = copy.deepcopy(field).to(dtype)
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(POINTS, field.in_dim, generator=generator) * 2 - 1).to(dtype).requires_grad_()
    out = field(x)
    upstream = torch.randn(POINTS, field.out_dim, generator=generator).to(dtype)
    return [out.detach(), *torch.autograd.grad(out, [x, *field.parameters()], upstream)]


@pytest.mark.parametrize("name", NETWORKS)
def test_values_and_gradients_are_those_of_rounded_factors(name):
    torch.manual_seed(0)
    field = NETWORKS[name]()
    with ops.backend("cpu"):
        found = values_and_gradients(field)
    with ops.backend("reference"):
        expected = values_and_gradients(field, torch.float64)
    errors = [float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True)]
    # Where a value passes the kink of a ReLU by its rounding, that point's gradient is another one.
    assert 1e-4 < errors[0] < 1e-2
    assert max(errors[1:]) < (0.1 if "relu" in name else 1e-2)


@pytest.mark.parametrize("name", NETWORKS)
def test_threads_do_not_matter(name):
    torch.manual_seed(0)
    field, threads = NETWORKS[name](), torch.get_num_threads()
    found = []
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        with ops.backend("cpu"):
            found.append(values_and_gradients(field))
    torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))


def test_not_a_number_stays():
    torch.manual_seed(0)
    field = MLP(16, 2, width=32, depth=2)
    x = torch.zeros(3, 16)
    x[1, 5] = torch.nan
    with ops.backend("cpu"), torch.no_grad():
        assert field(x).isnan().all(1).tolist() == [False, True, False]


def test_second_derivatives_are_float32():
    """Of given x, upstream gradient g and direction v: the same bits in both precisions."""
    torch.manual_seed(0)
    field = Siren(16, 2, width=32, depth=2)
    x, v = torch.rand(40, 16, requires_grad=True), torch.randn(40, 16)
    g = torch.randn(40, 2, requires_grad=True)

    def first_and_second() -> tuple[Tensor, tuple[Tensor, ...]]:
        with ops.backend("cpu"), ops.derivatives(2):
            (dx,) = torch.autograd.grad(field(x), x, g, create_graph=True)
            return dx.detach(), torch.autograd.grad(dx, (x, g, *(layer.weight for layer in field.layers)), v)

    first, second = first_and_second()
    torch.set_float32_matmul_precision("highest")
    exact_first, exact_second = first_and_second()
    assert not torch.equal(first, exact_first)
    assert all(torch.equal(a, b) for a, b in zip(second, exact_second, strict=True))


@pytest.fixture(scope="module")
def image() -> Image:
    y, x = np.mgrid[0:32, 0:32] / 32
    return Image.from_array((0.5 + 0.25 * np.sin(9 * x + 5 * y) + 0.25 * np.sin(20 * y)).astype(np.float32))


def fitted(image: Image, *, precision: str, switch: int = 0) -> nn.Module:
    torch.manual_seed(0)
    torch.set_float32_matmul_precision(precision)
    field = Siren(2, 1, width=64, depth=2)
    for step in steps(field, image, steps=60, batch=256, optimizer=Adam(1e-3)):
        if step.step == switch:
            torch.set_float32_matmul_precision("highest")
    return field


def test_a_fit_loses_nothing(image):
    psnr = {p: image.measure(fitted(image, precision=p))["psnr"] for p in ("medium", "highest")}
    assert psnr["medium"] > psnr["highest"] - 0.3


def test_the_precision_may_change_during_a_fit(image):
    fits = [fitted(image, precision=p, switch=s) for p, s in (("highest", 0), ("medium", 0), ("medium", 30))]
    first, *others = (next(iter(f.parameters())) for f in fits)
    assert not any(torch.equal(first, other) for other in others)
    assert not torch.equal(*others)
