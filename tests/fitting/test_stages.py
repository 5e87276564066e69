"""Fitting in stages: what each gains, when it ends, and that the result survives a file."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

import neuralfields as nf
from neuralfields.errors import InputError, NeuralFieldsError
from neuralfields.fitting import fit_stages, stage_steps
from neuralfields.fitting.bfgs import MAX_PARAMETERS, bfgs
from neuralfields.signals import Samples

SMALL: dict[str, Any] = {"width": 12, "depth": 2, "adam_steps": 100, "newton_steps": 250}


def wave(x: Tensor) -> Tensor:
    return torch.sin(2 * x + 1) + 0.2 * torch.exp(1.3 * x)


def samples(n: int, function: Any = wave) -> Samples:
    return Samples.of_function(function, n, ([-1.05], [1.05]), dtype=torch.float64)


def test_a_second_stage_gains_three_digits_and_a_file_keeps_them(tmp_path: Any) -> None:
    fine = samples(1777)
    fit = fit_stages(samples(300), stages=2, check=fine, adam_steps=200, newton_steps=600)
    first, second = fit.field.provenance["stages"]  # type: ignore[index]
    assert first["checked"] < 1e-4
    assert second["checked"] < min(1e-3 * first["checked"], 1e-8)
    assert second["checked"] == fit.metrics["relative_l2"]
    assert second["scale"] < 1e-4
    assert fit.steps == fit.history.step[-1] <= 2 * 800
    assert fit.samples == 300 * fit.steps
    assert fit.history.loss[-1] < 1e-12
    nf.save(fit.field, tmp_path / "wave.nf")  # type: ignore[arg-type]
    found = nf.load(tmp_path / "wave.nf")
    x = torch.linspace(-1, 1, 99, dtype=torch.float64)[:, None]
    assert torch.equal(found(x), fit.field(x))
    assert found.provenance["stages"] == fit.field.provenance["stages"]
    assert found.frame == fine.frame


def test_what_is_left_over_sets_scale_and_kappa() -> None:
    """A first stage that may not learn leaves its target, sin(5 pi x) with 2.5 periods per unit."""
    x = (2 * torch.arange(300, dtype=torch.float64) + 1) / 300 - 1
    signal = Samples(x, torch.sin(5 * math.pi * x), bounds=([-1], [1]))
    for factor, kappa in ((2 * math.pi, 5 * math.pi), (math.pi, 2.5 * math.pi)):
        steps = stage_steps(signal, stages=2, adam_steps=1, newton_steps=0, factor=factor)
        found = [step.done for step in steps if step.done]
        assert found[1].kappa == pytest.approx(kappa)
        assert found[0].scale == pytest.approx(0.5, rel=1e-2)


def test_noise_ends_the_fit() -> None:
    torch.manual_seed(0)
    noisy = samples(1000, lambda x: wave(x) + 1e-3 * torch.randn_like(x))
    fit = fit_stages(noisy, stages=6, **SMALL)
    assert len(fit.field.provenance["stages"]) <= 2  # type: ignore[arg-type, index]
    assert fit.metrics["relative_l2"] < 2e-3


def test_a_stage_that_is_no_gain_elsewhere_is_left_out() -> None:
    """A function known at 12 places only: what is left over there says nothing of what lies between."""
    steps = list(stage_steps(samples(12), stages=5, check=samples(500), **SMALL))
    done = [step.done for step in steps if step.done]
    errors = [stage.checked for stage in done]
    assert not done[-1].kept or done[-1].relative_l2 < 1e-15
    kept = sum(stage.kept for stage in done)
    assert len(steps[-1].field.scales) == kept
    assert all(later < earlier for earlier, later in pairwise(errors[:kept]))  # type: ignore[operator]


def test_two_axes_and_outputs_from_a_pair() -> None:
    x = torch.cartesian_prod(*[torch.linspace(0, 3, 18, dtype=torch.float64)] * 2)
    y = torch.stack([x.sin().prod(1), x.sum(1) / 6], 1)
    fit = fit_stages((x.numpy(), y.numpy()), stages=2, **SMALL)
    assert fit.metrics["relative_l2"] < 1e-3
    assert (fit.field.in_dim, fit.field.out_dim) == (2, 2)


def test_the_same_seed_gives_the_same_field_and_l_bfgs_works_too() -> None:
    settings: dict[str, Any] = {"stages": 1, "width": 8, "depth": 1, "adam_steps": 50, "newton_steps": 60}
    before = torch.get_rng_state()
    one, two, other = (fit_stages(samples(60), **settings, seed=seed) for seed in (4, 4, 5))
    assert torch.equal(before, torch.get_rng_state())
    assert one.metrics == two.metrics != other.metrics
    limited = fit_stages(samples(60), **settings, newton="lbfgs")
    assert limited.metrics["relative_l2"] < 0.02
    assert limited.steps == 110


def test_later_stages_may_have_other_samples() -> None:
    steps = stage_steps([samples(50), samples(80)], stages=3, **{**SMALL, "newton_steps": 10})
    assert [step.done.samples for step in steps if step.done] == [50, 80, 80]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stages": 0}, "stages is a whole number from 1 on, got 0"),
        ({"stages": 2.5}, "stages is a whole number from 1 on, got 2.5"),
        ({"lr": math.nan}, "lr is positive"),
        ({"factor": -1.0}, "factor is positive"),
        ({"adam_steps": -1}, "adam_steps is a whole number from 0 on, got -1"),
        ({"newton_steps": math.inf}, "newton_steps is a whole number from 0 on, got inf"),
        ({"seed": -1}, "seed is a whole number from 0 on, got -1"),
        ({"newton": "gauss"}, "newton is one of bfgs, lbfgs, got 'gauss'"),
        (
            {"check": Samples(torch.arange(5), torch.ones(5))},
            r"same bounds, got \(\[-1.05\], \[1.05\]\) and \(\[0.0\], \[4.0\]\)",
        ),
        ({"check": Samples(torch.rand(5, 2), torch.rand(5))}, r"got \[n, 1\] to \[n, 1\] and \[n, 2\] to \[n, 1\]"),
        ({"width": 100}, f"up to {MAX_PARAMETERS} parameters, not 20501"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_stages(samples(20), **{"adam_steps": 1, **settings})


def test_no_samples_and_zeros() -> None:
    with pytest.raises(InputError, match="fitted to samples, got an empty list"):
        fit_stages([])
    with pytest.raises(InputError, match="all values of function are zero"):
        fit_stages(samples(20, torch.zeros_like))


@pytest.mark.parametrize("newton", ["bfgs", "lbfgs"])
def test_a_result_that_is_not_finite_is_an_error(newton: str) -> None:
    """The last step of Adam may be the one that spoils it, whose loss nobody looks at."""
    with pytest.raises(NeuralFieldsError, match=r"the error became (inf|nan) in stage 0: try a lower learning rate"):
        fit_stages(samples(20), adam_steps=1, newton_steps=5, lr=1e200, newton=newton)


def test_bfgs_finds_the_minimum_of_a_curved_valley_to_the_last_digit() -> None:
    """Rosenbrock's function in 10 variables, and a quadratic form of condition 1e8."""
    x = torch.full((2, 5), -0.5, dtype=torch.float64, requires_grad=True)

    def valley() -> Tensor:
        flat = x.reshape(-1)
        return (100 * (flat[1:] - flat[:-1].square()).square() + (1 - flat[:-1]).square()).sum()

    course = list(bfgs(valley, [x]))
    assert len(course) < 300
    assert all(later < earlier for earlier, later in pairwise(course))
    assert float((x.detach() - 1).abs().max()) < 1e-9

    scale = torch.logspace(0, 8, 30, dtype=torch.float64)
    z = torch.ones(30, dtype=torch.float64, requires_grad=True)
    course = list(bfgs(lambda: scale @ z.square(), [z]))
    assert course[-1] < 1e-20


def test_bfgs_stops_where_it_stands_at_the_minimum() -> None:
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert list(bfgs(lambda: x.square().sum(), [x])) == []
    assert not x.any()


def test_stages_are_fitted_to_float64() -> None:
    single = Samples(torch.linspace(-1, 1, 9), torch.linspace(-1, 1, 9), name="line", bounds=([-1.05], [1.05]))
    for given in (single, [samples(9), single]):
        with pytest.raises(InputError, match=r"stages need float64, 'line' has torch.float32: give a pair \(x, y\)"):
            stage_steps(given)
