"""Which rate each parameter gets, who is lazy, and how rates decay."""

import math

import pytest
import torch
from torch import Tensor, nn

import neuralfields as nf
from neuralfields import Chain, Field
from neuralfields.encodings import FourierFeatures, HashGrid
from neuralfields.errors import InputError
from neuralfields.fields import Affine
from neuralfields.fitting import Adam, Decay
from neuralfields.fitting.optimizers import LazyAdam
from neuralfields.networks import MLP, Siren


def groups(optimizer: LazyAdam) -> dict[int, dict[str, object]]:
    return {id(p): group for group in optimizer.param_groups for p in group["params"]}


def test_rates_by_method() -> None:
    grid, network, siren = HashGrid(2, levels=2), MLP(4, 2), Siren(2, 1, width=4)
    found = groups(Adam(lr=1e-3, weight_decay=0.1)(Chain(grid, network, siren)))
    assert len(found) == len(list(Chain(grid, network, siren).parameters()))
    table = found[id(grid.table)]
    assert (table["lr"], table["lazy"], table["weight_decay"]) == (pytest.approx(1e-2), True, 0.0)
    for layer in network.layers:
        group = found[id(layer.weight)]
        assert (group["lr"], group["lazy"], group["weight_decay"]) == (1e-3, False, 0.1)
    assert found[id(siren.layers[0].bias)]["lr"] == pytest.approx(5e-4)  # type: ignore[union-attr]


def test_the_rate_of_tables() -> None:
    grid, network = HashGrid(2, levels=2), MLP(4, 2)
    found = groups(Adam(lr=1e-3, table_lr=0.5)(Chain(grid, network)))
    assert found[id(grid.table)]["lr"] == 0.5
    assert found[id(network.layers[0].weight)]["lr"] == 1e-3


def test_fields_inside_other_modules_keep_their_rates() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.grid = HashGrid(2, levels=2)
            self.own = nn.Linear(4, 1)

    module = Outer()
    found = groups(Adam(lr=1e-3)(module))
    assert found[id(module.grid.table)]["lazy"] is True
    assert found[id(module.own.weight)]["lr"] == 1e-3


def test_frozen_parameters_are_left_out() -> None:
    chain = Chain(HashGrid(2, levels=2), MLP(4, 2))
    chain.parts[0].requires_grad_(False)
    assert len(groups(Adam()(chain))) == 6


def test_shared_parameters_are_fitted_once() -> None:
    part = MLP(2, 2, width=3, depth=1)
    tied = nn.Module()
    tied.first, tied.second = nn.Linear(2, 2), nn.Linear(2, 2)
    tied.second.weight = tied.first.weight
    assert len(groups(Adam()(Chain(part, part)))) == 4
    assert sum(len(group["params"]) for group in Adam()(tied).param_groups) == 3


@pytest.mark.parametrize("field", [Affine(2), FourierFeatures(2)])
def test_nothing_to_fit(field: Field) -> None:
    with pytest.raises(InputError, match=f"{type(field).__name__} has no parameters to fit"):
        Adam()(field)


def test_a_step_is_torchs() -> None:
    """With weight decay as L2, two groups with unlike rates, and a missing gradient."""
    torch.manual_seed(0)
    field = Chain(MLP(2, 2, width=3, depth=1), Siren(2, 1, width=3, depth=1)).double()
    theirs = [p.detach().clone().requires_grad_() for p in field.parameters()]
    rates = [1e-2] * 4 + [5e-3] * 4
    torchs = torch.optim.Adam(
        [{"params": [p], "lr": rate} for p, rate in zip(theirs, rates, strict=True)],
        betas=(0.8, 0.95),
        eps=1e-6,
        weight_decay=0.1,
    )
    ours = Adam(lr=1e-2, betas=(0.8, 0.95), epsilon=1e-6, weight_decay=0.1)(field)
    for step in range(5):
        for i, (mine, other) in enumerate(zip(field.parameters(), theirs, strict=True)):
            mine.grad = None if i == step else torch.randn_like(mine)
            other.grad = None if mine.grad is None else mine.grad.clone()
        ours.step()
        torchs.step()
    for mine, other in zip(field.parameters(), theirs, strict=True):
        torch.testing.assert_close(mine, other)


