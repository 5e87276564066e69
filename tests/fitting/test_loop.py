"""The loop: it learns, repeats bit for bit, goes on where it was, and ends where it should."""

import importlib
import math
from collections.abc import Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neuralfields as nf
from neuralfields import Chain, Field, metrics
from neuralfields.encodings import HashGrid
from neuralfields.errors import FileFormatError, InputError, NeuralFieldsError
from neuralfields.fitting import Adam, Decay, State, Step
from neuralfields.fitting.loop import start
from neuralfields.networks import MLP, Siren
from neuralfields.objectives import Regression
from neuralfields.protocols import Sparing
from neuralfields.signals import Image


def picture(height: int = 12, width: int = 16) -> Image:
    y, x = np.mgrid[:height, :width]
    values = np.stack([np.sin(x / 3) * np.cos(y / 4), x / width, y / height], -1) / 2 + 0.4
    return Image.from_array((values.clip(0, 1) * 255).astype(np.uint8), name="waves")


def small(seed: int = 0) -> Field:
    torch.manual_seed(seed)
    grid = HashGrid(2, levels=4, features=2, log2_size=8, base=4, finest=12)
    return Chain(grid, MLP(8, 3, width=16, depth=1))


FAST = {"optimizer": Adam(lr=1e-2, table_lr=5e-2, epsilon=1e-15)}


