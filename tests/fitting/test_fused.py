"""What the fused step must not take, or must notice: each fit ends as it does in plain PyTorch."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

import neuralfields as nf
from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.fitting.loop import Step
from neuralfields.fitting.state import State
from neuralfields.ops import native
from neuralfields.ops.field_step import Samples, Task, Update
from neuralfields.protocols import Batch
from neuralfields.signals import Image

STEPS = 4
pytestmark = pytest.mark.skipif(native.reason() is not None, reason="there is no native core")


def image() -> Image:
    return Image.from_array(torch.rand(16, 16, 3, generator=torch.Generator().manual_seed(5)).numpy())


def field() -> nf.Chain:
    torch.manual_seed(0)
    grid = nf.encodings.HashGrid(2, levels=2, log2_size=6, base=4, finest=16)
    return nf.Chain(grid, nf.networks.MLP(4, 3, width=8, depth=2))


def tied() -> nf.Chain:
    made = field()
    mlp = nf.networks.MLP(4, 4, width=4, depth=1)
    mlp.layers[1].weight = mlp.layers[0].weight
    return nf.Chain(*list(made)[:1], mlp, nf.networks.MLP(4, 3, depth=0))


def tied_alone() -> nf.Field:
    torch.manual_seed(0)
    mlp = nf.networks.MLP(2, 2, width=2, depth=1)
    mlp.layers[1].weight = mlp.layers[0].weight
    return mlp


class Doubled(nf.objectives.Regression):
    """Means something else than what it inherits ``task`` from."""

    def __call__(self, field: nf.field.FieldLike, batch: Batch, step: int) -> dict[str, Tensor]:
        return {self.loss: 2 * super().__call__(field, batch, step)[self.loss]}


def freeze(state: State) -> None:
    state.field.parts[0].table.requires_grad_(False)  # type: ignore[union-attr,operator]


def clip(state: State) -> None:
    next(state.field.parameters()).register_hook(lambda g: g.clamp(-1e-4, 1e-4))


def double_values(state: State) -> None:
    state.field.parts[1].register_forward_hook(lambda module, x, y: 2 * y)  # type: ignore[union-attr,operator]


def after_steps(state: State) -> None:
    weight = list(state.field.parameters())[-1]
    state.optimizer.register_step_post_hook(lambda *_: weight.data.mul_(0.5))


def betas(state: State) -> None:
    for group in state.optimizer.param_groups:
        group["betas"] = (0.5, 0.6)


def decay(state: State) -> None:
    state.optimizer.param_groups[-1]["weight_decay"] = 0.1


def fresh_moments(state: State) -> None:
    state.optimizer.load_state_dict({**state.optimizer.state_dict(), "state": {}})


def part_rates(state: State) -> None:
    last = state.optimizer.param_groups[-1]
    state.optimizer.param_groups.append({**last, "params": [last["params"].pop()], "lr": 1e-5, "initial_lr": 1e-5})


CHANGES = [freeze, clip, double_values, after_steps, betas, decay, fresh_moments, part_rates]


def course(state: State, change: Callable[[State], None] | None, when: int) -> Iterator[Step]:
    if change and not when:
        change(state)
    for step in nf.steps(state.field, image(), steps=STEPS, batch=64, state=state):
        if change and step.step == when:
            change(state)
        yield step


def ends_alike(make: Callable[[], State], change: Callable[[State], None] | None = None, when: int = 0) -> State:
    """The state after fits by whatever is chosen and in plain PyTorch, which are the same but for rounding."""
    chosen, plain = make(), make()
    losses = [step.loss for step in course(chosen, change, when)]
    with ops.backend("reference"):
        expected = [step.loss for step in course(plain, change, when)]
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-6)
    for a, b in zip(chosen.field.parameters(), plain.field.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=2e-3, atol=1e-4)
    return chosen


def begun(make: Callable[[], nn.Module], objective: nf.objectives.Regression | None = None) -> State:
    return nf.fitting.start(make(), objective=objective, optimizer=nf.fitting.Adam(lr=1e-3, betas=(0.9, 0.99)))


@pytest.mark.parametrize("when", [0, 2])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_is_changed_is_noticed(change: Callable[[State], None], when: int) -> None:
    ends_alike(lambda: begun(field), change, when)


def test_an_undisturbed_fit_is_fused() -> None:
    assert ends_alike(lambda: begun(field)).kernels == {"field_step": "cpu"}


def test_a_fit_tells_its_kernels() -> None:
    with ops.used() as around:
        fit = nf.fit(field(), image(), steps=2, batch=64)
    assert fit.kernels == {"field_step": "cpu"}
    assert around["field_step"] == "cpu"


def test_tied_weights_are_left_to_autograd() -> None:
    assert "field_step" not in ends_alike(lambda: begun(tied)).kernels


def test_tied_weights_are_refused_by_the_op() -> None:
    network = tied_alone()
    state = nf.fitting.start(network)
    assert state.optimizer.updates(nf.field.model_of(network).parameters) is None  # type: ignore[union-attr,operator]


def test_an_objective_that_means_more_is_left_to_autograd() -> None:
    assert "field_step" not in ends_alike(lambda: begun(field, Doubled())).kernels


def test_moments_are_those_of_the_moment() -> None:
    """A step notices moments that were put in the place of others."""
    state = begun(field)
    model = nf.field.model_of(state.field)
    assert model is not None
    batch = next(image().chunks(64))
    given = Samples(batch.x, batch.y), Task("l2")
    updates = state.optimizer.updates(model.parameters)  # type: ignore[operator]
    assert ops.field_step.attempt(model, *given, updates) is not None
    others = [
        Update(u.parameter, torch.zeros_like(u.mean), u.square, u.step, u.lazy, u.lr, u.beta1, u.beta2, u.epsilon)
        for u in updates
    ]
    kept = [u.mean.clone() for u in updates]
    ops.field_step.attempt(model, *given, others)
    assert all(torch.equal(a.mean, b) for a, b in zip(updates, kept, strict=True))
    assert all(u.mean.any() for u in others)


def test_no_samples_are_an_error() -> None:
    state = begun(field)
    model = nf.field.model_of(state.field)
    assert model is not None
    updates = state.optimizer.updates(model.parameters)  # type: ignore[operator]
    with pytest.raises(InputError, match="one sample or more"):
        ops.field_step(model, Samples(torch.empty(0, 2), torch.empty(0, 3)), Task("l2"), updates)