def test_rows_of_a_table_that_no_sample_touches_stay() -> None:
    torch.manual_seed(0)
    grid = HashGrid(2, levels=1, log2_size=10, base=16, finest=16)
    optimizer = Adam(lr=1e-2, weight_decay=0.5)(grid)
    before = grid.table.detach().clone()
    for place in (0.1, 0.1, 0.7):
        optimizer.zero_grad()
        grid(torch.tensor([[place, 0.3]])).sum().backward()
        optimizer.step()
    moved = (grid.table != before).any(1)
    assert int(moved.sum()) == 8
    assert sorted(optimizer.state[grid.table]["step"][moved].tolist()) == [1] * 4 + [2] * 4


def test_counters_follow_the_parameters_to_their_device() -> None:
    table = nn.Parameter(torch.zeros(3, 2))
    one = LazyAdam([{"params": [table], "lr": 0.1, "lazy": True}], betas=(0.9, 0.99), epsilon=1e-8)
    table.grad = torch.ones_like(table)
    one.step()
    elsewhere = nn.Parameter(torch.zeros(3, 2, device="meta"))
    other = LazyAdam([{"params": [elsewhere], "lr": 0.1, "lazy": True}], betas=(0.9, 0.99), epsilon=1e-8)
    other.load_state_dict(one.state_dict())
    assert other.state[elsewhere]["step"].device.type == "meta"
    assert other.state[elsewhere]["step"].dtype == torch.int32


@pytest.mark.parametrize(
    "arguments",
    [
        {"lr": 0.0},
        {"lr": math.inf},
        {"lr": math.nan},
        {"table_lr": 0.0},
        {"epsilon": 0.0},
        {"weight_decay": -1.0},
        {"weight_decay": math.nan},
        {"betas": (1.0, 0.9)},
        {"betas": (0.9, -0.1)},
    ],
    ids=str,
)
def test_adams_that_are_none(arguments: dict[str, object]) -> None:
    wrong = {"lr": "rates", "table_lr": "rates"}
    with pytest.raises(InputError, match="Adam.*" + next(wrong.get(name, name) for name in arguments)):
        Adam(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decay", "course"),
    [
        (Decay(), [1, 1, 1, 1, 1]),
        (Decay(0.0, 0.01), [1, 10**-0.5, 0.1, 10**-1.5, 0.01]),
        (Decay(0.5, 0.01), [1, 1, 1, 0.1, 0.01]),
        (Decay(1.0, 0.01), [1, 1, 1, 1, 1]),
    ],
)
def test_decay(decay: Decay, course: list[float]) -> None:
    assert [decay(fraction) for fraction in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx(course)
    assert decay(7.0) == decay(1.0)


@pytest.mark.parametrize(("start", "final"), [(-0.1, 0.5), (1.1, 0.5), (0.5, 0.0), (0.5, 1.5), (math.nan, 0.5)])
def test_decays_that_are_none(start: float, final: float) -> None:
    with pytest.raises(InputError, match="a decay starts"):
        Decay(start, final)


def own_parameter(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values)


class TableInside(Field):
    """A field whose table lies in a module of its own: only direct parameters are tables."""

    in_dim = out_dim = 1
    tables = ("table",)

    def __init__(self) -> None:
        super().__init__()
        self.table = own_parameter(torch.zeros(4, 1))
        self.inner = nn.Module()
        self.inner.table = own_parameter(torch.zeros(4, 1))


def test_only_a_fields_own_parameters_are_tables() -> None:
    field = TableInside()
    found = groups(Adam()(field))
    assert found[id(field.table)]["lazy"] is True
    assert found[id(field.inner.table)]["lazy"] is False


class Planes(nf.Field):
    """Tables in a list, as tri-planes have them."""

    tables = ("planes",)

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 2, 1
        self.planes = torch.nn.ParameterList([torch.zeros(4, 1), torch.zeros(4, 1)])
        self.other = torch.nn.Parameter(torch.zeros(1))


def test_a_list_of_tables_is_lazy() -> None:
    groups = Adam()(Planes()).param_groups
    assert {group["lazy"]: len(group["params"]) for group in groups} == {True: 2, False: 1}