def bits(field: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in field.state_dict().items()}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes one second at each look: a step takes one."""
    ticks = count()
    module = importlib.import_module("neuralfields.fitting.loop")
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks))))


def test_a_small_image_is_learnt() -> None:
    image = picture()
    fit = nf.fit(small(), image, steps=150, batch=64, **FAST)
    assert fit.psnr > 35
    assert fit.history.loss[0] > 50 * fit.history.loss[-1]
    assert fit.psnr == image.measure(fit.field)["psnr"]


def test_a_siren_learns() -> None:
    torch.manual_seed(0)
    field = Siren(2, 3, width=32, depth=2, first_omega=10.0)
    assert nf.fit(field, picture(), steps=150, optimizer=Adam(lr=4e-3)).psnr > 30


def test_what_a_fit_tells() -> None:
    image, field = picture(), small()
    fit = nf.fit(field, image, steps=3, batch=50, **FAST)
    assert fit.field is field
    assert (fit.steps, fit.samples, fit.reached) == (3, 150, None)
    assert fit.parameters == sum(p.numel() for p in field.parameters())
    assert fit.history.step == [1, 2, 3]
    assert len(fit.history.loss) == len(fit.history.psnr) == 3
    assert fit.history.seconds == sorted(fit.history.seconds)
    assert fit.seconds == fit.history.seconds[-1]
    assert fit.psnr_curve == list(zip(fit.history.seconds, fit.history.psnr, strict=True))
    assert str(fit) == (
        f"{fit.psnr:.2f} dB after 3 steps in {fit.seconds:.1f} s, {fit.parameters:,} parameters, "
        f"{fit.samples_per_second:,.0f} samples/s"
    )
    assert fit.samples_per_second == pytest.approx(150 / fit.seconds)
    assert field.frame == image.frame
    assert field.provenance == {"signal": image.describe(), "metrics": fit.metrics, "steps": 3}


def test_each_step_tells_what_it_did() -> None:
    image, field = picture(), small()
    batch = image.draw(40, seed=3, step=0)
    before = metrics.psnr_of_error(float((field(batch.x) - batch.y).detach().square().mean()))
    steps = list(nf.steps(field, image, steps=4, batch=40, seed=3, **FAST))
    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert [step.samples for step in steps] == [40, 80, 120, 160]
    assert [step.fraction for step in steps] == [0.25, 0.5, 0.75, 1.0]
    assert all(step.terms == {"l2": step.loss} for step in steps)
    assert steps[0].psnr == pytest.approx(before, abs=1e-4)
    assert all(step.checked is None for step in steps)


def test_the_default_budget() -> None:
    fractions = [step.fraction for step in nf.steps(MLP(2, 1, depth=0), np.zeros((2, 2)))]
    assert len(fractions) == 1000
    assert fractions[0] == pytest.approx(1e-3)


def test_the_same_seed_gives_the_same_bits() -> None:
    settings: dict[str, Any] = {"steps": 20, "batch": 50, "ema": 0.9, "decay": Decay(0.2, 0.1), **FAST}
    one, two, other = (nf.fit(small(), picture(), seed=seed, **settings) for seed in (1, 1, 2))
    assert same(bits(one.field), bits(two.field))
    assert one.history.loss == two.history.loss
    assert one.metrics == two.metrics
    assert not same(bits(one.field), bits(other.field))


def test_the_global_random_state_is_not_used() -> None:
    field = small()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    nf.fit(field, picture(), steps=3, batch=50)
    assert torch.equal(state, torch.get_rng_state())


def saved(state: State) -> tuple[dict[str, Tensor], dict[str, Any]]:
    return {name: tensor.clone() for name, tensor in state.tensors().items()}, dict(state.numbers())


@pytest.mark.parametrize("at", [1, 7])
def test_a_restored_fit_goes_on_bit_for_bit(at: int) -> None:
    settings: dict[str, Any] = {"steps": 15, "batch": 70, "ema": 0.9, "decay": Decay(0.0, 0.1), "until_psnr": 90.0}
    optimizer = Adam(lr=1e-2, table_lr=5e-2, weight_decay=1e-3)
    losses, kept = [], None
    for step in nf.steps(small(), picture(), optimizer=optimizer, **settings):
        losses.append(step.loss)
        if step.step == at:
            kept = saved(step.state)
        last = step
    assert kept is not None
    wanted = saved(last.state)

    state = start(small(seed=9), optimizer=optimizer, ema=0.9)
    given = {name: tensor.clone() for name, tensor in kept[0].items()}
    state.restore(*kept)
    assert saved(state)[0].keys() == kept[0].keys()
    again = list(nf.steps(state.field, picture(), state=state, optimizer=optimizer, **settings))
    assert [step.loss for step in again] == losses[at:]
    assert [step.step for step in again] == list(range(at + 1, 16))
    assert same(kept[0], given)  # what was read stays as it is
    found = saved(again[-1].state)
    assert same(found[0], wanted[0])
    assert {**found[1], "seconds": 0} == {**wanted[1], "seconds": 0}
    assert again[0].seconds > kept[1]["seconds"] > 0


def test_a_state_of_another_field_is_refused() -> None:
    state = next(iter(nf.steps(small(), picture(), steps=2, ema=0.9))).state
    tensors, numbers = saved(state)
    for other in (Siren(2, 3, width=4), Chain(MLP(2, 8), MLP(8, 3))):
        with pytest.raises(FileFormatError, match="does not belong to this field"):
            start(other, ema=0.9).restore(tensors, numbers)
    with pytest.raises(FileFormatError, match="does not belong"):
        start(small(), ema=0.9).restore(tensors, {})


def test_a_used_up_budget() -> None:
    field = small()
    state = start(field)
    assert len(list(nf.steps(field, picture(), steps=3, state=state))) == 3
    assert list(nf.steps(field, picture(), steps=3, state=state)) == []
    with pytest.raises(InputError, match="used up its budget"):
        nf.fit(field, picture(), steps=3, state=state)
    assert [step.step for step in nf.steps(field, picture(), steps=5, state=state)] == [4, 5]


def test_a_state_that_is_not_of_this_fit() -> None:
    field = small()
    with pytest.raises(InputError, match="of another field"):
        nf.steps(small(), picture(), state=start(field))
    with pytest.raises(InputError, match="keeps an average: give the same ema"):
        nf.steps(field, picture(), state=start(field, ema=0.9))
    with pytest.raises(InputError, match="keeps no average: leave ema out"):
        nf.steps(field, picture(), state=start(field), ema=0.9)


def test_the_callers_loop_may_stop_and_go_on() -> None:
    """A generator left in the middle is a fit that can be continued from the state it gave."""
    whole = list(nf.steps(small(), picture(), steps=6, batch=50, **FAST))
    stopped = next(iter(nf.steps(small(), picture(), steps=6, batch=50, **FAST)))
    rest = list(nf.steps(stopped.state.field, picture(), steps=6, batch=50, state=stopped.state, **FAST))
    assert [step.loss for step in [stopped, *rest]] == [step.loss for step in whole]


class TestUntilPsnr:
    def test_ends_when_the_whole_signal_is_that_good(self) -> None:
        image = picture()
        fit = nf.fit(small(), image, steps=2000, batch=64, until_psnr=25, **FAST)
        assert fit.reached is True
        assert 25 <= fit.psnr < 30
        assert fit.steps < 500
        assert fit.history.psnr[-1] == pytest.approx(fit.psnr)
        assert "not reached" not in str(fit)

    def test_ends_without_it_when_the_budget_does(self) -> None:
        fit = nf.fit(small(), picture(), steps=3, until_psnr=99, **FAST)
        assert fit.reached is False
        assert f"{fit.psnr:.2f} dB (target not reached) after 3 steps" in str(fit)

    def test_the_last_fraction_is_one(self) -> None:
        last = list(nf.steps(small(), picture(), steps=2000, batch=64, until_psnr=20, **FAST))[-1]
        assert last.fraction == 1
        assert last.checked is not None
        assert last.checked["psnr"] >= 20

    def test_the_whole_signal_is_measured_at_most_once_per_pass(self) -> None:
        """A loss that tells no PSNR leaves nothing but measuring."""
        steps = list(
            nf.steps(small(), picture(), objective=Regression("l1"), steps=21, batch=30, until_psnr=99, **FAST)
        )
        assert [step.step for step in steps if step.checked] == [1, 8, 15]  # 192 samples are 7 batches

    def test_nothing_that_counts_ends_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        image = picture()
        monkeypatch.setattr(image, "measure", lambda field: {"psnr": math.nan})
        steps = list(nf.steps(small(), image, objective=Regression("l1"), steps=4, batch=64, until_psnr=9, **FAST))
        assert len(steps) == 4 and any(step.checked for step in steps)

    def test_batches_of_few_rays_are_no_reason_to_measure_before_a_pass(self) -> None:
        class Rare(Regression):
            def wanted(self, batch: int) -> int:
                return batch // 2

            def took(self, per_sample: float) -> None: ...

        assert isinstance(Rare(), Sparing)
        steps = list(nf.steps(small(), picture(), objective=Rare(), steps=20, batch=30, until_psnr=99, **FAST))
        assert [step.step for step in steps if step.checked] == [7, 14]

    def test_a_bad_batch_is_not_measured(self) -> None:
        steps = list(nf.steps(small(), picture(), steps=5, batch=30, until_psnr=99, **FAST))
        assert not any(step.checked for step in steps)

    def test_the_average_is_what_is_measured(self) -> None:
        step = list(
            nf.steps(small(), picture(), objective=Regression("l1"), steps=1, batch=30, until_psnr=99, ema=0.5, **FAST)
        )[-1]
        own = picture().measure(step.state.field)
        assert step.checked is not None
        assert step.checked["psnr"] != own["psnr"]
        with step.state.averaged() as field:
            assert step.checked["psnr"] == picture().measure(field)["psnr"]


@pytest.mark.usefixtures("clock")
class TestSeconds:
    def test_the_budget_ends_the_fit(self) -> None:
        steps = list(nf.steps(small(), picture(), seconds=4))
        assert [step.seconds for step in steps] == [1, 2, 3, 4]
        assert [step.fraction for step in steps] == [0.25, 0.5, 0.75, 1.0]

    def test_with_both_budgets_the_first_ends_it(self) -> None:
        assert len(list(nf.steps(small(), picture(), seconds=4, steps=2))) == 2
        assert len(list(nf.steps(small(), picture(), seconds=4, steps=9))) == 4

    def test_rates_follow_the_clock(self) -> None:
        steps = nf.steps(small(), picture(), seconds=4, decay=Decay(0.0, 0.01), optimizer=Adam(lr=1.0, table_lr=1.0))
        assert rates(steps) == pytest.approx([1, 10**-0.5, 0.1, 10**-1.5])

    def test_resumed_time_counts(self) -> None:
        state = next(iter(nf.steps(small(), picture(), seconds=4))).state
        assert len(list(nf.steps(state.field, picture(), seconds=4, state=state))) == 3


def rates(steps: Iterator[Step]) -> list[float]:
    return [step.state.optimizer.param_groups[0]["lr"] for step in steps]


def test_rates_follow_the_steps() -> None:
    optimizer = Adam(lr=2.0, table_lr=2.0)
    found = rates(nf.steps(small(), picture(), steps=4, decay=Decay(0.5, 0.01), optimizer=optimizer))
    assert found == pytest.approx([2, 2, 2, 0.2])


def test_rates_go_on_from_the_first_one() -> None:
    """A state carries the rates of its last step: the course starts from the initial ones all the same."""
    settings: dict[str, Any] = {"steps": 4, "decay": Decay(0.0, 0.01), "optimizer": Adam(lr=1.0, table_lr=1.0)}
    state = next(iter(nf.steps(small(), picture(), **settings))).state
    assert rates(nf.steps(state.field, picture(), state=state, **settings)) == pytest.approx([10**-0.5, 0.1, 10**-1.5])


def test_the_average_of_the_parameters() -> None:
    field = small()
    wanted = bits(field)
    state = start(field, ema=0.8, **FAST)
    for step in nf.steps(field, picture(), steps=5, batch=50, ema=0.8, state=state):
        kept = min(0.8, (1 + step.step) / (10 + step.step))
        for name, now in bits(field).items():
            wanted[name] = kept * wanted[name] + (1 - kept) * now
    for name, tensor in wanted.items():
        torch.testing.assert_close(state.average[name], tensor)
    own = bits(field)
    with state.averaged() as averaged:
        assert same(bits(averaged), state.average)
    assert same(bits(field), own)

    fit = nf.fit(small(), picture(), steps=5, batch=50, ema=0.8, **FAST)
    assert same(bits(fit.field), state.average)
    assert fit.metrics == picture().measure(fit.field)


def test_a_slow_average_forgets_the_initial_values() -> None:
    plain = nf.fit(small(), picture(), steps=60, batch=50, **FAST)
    slow = nf.fit(small(), picture(), steps=60, batch=50, ema=0.9999, **FAST)
    assert slow.psnr > plain.psnr - 6


class Gain(torch.nn.Module):
    """An objective with a parameter and a counter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, field, batch, step):
        self.calls += 1
        return {"l2": (self.gain * field(batch.x) - batch.y).square().mean()}


