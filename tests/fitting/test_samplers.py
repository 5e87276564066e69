"""Samplers choose what they say, and resume where they were; fields hear what the loop tells them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import neuralfields as nf
from neuralfields import Field
from neuralfields.encodings import GaussianPoints, RadialBasis
from neuralfields.errors import InputError
from neuralfields.files.images import Pixels
from neuralfields.fitting import Adam, Decay, LossWeighted, Teaching
from neuralfields.fitting.loop import start
from neuralfields.fitting.samplers import INTERVALS, RATIOS
from neuralfields.networks import MLP, Siren, SplitWavelet
from neuralfields.signals import Image, Samples


def half_hard(side: int = 16) -> Image:
    """Flat on the left, noise on the right."""
    values = np.full((side, side), 0.5, np.float32)
    values[:, side // 2 :] = np.random.default_rng(0).random((side, side // 2))
    return Image.from_array(values, name="half")


def zero(x: Tensor) -> Tensor:
    return torch.full_like(x[..., :1], 0.5)


@pytest.mark.parametrize("name", RATIOS)
def test_ratios_rise_from_their_start(name: str) -> None:
    course = [RATIOS[name](0.2, t / 1000) for t in range(1000)]
    assert course[0] == pytest.approx(0.2)
    assert course == sorted(course)
    assert max(course) <= 1


def test_the_schedule_of_the_paper() -> None:
    # 5000 steps: where stages begin, how often it chooses, the mean share; methods/int_nonparametric_teaching.md.
    due, chosen = 0, []
    for step in range(5000):
        if step >= due:
            chosen.append(step)
            due = step + INTERVALS["incremental"](step / 5000)
    assert len(chosen) == 1422
    assert RATIOS["step"](0.2, 4999 / 5000) == pytest.approx(0.92)
    assert sum(RATIOS["step"](0.2, step / 5000) for step in range(5000)) / 5000 == pytest.approx(0.56)


def test_the_worst_samples_are_chosen() -> None:
    image = half_hard()
    batch = Teaching(start=0.25, ratio="constant")().draw(zero, image, 10_000, seed=0, step=0, fraction=0.0)
    everything = image.at(torch.arange(image.size))
    error = (everything.y - 0.5).abs()[:, 0]
    assert batch.index is not None
    assert set(batch.index.tolist()) == set(error.topk(image.size // 4).indices.tolist())
    assert torch.equal(batch.y, everything.y[batch.index])


def test_some_may_be_random() -> None:
    image = half_hard()
    batch = Teaching(start=0.25, ratio="constant", random=1.0)().draw(zero, image, 10_000, seed=0, step=0, fraction=0.0)
    assert len(batch) == image.size // 4 == len(set(batch.index.tolist()))  # type: ignore[union-attr]
    assert bool((batch.x[:, 0] < 0).any()) and bool((batch.x[:, 0] > 0).any())


def test_batches_are_drawn_from_the_chosen() -> None:
    image, teacher = half_hard(), Teaching(start=0.5, ratio="constant")()
    drawn = [teacher.draw(zero, image, 20, seed=0, step=step, fraction=0.99) for step in range(2)]
    assert [len(batch) for batch in drawn] == [20, 20]
    assert not torch.equal(drawn[0].x, drawn[1].x)
    assert all(bool((batch.x[:, 0] > 0).all()) for batch in drawn)


def test_held_out_pixels_are_never_taught() -> None:
    image = Image.from_array(np.random.default_rng(0).random((12, 12)).astype(np.float32), holdout=0.5)
    held = {int(i) for batch in image.held_out(1000) for i in batch.index}  # type: ignore[union-attr]
    batch = Teaching(start=1.0)().draw(zero, image, 1000, seed=0, step=0, fraction=0.0)
    assert not held & set(batch.index.tolist())  # type: ignore[union-attr]


def test_all_samples_at_every_step_is_a_fit_of_all() -> None:
    def fitted(sampler: Any) -> Tensor:
        torch.manual_seed(0)
        field = Siren(2, 1, width=8, depth=1)
        nf.fit(field, half_hard(), steps=5, batch=10_000, sampler=sampler)
        return torch.cat([p.detach().flatten() for p in field.parameters()])

    assert torch.equal(fitted(Teaching(start=1.0, ratio="constant", interval="dense")), fitted(None))


@pytest.mark.parametrize("sampler", [Teaching(start=0.3, random=0.2), LossWeighted(cells=4)], ids=["teaching", "loss"])
def test_a_resumed_fit_has_the_same_bits(sampler: Any) -> None:
    settings: dict[str, Any] = {"steps": 30, "batch": 40, "seed": 3, "decay": Decay(0.2, 0.1)}
    factories: dict[str, Any] = {"sampler": sampler, "optimizer": Adam(1e-2)}

    def field() -> Field:
        torch.manual_seed(0)
        return Siren(2, 1, width=8, depth=1)

    whole = nf.fit(field(), half_hard(), **settings, **factories).field
    for step in nf.steps(field(), half_hard(), **settings, **factories):
        if step.step == 17:
            kept = {name: t.clone() for name, t in step.state.tensors().items()}, step.state.numbers()
            break
    state = start(field(), **factories)
    state.restore(*kept)
    resumed = nf.fit(state.field, half_hard(), **settings, state=state).field
    for left, right in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(left, right)


def test_hard_regions_are_drawn_more_often_and_weighted_less() -> None:
    image, sampler = half_hard(), LossWeighted(cells=4, uniform=0.1)()
    everything = image.at(torch.arange(image.size))
    assert sampler.draw(zero, image, 50, seed=0, step=0, fraction=0.0).weight is None
    sampler.feedback(everything.x, (everything.y - 0.5).square()[:, 0])
    drawn = [sampler.draw(zero, image, 60, seed=0, step=step, fraction=0.0) for step in range(200)]
    x = torch.cat([batch.x for batch in drawn])
    weight = torch.cat([batch.weight for batch in drawn])  # type: ignore[misc]
    hard = x[:, 0] > 0
    # Half of the samples are hard ones, with p in proportion to 0.1 + 0.9 * 2 against 0.1.
    assert float(hard.float().mean()) == pytest.approx(1.9 / 2.0, abs=0.02)
    # Weighted, both halves count as much.
    assert float(weight[hard].sum() / weight.sum()) == pytest.approx(0.5, abs=0.05)


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(InputError, match="above 0 up to 1"):
        Teaching(start=0.0)
    with pytest.raises(InputError, match="ratio is one of"):
        Teaching(ratio="cubic")
    with pytest.raises(InputError, match="one candidate"):
        Teaching(pool=0)
    with pytest.raises(InputError, match="oversample 2 or more"):
        LossWeighted(oversample=1)
    with pytest.raises(InputError, match="too many"):
        LossWeighted(cells=1 << 12)().draw(zero, half_hard(), 5, seed=0, step=0, fraction=0.0)


class Hearing(Field):
    """A field that notes what it is told."""

    def __init__(self, in_dim: int = 2) -> None:
        super().__init__()
        self.in_dim, self.out_dim = in_dim, 1
        self.inner = MLP(in_dim, 1, width=4, depth=1)
        self.heard: list[Any] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)

    def place(self, detail: Callable[[int], Tensor]) -> None:
        self.heard.append(("place", detail(50)))

    def advance(self, fraction: float) -> None:
        self.heard.append(("advance", fraction))

    def feedback(self, x: Tensor, loss: Tensor) -> None:
        self.heard.append(("feedback", x, loss))


def test_fields_are_told_what_happens() -> None:
    image, field = half_hard(), Hearing()
    nf.fit(nf.Chain(field), image, steps=8, batch=30)
    words = [entry[0] for entry in field.heard]
    assert words == ["place"] + (["advance"] * 4 + ["feedback"]) * 2
    assert [entry[1] for entry in field.heard if entry[0] == "advance"] == [step / 8 for step in range(8)]
    points = field.heard[0][1]
    assert points.shape == (50, 2)
    assert float((points[:, 0] > -0.1).float().mean()) > 0.9
    assert torch.equal(points, image.detail(50, seed=0))
    _, x, loss = field.heard[-1]
    batch = image.draw(30, seed=0, step=7)
    assert torch.equal(x, batch.x)
    torch.testing.assert_close(loss, (field(batch.x) - batch.y).detach().square().mean(-1))


class Pair(Field):
    """The sum of two fields that note what they are told."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 2, 1
        self.parts = nn.ModuleList([Hearing(), Hearing()])

    def forward(self, x: Tensor) -> Tensor:
        return self.parts[0](x) + self.parts[1](x)


