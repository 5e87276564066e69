"""Fields as programs: what is covered, what is refused and why, and classes from elsewhere."""

import json
from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn

import neuralfields as nf
from neuralfields import Chain, Field
from neuralfields.encodings import CoarseToFine, GaussianPoints, HashGrid, RadialBasis, Sape
from neuralfields.fields import Marched, Radiance
from neuralfields.networks import MLP
from neuralfields.ops.mlp import ACTIVATIONS
from neuralfields.recipes import METHODS
from neuralfields.viewer.describe import MAX_VALUES, Description, NotCovered, describes, description_of, program_of
from neuralfields.viewer.program import Apply, Contract, Grid, Input, Linear


def hash_field() -> Field:
    return Chain(HashGrid(2, levels=2, log2_size=6, base=4, finest=20), MLP(4, 3, width=8, depth=1))


def test_a_grid_and_a_network():
    grid, first, relu, last = program_of(hash_field()).nodes[1:]
    assert isinstance(grid, Grid) and [(level.start, level.rows) for level in grid.levels] == [(0, 16), (16, 64)]
    assert [level.hashed for level in grid.levels] == [False, True]
    assert first == Linear(1, "parts.1.layers.0.weight", "parts.1.layers.0.bias", None, 8)
    assert relu == Apply(2, "relu", 8)
    assert last == Linear(3, "parts.1.layers.1.weight", "parts.1.layers.1.bias", None, 3)


def test_arrays_are_named_as_the_parameters():
    field = hash_field()
    arrays = program_of(field).arrays
    assert {array.name: array.shape for array in arrays} == {n: tuple(p.shape) for n, p in field.named_parameters()}
    assert [(array.name, array.parts) for array in arrays if array.table] == [("parts.0.table", (16, 80))]


def test_a_program_is_json():
    program = asdict(program_of(hash_field()))
    assert json.loads(json.dumps(program, allow_nan=False))["nodes"][0] == {"size": 2, "kind": "input"}


def test_radiance_fields_know_their_density():
    radiance = Radiance(MLP(3, 4, width=5), MLP(4, 3, width=5), unbounded=True)
    program = program_of(Marched(radiance, cells=8, cone=0.01))
    assert program.density is not None and program.nodes[program.density].size == 1
    assert program.nodes[-1].size == 4
    assert [array.shape for array in program.arrays if array.name == "occupied"] == [(8, 8, 8)]
    assert any(isinstance(node, Contract) for node in program.nodes)


def test_what_moves_during_a_fit_is_an_array():
    field = CoarseToFine(HashGrid(1, levels=2, features=1, log2_size=4, base=2, finest=4))
    before = program_of(field)
    field.advance(0.2)
    description = description_of(field)
    assert description.program == before
    assert any(torch.equal(value().flatten(), field.mask()) for value in description.values.values())


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (lambda: GaussianPoints(2, points=4), "GaussianPoints looks for the points nearest"),
        (lambda: Chain(RadialBasis(2, centres=4, features=2), MLP(2, 3)), "RadialBasis looks for the points nearest"),
        (lambda: Sape(2, features=4, cells=8), "Sape has a mask of 192 values"),
        (lambda: MLP(2, 3, width=MAX_VALUES + 1, depth=1), str(MAX_VALUES + 1)),
        (lambda: nf.fields.Hierarchical(Radiance(MLP(3, 3), MLP(3, 3)), [], samples=[4]), "passes"),
    ],
)
def test_what_is_not_covered(field, reason):
    with pytest.raises(NotCovered, match=reason):
        program_of(field())


def covers(field: Field) -> bool:
    try:
        program_of(field)
    except NotCovered:
        return False
    return True


def test_methods_that_the_server_draws():
    image = nf.signals.Image.from_array(torch.rand(16, 16, 3).numpy())
    assert {name for name, method in METHODS.items() if not covers(method(image).field)} == {
        "sape",
        "neurbf",
        "gaussian-points",
    }


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_has_a_program(activation: str):
    assert covers(MLP(2, 3, width=4, depth=1, activation=activation))


def test_hooks_are_not_left_out_silently():
    field = hash_field()
    handle = field.register_forward_hook(lambda *_: None)
    with pytest.raises(NotCovered, match="hooks"):
        program_of(field)
    handle.remove()
    program_of(field)


class Doubled(Field):
    """Twice a linear map, from elsewhere."""

    def __init__(self):
        super().__init__()
        self.in_dim, self.out_dim = 2, 1
        self.layer = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.layer(x)


def test_a_class_of_another_package():
    with pytest.raises(NotCovered, match="Doubled"):
        program_of(Doubled())

    @describes(Doubled)
    def _(d: Description, field: Doubled, x: int) -> int:
        return d.affine(d.linear(x, field.layer.weight, field.layer.bias), 2.0)

    program = program_of(Chain(Doubled(), MLP(1, 1)))
    assert program.nodes[:2] == (Input(2), Linear(0, "parts.0.layer.weight", "parts.0.layer.bias", None, 1))