def test_an_objective_that_is_a_module_is_fitted_and_resumed() -> None:
    whole = list(nf.steps(small(), picture(), steps=6, batch=50, objective=Gain(), **FAST))[-1].state
    assert whole.objective.gain != 1
    assert whole.objective.calls == 6
    half = list(nf.steps(small(), picture(), steps=3, batch=50, objective=Gain(), **FAST))[-1].state
    field, objective = small(), Gain()
    state = start(field, objective=objective, **FAST)
    state.restore({name: tensor.clone() for name, tensor in half.tensors().items()}, half.numbers())
    for _ in nf.steps(field, picture(), steps=6, batch=50, state=state):
        pass
    assert same(bits(field), bits(whole.field))
    assert same(bits(objective), bits(whole.objective))
    with pytest.raises(InputError, match="another objective"):
        nf.steps(field, picture(), steps=9, objective=Gain(), state=state)


def test_numbers_of_steps_are_whole() -> None:
    for name in ("steps", "batch"):
        with pytest.raises(InputError, match=f"{name} must be a whole number, got 2.5"):
            nf.fit(small(), picture(), **{name: 2.5})  # type: ignore[arg-type]


def test_a_linear_image_is_told_by_its_relative_error() -> None:
    light = np.random.default_rng(0).random((8, 8, 3), np.float32) * 300
    fit = nf.fit(small(), light, steps=3, batch=50, **FAST)
    assert str(fit).startswith("relative_mse ")
    with pytest.raises(InputError, match="until_psnr needs values in"):
        nf.fit(small(), light, until_psnr=30)