@pytest.mark.parametrize(
    "signal", [half_hard(), Samples(torch.rand(500, 2), torch.rand(500))], ids=["image", "samples"]
)
def test_two_fields_are_placed_at_different_points(signal: Any) -> None:
    def placed(seed: int) -> list[Tensor]:
        field = Pair()
        nf.fit(field, signal, steps=1, seed=seed)
        return [part.heard[0][1] for part in field.parts]  # type: ignore[union-attr, index]

    one, other = placed(3)
    assert one.shape == other.shape == (50, 2) and not torch.equal(one, other)
    assert all(torch.equal(left, right) for left, right in zip((one, other), placed(3), strict=True))


def test_a_resumed_fit_is_not_placed_again() -> None:
    field = Hearing()
    state = next(nf.steps(field, half_hard(), steps=2, batch=30)).state
    field.heard.clear()
    nf.fit(field, half_hard(), steps=2, batch=30, state=state)
    assert [entry[0] for entry in field.heard] == ["advance"]


def test_detail_lies_where_the_image_varies() -> None:
    values = np.zeros((40, 60, 3), np.uint8)
    values[:, 45:] = 255
    points = Image.from_array(values).detail(2000, seed=1)
    assert points.shape == (2000, 2)
    assert float(points.abs().max()) <= 1
    edge = 2 * 45 / 60 - 1
    assert float(((points[:, 0] - edge).abs() < 2 / 60 + 1e-6).float().mean()) > 0.97
    assert abs(float(points[:, 1].mean())) < 0.1
    flat = Image.from_array(np.full((9, 9), 7, np.uint8)).detail(4000, seed=1)
    assert abs(float(flat.mean())) < 0.05


