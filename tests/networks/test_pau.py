"""Padé activation units: the starts' values, the denominator, derivatives in closed form, and their rate."""

import pytest
import torch
from bare import bare
from torch import nn

from neuralfields.errors import InputError
from neuralfields.fitting import Adam
from neuralfields.networks import Pau

STARTS = ["gaussian", "sine", "leaky_relu"]


def unit(start: str, omega: float = 1.0) -> Pau:
    """The activation alone: one unit whose maps are the identity."""
    return bare(Pau(1, 1, width=1, depth=1, start=start, omega=omega))


X = torch.arange(-300, 301).double()[:, None] / 100


@torch.no_grad()
def test_the_leaky_relu_of_the_papers_code() -> None:
    values = unit("leaky_relu")(torch.tensor([[0.0], [1.0], [-1.0], [3.0]]).double())
    assert values.flatten().tolist() == pytest.approx([0.03356, 1.00081, -0.00919, 2.99041], abs=1e-5)
    error = (unit("leaky_relu")(X) - nn.functional.leaky_relu(X, 0.01)).abs()
    assert float(error.max()) == pytest.approx(0.03356, abs=1e-5)
    assert float(X[error.argmax()]) == 0


@torch.no_grad()
@pytest.mark.parametrize(("start", "error"), [("gaussian", 1e-3), ("sine", 2e-3)])
def test_the_starts_that_were_fitted(start: str, error: float) -> None:
    wanted = X.sin() if start == "sine" else (-X.square() / 2).exp()
    assert float((unit(start)(X) - wanted).abs().max()) < error


@torch.no_grad()
@pytest.mark.parametrize("start", STARTS)
def test_far_away_it_is_a_line(start: str) -> None:
    """(a_5 z + a_4) / |b_4|, less a_5 |b_3| sign(z) / b_4^2."""
    field = unit(start)
    activation = field.activations[0]
    *_, a4, a5 = activation.numerator.tolist()  # type: ignore[operator, union-attr]
    *_, b3, b4 = activation.denominator.abs().tolist()  # type: ignore[operator, union-attr]
    slope, intercept, jump = a5 / b4, a4 / b4, -a5 * b3 / b4**2
    far = torch.tensor([[1e5], [-1e5]]).double()
    torch.testing.assert_close(field(far), slope * far + intercept + jump * far.sign(), rtol=0, atol=1e-3)
    known = {"leaky_relu": (0.505, 3.0875, 0.0), "sine": (-0.6605, 0.0, 0.0661), "gaussian": (0.0, 0.1727, 0.0)}
    assert (slope, intercept, jump) == pytest.approx(known[start], abs=1e-3)


@torch.no_grad()
def test_the_denominator_is_one_or_more() -> None:
    """Whatever the coefficients: with a numerator of 1 no value is above 1."""
    torch.manual_seed(0)
    field = unit("sine")
    activation = field.activations[0]
    activation.numerator.copy_(torch.tensor([1.0, 0, 0, 0, 0, 0]))  # type: ignore[operator, union-attr]
    for _ in range(20):
        nn.init.normal_(activation.denominator)  # type: ignore[arg-type]
        values = field(10 * X)
        assert 0 < float(values.min()) < 0.5 and float(values.max()) == 1


def test_derivatives_in_the_coefficients() -> None:
    """x^j / Q and -sign(b_k) |x|^k P / Q^2."""
    torch.manual_seed(0)
    activation = unit("sine").activations[0]
    a, b = activation.numerator, activation.denominator
    with torch.no_grad():
        a.normal_()  # type: ignore[operator, union-attr]
        b.normal_()  # type: ignore[operator, union-attr]
    for x in (-1.7, 0.0, 0.4, 2.5):
        activation.zero_grad()
        y = activation(torch.tensor([x]).double())
        y.backward()
        powers = torch.tensor([x**j for j in range(6)]).double()
        absolute = torch.tensor([abs(x) ** k for k in range(1, 5)]).double()
        top, bottom = (a.detach() * powers).sum(), 1 + (b.detach().abs() * absolute).sum()  # type: ignore[operator, union-attr]
        torch.testing.assert_close(y.detach()[0], top / bottom)
        torch.testing.assert_close(a.grad, powers / bottom)
        torch.testing.assert_close(b.grad, -b.detach().sign() * absolute * top / bottom**2)  # type: ignore[operator, union-attr]


@torch.no_grad()
def test_the_argument_is_scaled() -> None:
    torch.testing.assert_close(unit("gaussian", omega=4.0)(X / 4), unit("gaussian")(X))


def test_ten_numbers_in_each_layer_with_a_tenth_of_the_rate() -> None:
    field = Pau(2, 3, width=16, depth=3)
    optimizer = Adam(lr=1e-3)(field)
    rates = {round(group["lr"], 9): sum(p.numel() for p in group["params"]) for group in optimizer.param_groups}
    assert rates == {2e-3: 3 * 16 + 2 * 17 * 16 + 3 * 17, 2e-4: 30}


@pytest.mark.parametrize("name", ["depth", "width", "omega"])
def test_arguments_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.* 0"):
        Pau(2, 1, **{name: 0})


def test_an_unknown_start() -> None:
    with pytest.raises(InputError, match="start is one of gaussian, sine, leaky_relu, got 'relu'"):
        Pau(2, 1, start="relu")