def test_parameters_return_when_the_average_is_left_with_an_error() -> None:
    step = next(iter(nf.steps(small(), picture(), steps=2, ema=0.8, **FAST)))
    own = bits(step.state.field)

    def leave() -> None:
        with step.state.averaged():
            raise RuntimeError

    with pytest.raises(RuntimeError):
        leave()
    assert same(bits(step.state.field), own)


def test_a_plain_module_and_a_plain_array() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
    array = np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10)
    fit = nf.fit(module, array, steps=200, optimizer=Adam(lr=2e-2), ema=0.5)
    assert fit.field is module
    assert fit.psnr > 25


def test_a_path(tmp_path: Any) -> None:
    path = tmp_path / "array.npy"
    np.save(path, np.full((4, 5), 0.5, dtype=np.float32))
    assert nf.fit(MLP(2, 1), path, steps=1).field.provenance["signal"]["name"] == "array.npy"  # type: ignore[index]


def test_an_optimizer_of_torch() -> None:
    fit = nf.fit(MLP(2, 3), picture(), steps=5, optimizer=lambda module: torch.optim.SGD(module.parameters(), lr=0.1))
    assert fit.history.loss[-1] < fit.history.loss[0]


def test_an_objective_of_ones_own() -> None:
    def objective(field: Any, batch: Any, step: int) -> dict[str, Tensor]:
        error = (field(batch.x) - batch.y).square().mean()
        return {"fit": 2 * error, "step": error.detach() * 0 + step}

    steps = list(nf.steps(small(), picture(), objective=objective, steps=3))
    assert [step.terms["step"] for step in steps] == [0, 1, 2]
    assert all(step.loss == pytest.approx(sum(step.terms.values())) for step in steps)
    assert all(step.psnr is None for step in steps)