def test_detail_of_held_out_pixels_is_not_known() -> None:
    values = np.zeros((30, 30), np.float32)
    values[:, :15] = np.random.default_rng(0).random((30, 15))
    image = Image.from_array(values, holdout=0.4)
    held = torch.cat([batch.index for batch in image.held_out(1000)])  # type: ignore[misc]
    other = values.copy().reshape(-1)
    other[held] = np.random.default_rng(1).random(len(held))
    points = image.detail(3000, seed=2)
    assert torch.equal(Image.from_array(other.reshape(30, 30), holdout=0.4).detail(3000, seed=2), points)
    assert float((points[:, 0] < 0.1).float().mean()) > 0.9


def test_detail_of_linear_images_is_not_all_in_the_sun() -> None:
    values = np.random.default_rng(0).random((32, 32, 3)).astype(np.float32)
    values[4:8, 4:8] += 1e4
    points = Image(Pixels(values, linear=True)).detail(4000, seed=1)
    assert float((points.abs().amax(-1) > 0.6).float().mean()) > 0.3


@pytest.mark.parametrize("samples", [40, 500])
def test_detail_of_samples_is_everywhere_and_as_much_as_asked_for(samples: int) -> None:
    x = torch.linspace(0, 1, samples)
    field = Hearing(1)
    nf.fit(field, Samples(x, x), steps=1)
    found = field.heard[0][1]
    assert found.shape == (50, 1)
    assert len(found.unique()) == min(50, samples)
    assert abs(float(found[:30].mean())) < 0.4, "the first ones are not all at one end"


@pytest.mark.parametrize("make", [lambda: RadialBasis(2), lambda: GaussianPoints(2), lambda: SplitWavelet(2, 1)])
def test_places_are_taken_once(make: Callable[[], Field]) -> None:
    def detail(n: int) -> Tensor:
        return torch.rand(n, 2) * 2 - 1

    field = make()
    fresh = {name: t.clone() for name, t in field.state_dict().items()}
    field.place(detail)
    placed = {name: t.clone() for name, t in field.state_dict().items()}
    assert any(not torch.equal(fresh[name], placed[name]) for name in fresh if name != "placed")
    other = make()
    other.load_state_dict(placed)
    for again in (field, other):
        again.place(detail)
        assert all(torch.equal(placed[name], t) for name, t in again.state_dict().items())


@pytest.mark.parametrize("make", [RadialBasis, GaussianPoints])
def test_a_second_fit_goes_on_from_the_first(make: Any) -> None:
    torch.manual_seed(0)
    field = nf.Chain(make(2, features=4), MLP(4, 1, width=8, depth=1))
    first = nf.fit(field, half_hard(), steps=60, batch=100).history.loss[-20:]
    second = nf.fit(field, half_hard(), steps=1, batch=10_000, seed=1).history.loss[0]
    assert second < 1.5 * sum(first) / 20


@pytest.mark.parametrize("sampler", [Teaching(), LossWeighted(unbiased=False)], ids=["teaching", "loss"])
@pytest.mark.parametrize("aim", [15.0, 90.0])
def test_batches_that_are_chosen_do_not_tell_the_quality(sampler: Any, aim: float) -> None:
    """The whole signal is measured once in a while instead, so that a fit ends where it has what was asked for."""
    torch.manual_seed(0)
    field, image = Siren(2, 1, width=8, depth=1), flat_but_for_a_corner()
    fit = nf.fit(field, image, steps=100, batch=64, until_psnr=aim, sampler=sampler, optimizer=Adam(3e-2))
    assert fit.reached is (aim < 50)
    assert (fit.steps < 100) is (aim < 50)
    assert any(psnr is not None for psnr in fit.history.psnr) and None in fit.history.psnr


def flat_but_for_a_corner() -> Image:
    values = np.full((16, 16), 0.5, np.float32)
    values[:4, :4] = np.random.default_rng(0).random((4, 4))
    return Image.from_array(values, name="corner")