def test_a_batch_larger_than_the_signal() -> None:
    (step,) = nf.steps(small(), picture(), steps=1, batch=10_000)
    assert step.samples == 192


def test_a_diverging_fit_says_so() -> None:
    with pytest.raises(NeuralFieldsError, match=r"the loss became (nan|inf) at step \d+: try a lower learning rate"):
        nf.fit(small(), picture(), steps=30, optimizer=Adam(lr=1e30))


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    field = small()
    before = bits(field)

    def objective(field: Any, batch: Any, step: int) -> dict[str, Tensor]:
        return {"l2": (field(batch.x) * torch.inf).sum()}

    with pytest.raises(NeuralFieldsError, match="at step 1"):
        nf.fit(field, picture(), steps=3, objective=objective)
    assert same(bits(field), before)


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        (MLP(3, 3), "a field for the image has in_dim 2, this MLP has 3"),
        (MLP(2, 1), "a field for the image has out_dim 3, this MLP has 1"),
    ],
)
def test_fields_that_do_not_fit_the_signal(field: Field, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        nf.steps(field, picture(), steps=1)  # before the first step is asked for


def test_a_module_that_does_not_fit_is_not_broadcast() -> None:
    with pytest.raises(InputError, match=r"values of shape \[192, 1\] for targets \[192, 3\]"):
        nf.fit(nn.Linear(2, 1), picture(), steps=1)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"steps": 0}, "steps must be positive and finite, got 0"),
        ({"steps": -1}, "got -1"),
        ({"seconds": 0.0}, "seconds must be positive"),
        ({"seconds": float("inf")}, "seconds must be positive and finite, got inf"),
        ({"seconds": float("nan")}, "got nan"),
        ({"until_psnr": -3.0}, "until_psnr must be positive"),
        ({"batch": 0}, "batch must be positive"),
        ({"ema": 1.0}, "between 0 and 1, got 1.0"),
        ({"ema": 0.0}, "between 0 and 1, got 0.0"),
        ({"seed": -1}, "seed"),
        ({"sampler": "teaching"}, r"sampler is nf.fitting.Teaching\(\) or the like, got 'teaching'"),
        ({"objective": "l2"}, r"objective is nf.objectives.Regression\(\) or the like, got 'l2'"),
        ({"optimizer": "adam"}, "got 'adam'"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        nf.fit(small(), picture(), **{"steps": 1, **settings})


def test_a_signal_that_is_none() -> None:
    with pytest.raises(InputError, match="not a NoneType"):
        nf.fit(small(), None, steps=1)
